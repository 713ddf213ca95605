"""The engine host: one model in a process of its own, behind the OpenAI protocol."""
