"""Work that needs several features at once and belongs to no request."""
