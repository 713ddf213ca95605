"""What the examples share: a question is asked, and the answer is printed as it comes."""

import os
from typing import Any

from openai import OpenAI

MODEL = os.environ.get("EXAMPLE_MODEL", "gpt-3.5-turbo")


def ask(client: OpenAI, system: str, user: str, **parameters: Any) -> str:
    """Print an answer token by token, and return it."""
    messages: list[Any] = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    stream = client.chat.completions.create(model=MODEL, messages=messages, stream=True, **parameters)
    said = ""
    for chunk in stream:
        part = chunk.choices[0].delta.content or ""
        said += part
        print(part, end="", flush=True)
    print()
    return said
