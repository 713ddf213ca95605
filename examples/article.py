"""An article from an outline.

A small model keeps to an outline better than to a bare topic: the outline is its memory. It repeats itself
and makes up details all the same; read what it wrote before anybody else does.
"""

from asking import ask
from openai import OpenAI

SYSTEM = "You write short, factual articles for a newsletter."
OUTLINE = """Write a short article from this outline. Use the three points as its paragraphs.

Title: Why cities plant trees
1. Trees cool streets in summer.
2. Their roots take up rain that would flood cellars.
3. People walk more where there is shade."""

ask(OpenAI(), SYSTEM, OUTLINE, temperature=0.3, frequency_penalty=0.3, max_tokens=300)
