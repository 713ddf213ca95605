"""A route's note."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import BaseModel

Json: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[str, str]  # a method and a path


@dataclass(frozen=True, slots=True)
class Note:
    """What a reader is told of a route.

    `sdk` is its method in OpenAI's own clients, empty where they have none; `in_node` says whether the one
    for Node has it too. `query` names parameters of
    `words.QUERY`. A form's fields are JSON schemas. `codes` are errors of its own, beside those that follow
    from key, path and body. `answer` is the media type of what comes back.
    """

    title: str
    sdk: str = ""
    query: tuple[str, ...] = ()
    body: type[BaseModel] | None = None
    form: Mapping[str, Json] | None = None
    example: Json | None = None
    asked: Mapping[str, str | int] | None = None
    codes: tuple[str, ...] = ()
    answer: str = "application/json"
    in_node: bool = True


@dataclass(frozen=True, slots=True)
class Chapter:
    """Routes that belong together; `key` says what kind of key they take: `project`, `admin` or none."""

    name: str
    title: str
    about: str
    routes: Mapping[Key, Note]
    key: str = "admin"
