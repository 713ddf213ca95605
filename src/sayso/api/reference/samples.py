"""The same request in curl, Python and JavaScript."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sayso.api.reference.note import Json, Note
from sayso.api.reference.words import PATH

LINE = 88  # characters; longer calls are broken

_IN_PATH = re.compile(r"\{(\w+)\}")
_VARIABLES = {"project": "OPENAI_API_KEY", "admin": "OPENAI_ADMIN_KEY"}


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request with its ids filled in; `body` is None where it has none."""

    method: str
    path: str
    note: Note
    key: str
    ids: Mapping[str, str]
    body: Json | None

    @property
    def names(self) -> list[str]:
        return _IN_PATH.findall(self.path)

    @property
    def address(self) -> str:
        return _IN_PATH.sub(lambda found: self.ids[found[1]], self.path)

    @property
    def below_v1(self) -> str:
        return self.address.removeprefix("/v1")

    @property
    def node_sdk(self) -> str:
        return self.note.sdk if self.note.in_node else ""

    @property
    def file(self) -> str:
        return str((self.body or {}).get("file", ""))

    @property
    def fields(self) -> Json:
        return {name: value for name, value in (self.body or {}).items() if name != "file"}


def samples(
    method: str, path: str, note: Note, key: str, ids: Mapping[str, str] | None = None
) -> list[dict[str, str]]:
    """Return samples in the form of `x-codeSamples`. `ids` replaces the examples in path and body."""
    known = {name: example for name, (_, example) in PATH.items()} | dict(ids or {})
    asked = _Asked(method, path, note, key, known, _filled(note.example, known))
    found = [{"lang": "shell", "label": "curl", "source": _curl(asked)}]
    if key != "none":
        found.append({"lang": "python", "label": "Python", "source": _python(asked)})
        found.append({"lang": "javascript", "label": "Node", "source": _node(asked)})
    return found


def _filled(value: Any, known: Mapping[str, str]) -> Any:
    """Put ids where an example names one as `{project_id}`."""
    match value:
        case str() if value.startswith("{") and value[1:-1] in known:
            return known[value[1:-1]]
        case dict():
            return {name: _filled(inner, known) for name, inner in value.items()}
        case _:
            return value


def _curl(asked: _Asked) -> str:
    query = f"?{urlencode(asked.note.asked)}" if asked.note.asked else ""
    base = "$OPENAI_BASE_URL" if asked.path.startswith("/v1") else "${OPENAI_BASE_URL%/v1}"
    posts = asked.method == "POST" and asked.body is not None
    verb = "" if asked.method == "GET" or posts else f"-X {asked.method} "
    lines = [f'curl {verb}"{base}{asked.below_v1}{query}"']
    if asked.key != "none":
        lines.append(f'  -H "Authorization: Bearer ${_VARIABLES[asked.key]}"')
    if asked.note.form is not None:
        lines += [f"  -F {name}={value}" for name, value in asked.fields.items()]
        lines.append(f"  -F file=@{asked.file}")
    elif asked.body is not None:
        body = json.dumps(asked.body, indent=2, ensure_ascii=False).replace("\n", "\n  ")
        lines += ['  -H "Content-Type: application/json"', f"  -d '{body}'"]
    return " \\\n".join(lines)


def _python(asked: _Asked) -> str:
    lines, made = ["from openai import OpenAI"], "client = OpenAI()"
    if not asked.note.sdk and asked.key == "admin":
        lines = ["import os", "", *lines]
        made = 'client = OpenAI(api_key=os.environ["OPENAI_ADMIN_KEY"])'
    call = f"answer = {_python_call(asked)}"
    if asked.note.form is not None:
        call = f'with open("{asked.file}", "rb") as file:\n{_indented(call)}'
    return "\n".join([*lines, "", made, call, "print(answer)"])


