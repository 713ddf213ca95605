"""A holiday plan, as JSON that a program can go on with.

The schema gives the form, so that three days are three days. A small model knows few places and may invent
some: the plan is a frame to fill in.
"""

import json

from asking import ask
from openai import OpenAI

SYSTEM = "You plan trips for families."
WISH = "Plan three days in Lisbon for two adults and a child who likes boats."
DAY = {
    "type": "object",
    "properties": {"place_to_visit": {"type": "string"}, "what_to_do_there": {"type": "string"}},
    "required": ["place_to_visit", "what_to_do_there"],
    "additionalProperties": False,
}
PLAN = {
    "type": "object",
    "properties": {"day_1": DAY, "day_2": DAY, "day_3": DAY},
    "required": ["day_1", "day_2", "day_3"],
    "additionalProperties": False,
}
FORM = {"type": "json_schema", "json_schema": {"name": "plan", "strict": True, "schema": PLAN}}

answer = ask(
    OpenAI(), SYSTEM, WISH, temperature=0.3, frequency_penalty=0.3, max_tokens=400, response_format=FORM
)
try:
    for day, parts in json.loads(answer).items():
        print(f"{day}: {parts['place_to_visit']} / {parts['what_to_do_there']}")
except json.JSONDecodeError:
    print("The plan was cut off at the most tokens.")
