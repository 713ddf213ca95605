"""The `sayso` command: a file per command."""
