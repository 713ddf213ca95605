"""A personal message.

A small model is warm in tone, and mixes up who did what. Read it before you send it.
"""

from asking import ask
from openai import OpenAI

SYSTEM = "You write warm, short personal messages."
WISH = "Write a birthday message of three sentences to my friend Ana."

ask(OpenAI(), SYSTEM, WISH, temperature=0.4, frequency_penalty=0.4, max_tokens=100)
