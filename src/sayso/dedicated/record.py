"""An event's change as text, and back: the JSON of its fields."""

import json
from dataclasses import asdict
from typing import Any, Final, cast, get_args

from sayso.dedicated.configuration import Configuration, Share
from sayso.dedicated.events import Change
from sayso.dedicated.load import LoadSettings
from sayso.dedicated.plan import OnDemand, Plan, Rate, Reserved


def kind_of(change: Change) -> str:
    """Return the name of a change's kind, such as `became_ready`."""
    return _name(type(change))


def encode(change: Change) -> str:
    """Return a change's fields as JSON."""
    fields = asdict(change)
    if "plan" in fields and isinstance(getattr(change, "plan", None), OnDemand):
        fields["plan"] = None
    return json.dumps(fields, separators=(",", ":"))


def decode(kind: str, text: str) -> Change:
    """Return what `encode` wrote of a change of that kind."""
    fields = json.loads(text)
    if "configuration" in fields:
        fields["configuration"] = _configuration(fields["configuration"])
    if "rate" in fields:
        fields["rate"] = Rate(**fields["rate"])
    if "plan" in fields:
        fields["plan"] = _plan(fields["plan"])
    return cast("Change", _KINDS[kind](**fields))


def _configuration(fields: dict[str, Any]) -> Configuration:
    share, load = Share(**fields["share"]), LoadSettings(**fields["load"])
    return Configuration(fields["snapshot"], share, fields["context_length"], load)


def _plan(fields: dict[str, Any] | None) -> Plan:
    return OnDemand() if fields is None else Reserved(**fields)


def _name(kind: type[Any]) -> str:
    text = (f"_{letter.lower()}" if letter.isupper() else letter for letter in kind.__name__)
    return "".join(text).removeprefix("_")


_KINDS: Final[dict[str, type[Any]]] = {_name(kind): kind for kind in get_args(Change)}
