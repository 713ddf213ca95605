"""Organizations, their projects and the keys that callers show."""
