"""Write docs/settings.md from the settings themselves."""

import sys
from datetime import date
from pathlib import Path
from types import NoneType, UnionType
from typing import Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sayso.config import (
    CLIENT_VARIABLES,
    CONFIG_VARIABLE,
    ENV_PREFIX,
    DeprecationEntry,
    ModelEntry,
    ModelFile,
    Settings,
)

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"

INTRODUCTION = f"""# Settings

<!-- Written by tools/settings_page.py: change the descriptions in src/sayso/config.py and run it. -->

A setting is looked for in this order, and the first place that has it counts:

1. an option on the command line (`--host`, `--port`, `--data-dir`),
2. an environment variable: `{ENV_PREFIX}` and the setting's name in capitals; an empty one counts as not set,
3. the settings file: `--config FILE`, else the file that `{CONFIG_VARIABLE}` names, else `sayso.toml` in the
   current folder, else `sayso.toml` in the data folder,
4. the default.

An unknown name, in the file or in a variable that begins with `{ENV_PREFIX}`, is an error that names the
nearest known one. In Kubernetes, a Service called `sayso` puts such variables into every pod: set
`enableServiceLinks: false`.

```toml
port = 9000
log_format = "json"

[aliases]
"gpt-6-astra" = "gpt-3.5-turbo"     # to an alias or to a snapshot

[models."llama-3.1-8b"]             # served by vLLM on another machine
kind = "chat"
base_url = "http://10.0.0.5:8000/v1"
upstream_model = "meta-llama/Llama-3.1-8B-Instruct"
api_key_env = "VLLM_API_KEY"
context_length = 131072
```

The commands that talk to a running server read `{CLIENT_VARIABLES[0]}` and `{CLIENT_VARIABLES[1]}`.
"""


def kind_of(annotation: object) -> str:
    """Return a field's type in words."""
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(annotation))
    if get_origin(annotation) is UnionType:
        return kind_of(next(arm for arm in get_args(annotation) if arm is not NoneType))
    if get_origin(annotation) is tuple:
        return "tables" if get_args(annotation)[0] is ModelFile else "list of strings"
    if get_origin(annotation) is dict:
        return "table"
    words = {
        bool: "true or false",
        int: "integer",
        float: "number",
        str: "string",
        Path: "path",
        date: "date",
    }
    return next(word for known, word in words.items() if known is annotation)


def default_of(field: FieldInfo) -> str:
    """Return a field's default as it would stand in the file."""
    if isinstance(field.json_schema_extra, dict) and "shown_default" in field.json_schema_extra:
        return str(field.json_schema_extra["shown_default"])
    if field.is_required():
        return "required"
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    return f"`{field.default}`" if field.default else {0: "`0`", "": "empty"}.get(field.default, "none")


def table(model: type[BaseModel]) -> str:
    """Return a model's fields as a Markdown table."""
    rows = ["| name | type | default | meaning |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        rows.append(f"| `{name}` | {kind_of(field.annotation)} | {default_of(field)} | {field.description} |")
    return "\n".join(rows)


def page() -> str:
    """Return the whole page."""
    return "\n".join(
        [
            INTRODUCTION,
            "## All settings\n",
            table(Settings),
            '\n## A model of your own: `[models."ID"]`\n',
            "Exactly one of `path`, `repo` and `base_url` says where it is.\n",
            table(ModelEntry),
            '\n## A file of it: `[[models."ID".files]]`\n',
            table(ModelFile),
            '\n## A name that comes to an end: `[deprecations."NAME"]`\n',
            "What is said of a name while the server runs, with `sayso models deprecate`, goes before.\n",
            table(DeprecationEntry),
            "",
        ]
    )


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    sys.exit(0)
