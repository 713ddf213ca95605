"""Dedicated instances: compute that is reserved for one project and paid for by time."""
