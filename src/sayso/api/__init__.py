"""Everything that knows HTTP: endpoints, errors on the wire, middleware."""