def _python_call(asked: _Asked) -> str:
    names, query = asked.names, dict(asked.note.asked or {})
    if asked.note.sdk:
        file = ["file=file"] if asked.file else []
        given = {**{name: asked.ids[name] for name in names[:-1]}, **query, **asked.fields}
        arguments = [_literal(asked.ids[names[-1]])] if names else []
        arguments += [*file, *(f"{name}={_literal(value)}" for name, value in given.items())]
        return _broken(f"client.{asked.note.sdk}", arguments)
    arguments = [_literal(asked.below_v1), "cast_to=object"]
    if query:
        arguments.append(f"options={_literal({'params': query})}")
    if asked.note.form is not None:
        form = {"headers": {"Content-Type": "multipart/form-data"}}
        arguments += [f"body={_literal(asked.fields)}", 'files={"file": file}', f"options={_literal(form)}"]
    elif asked.body is not None:
        arguments.append(f"body={_literal(asked.body)}")
    return _broken(f"client.{asked.method.lower()}", arguments)


def _node(asked: _Asked) -> str:
    lines, options = ['import OpenAI from "openai";'], ""
    if not asked.node_sdk and asked.key == "admin":
        options = "{ apiKey: process.env.OPENAI_ADMIN_KEY }"
    if asked.file:
        lines = ['import fs from "node:fs";', *lines]
    lines += ["", f"const client = new OpenAI({options});"]
    if asked.file and not asked.node_sdk:
        lines.append("const body = new FormData();")
        lines += [f'body.append("{name}", {json.dumps(value)});' for name, value in asked.fields.items()]
        lines.append(f'body.append("file", new Blob([fs.readFileSync("{asked.file}")]), "{asked.file}");')
    return "\n".join([*lines, f"const answer = await {_node_call(asked)};", "console.log(answer);"])


def _node_call(asked: _Asked) -> str:
    names, query = asked.names, dict(asked.note.asked or {})
    if asked.node_sdk:
        name = ".".join(_camel(word) for word in asked.node_sdk.split("."))
        arguments = [json.dumps(asked.ids[names[-1]])] if names else []
        given = {**{name: asked.ids[name] for name in names[:-1]}, **query, **asked.fields}
        file = f'file: fs.createReadStream("{asked.file}")' if asked.file else ""
        if given or file:
            arguments.append(_object(given, file))
        return f"client.{name}({', '.join(arguments)})"
    arguments = [json.dumps(asked.below_v1)]
    if asked.file:
        arguments.append("{ body }")
    elif query or asked.body is not None:
        arguments.append(_object({"query": query} if query else {"body": asked.body}))
    return f"client.{asked.method.lower()}({', '.join(arguments)})"


def _broken(name: str, arguments: list[str]) -> str:
    """Write a call on one line, or an argument a line."""
    whole = f"{name}({', '.join(arguments)})"
    if len(whole) <= LINE and "\n" not in whole:
        return whole
    return f"{name}(\n{_indented(''.join(f'{one},{chr(10)}' for one in arguments))})"


def _indented(text: str) -> str:
    return "".join(f"    {line}" for line in text.splitlines(keepends=True))


def _literal(value: Any) -> str:
    """Write a value in Python."""
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False)
        case list():
            return _enclosed("[", [_literal(one) for one in value], "]")
        case dict():
            return _enclosed(
                "{", [f"{_literal(name)}: {_literal(inner)}" for name, inner in value.items()], "}"
            )
        case _:
            return repr(value)


def _object(value: Any, first: str = "") -> str:
    """Write a value in JavaScript; `first` is a property that is written already."""
    match value:
        case list():
            return _enclosed("[", [_object(one) for one in value], "]", "  ")
        case dict():
            written = [f"{name}: {_object(inner)}" for name, inner in value.items()]
            return _enclosed("{ ", [first, *written] if first else written, " }", "  ")
        case _:
            return json.dumps(value, ensure_ascii=False)


def _enclosed(begin: str, parts: list[str], end: str, indent: str = "    ") -> str:
    whole = f"{begin}{', '.join(parts)}{end}"
    if len(whole) <= LINE - 20 and "\n" not in whole:
        return whole
    inner = "".join(f"{one},\n" for one in parts)
    return (
        f"{begin.strip()}\n{''.join(f'{indent}{line}' for line in inner.splitlines(keepends=True))}"
        f"{end.strip()}"
    )


def _camel(word: str) -> str:
    head, *tail = word.split("_")
    return head + "".join("API" if part == "api" else part.capitalize() for part in tail)
