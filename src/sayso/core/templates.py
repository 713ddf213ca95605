"""How packages make their HTML: everything is escaped, and a name that is not there is a fault."""

from functools import cache
from typing import Any


class Templates:
    """What is below a package's `templates/`; read with the first page, for most gateways show none."""

    def __init__(self, package: str) -> None:
        self._package = package

    def render(self, name: str, /, *shared: dict[str, object], **values: object) -> str:
        """Return a template filled with `shared` and `values`."""
        return str(_environment(self._package).get_template(name).render(*shared, **values))


@cache
def _environment(package: str) -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
