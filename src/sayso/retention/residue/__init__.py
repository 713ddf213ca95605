"""What an auditor asks of files: whether content is in them, and whether anybody can still read it."""
