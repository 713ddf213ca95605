"""A meeting's recording becomes its minutes: `python examples/meeting_minutes.py RECORDING`.

Speech first, then a chat about what was said. Long meetings do not fit into a small model's context, so each
stretch of the transcript gets minutes of its own.
"""

import sys
from pathlib import Path

from asking import ask
from openai import OpenAI

SYSTEM = "You write the minutes of meetings: a summary, then the decisions and who does what, as a list."
STRETCH = 6_000  # characters, some 1,500 tokens

client = OpenAI()
with Path(sys.argv[1]).open("rb") as recording:
    heard = client.audio.transcriptions.create(
        model="whisper-1", file=recording, response_format="verbose_json"
    )
print(f"{heard.duration:.0f} seconds of {heard.language}\n")

stretches = [""]
for segment in heard.segments or []:
    if len(stretches[-1]) + len(segment.text) > STRETCH:
        stretches.append("")
    stretches[-1] += segment.text
for text in stretches:
    question = f"This was said in the meeting:\n\n{text.strip()}\n\nWrite the minutes."
    ask(client, SYSTEM, question, temperature=0.2, frequency_penalty=0.3, max_tokens=260)
