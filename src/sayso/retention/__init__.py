"""The data promise: what is kept, for how long, under which keys, and how it goes."""
