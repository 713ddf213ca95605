"""A hard topic made simple.

A small model finds the tone, and gets some of the facts wrong. The penalty keeps it from saying things twice.
"""

from asking import ask
from openai import OpenAI

SYSTEM = "You explain things to a ten-year-old, in short sentences."
TOPIC = "Explain how a vaccine works, in four short sentences."

ask(OpenAI(), SYSTEM, TOPIC, temperature=0.2, frequency_penalty=0.3, max_tokens=160)
