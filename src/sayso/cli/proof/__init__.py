"""`sayso prove-retention`: known content, put into a server of its own, then looked for."""
