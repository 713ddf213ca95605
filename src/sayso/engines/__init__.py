"""Engines: models behind two protocols, messages or audio in, events out."""
