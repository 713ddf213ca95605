"""The `system_fingerprint`: one short name for all that makes an answer what it is."""

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

DIGITS = 12


def fingerprint(digest: str, build: Mapping[str, str], settings: Mapping[str, object]) -> str:
    """Return `fp_` and 12 hex digits of a snapshot's digest, an engine's build and its settings.

    `build` has the version of everything that computes, `settings` what can change an answer and nothing
    else: values of JSON.
    """
    made_of = {"snapshot": digest, "build": dict(build), "settings": dict(settings)}
    text = json.dumps(made_of, sort_keys=True, separators=(",", ":"))
    return "fp_" + hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def build_of(engine: str, *distributions: str) -> dict[str, str]:
    """Return the version of sayso, whose prompts and sampling are part of an engine, and of its libraries."""
    return {"engine": engine, **{name: _version(name) for name in ("sayso", *distributions)}}


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""
