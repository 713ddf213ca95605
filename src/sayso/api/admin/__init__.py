"""The organization (admin) API: what administrators see and change."""
