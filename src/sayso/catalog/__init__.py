"""The models that can be served: what they are made of, where the files come from, what they are called."""
