"""The wire between gateway and engine host: the OpenAI protocol, with cumulative usage on every chunk.

Both ends are here, so that what one writes the other reads. A foreign server (vLLM, llama.cpp's) speaks the
same protocol with less in it; the decoders take what is there.
"""
