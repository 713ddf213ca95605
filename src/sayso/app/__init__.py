"""The composition root: settings become a database, engines, services and a server."""
