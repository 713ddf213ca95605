"""What the reference says of each route beside its code: titles, queries, bodies, examples, errors.

A table for each chapter, `ROUTES`, from method and path to a `Note`. `document.py` joins them with the
application's own list of routes into the OpenAPI document; `api/documentation` shows that.
"""
