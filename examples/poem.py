"""A short poem.

Four lines are what a small model manages; rhyme and metre are a larger one's business. The empty line is
where it would begin a second verse, so the answer stops there.
"""

from asking import ask
from openai import OpenAI

SYSTEM = "You are a poet. You write plainly."
WISH = "Write a poem of four lines about the sea in winter."

ask(OpenAI(), SYSTEM, WISH, temperature=0.6, stop="\n\n", max_tokens=90)
