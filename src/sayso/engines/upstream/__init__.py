"""Engines behind an OpenAI-compatible HTTP server: our own hosts, vLLM, llama.cpp's server, another sayso."""
