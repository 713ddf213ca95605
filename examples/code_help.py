"""Help with code.

A model of this size shows the form of an answer and often misses the point: take a larger one for code.
"""

from asking import ask
from openai import OpenAI

SYSTEM = "You help with Python. You say what is wrong, then show the corrected function."
QUESTION = """This fails with an empty list. What should it do instead?

def average(numbers):
    return sum(numbers) / len(numbers)"""

ask(OpenAI(), SYSTEM, QUESTION, temperature=0.1, max_tokens=220)
