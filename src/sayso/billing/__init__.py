"""What is used, what it costs, and what may be spent."""
