"""The embedded chat engine: OpenVINO GenAI's continuous batching over a GGUF file."""
