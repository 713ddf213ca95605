"""A spoken question is answered in text: `python examples/spoken_question.py RECORDING`.

The language is found first. The embedded chat model knows English best, so a question in another language is
answered by way of its English translation; a larger model answers in any language that is added below.
"""

import sys
from pathlib import Path

from asking import ask
from openai import OpenAI

ANSWERED_IN = {"english"}  # languages that the chat model writes well
SYSTEM = "You answer a spoken question in two or three short sentences, in {language}."

client = OpenAI()
recording = Path(sys.argv[1])
heard = client.audio.transcriptions.create(model="whisper-1", file=recording, response_format="verbose_json")
print(f"Asked in {heard.language}: {heard.text.strip()}")

language, question = heard.language, heard.text
if language not in ANSWERED_IN:
    language, question = "english", client.audio.translations.create(model="whisper-1", file=recording).text
    print(f"In English: {question.strip()}")
ask(
    client,
    SYSTEM.format(language=language.title()),
    question,
    temperature=0.2,
    frequency_penalty=0.3,
    max_tokens=140,
)
