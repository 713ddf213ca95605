"""OpenAI's endpoints: wire JSON in, core values through the spine, wire JSON out."""
