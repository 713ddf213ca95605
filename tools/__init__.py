"""Checks and generators for this repository; no part of the product."""
