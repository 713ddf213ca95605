"""Alembic's environment, inside the package so that an installed sayso can migrate."""
