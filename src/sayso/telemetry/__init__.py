"""What the operator can see: logs and metrics, without a word of content."""
