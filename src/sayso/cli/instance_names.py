"""How commands are told which instance."""

from typing import Annotated

import typer

from sayso.core.caller import AdminCaller
from sayso.dedicated.service import Instances
from sayso.errors import ObjectNotFound
from sayso.ids import InstanceId

Named = Annotated[str, typer.Argument(metavar="INSTANCE", help="An instance, by id or name.")]


async def named_instance(verbs: Instances, by: AdminCaller, named: str) -> InstanceId:
    """Return the instance of that id, or the only one of that name. Raises `ObjectNotFound`."""
    found = [kept.instance for kept in await verbs.list(by.org_id, gone=True)]
    ids = [one.id for one in found if one.id == named]
    ids = ids or [one.id for one in found if one.name == named and one.state != "terminated"]
    if len(ids) != 1:
        several = f": {len(ids)} have this name" if ids else ""
        raise ObjectNotFound(f"There is no instance '{named}'{several}.")
    return ids[0]
