"""The console at /console: pages for people, and a way from them to the API without a key."""
