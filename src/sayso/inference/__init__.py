"""The spine: a request is admitted, routed to an engine, streamed and metered."""
