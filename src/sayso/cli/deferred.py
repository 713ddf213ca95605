"""Commands that are read when somebody runs them: importing all would take longer than most of them run."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from sayso.core.collection import reading_program


@dataclass(frozen=True, slots=True)
class Place:
    """A command's module under `sayso.cli`, its name there, and what it does in a line."""

    module: str
    attribute: str
    help: str


class DeferredCommand(TyperCommand):
    """A command or a group of them that knows nothing but its help until it is run."""

    def __init__(self, name: str, place: Place) -> None:
        super().__init__(name, help=place.help)
        self._place = place

    def loaded(self) -> Any:
        """Import the command and return it."""
        with reading_program():
            module = import_module(f"sayso.cli.{self._place.module}")
        found = getattr(module, self._place.attribute)
        alone = typer.Typer()
        if isinstance(found, typer.Typer):
            alone.add_typer(found, name=self.name)
        else:
            alone.command(self.name)(found)
        return typer.main.get_group(alone).commands[str(self.name)]

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Read the command's arguments, as the command itself does."""
        return self.loaded().make_context(*args, **extra)


class DeferredGroup(TyperGroup):
    """A group whose commands are deferred; a subclass says which in `places`, in the order of its help."""

    places: ClassVar[Mapping[str, Place]] = {}

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, place in self.places.items():
            self.add_command(DeferredCommand(name, place))


def whole(command: Any) -> Any:
    """Return a command as it is once it has been imported, for who looks through all of them."""
    return command.loaded() if isinstance(command, DeferredCommand) else command
