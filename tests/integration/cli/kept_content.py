"""A data folder with content of two organizations in it, and commands that are run on it."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from sayso.app.tenancy import open_tenancy
from sayso.cli.main import app
from sayso.config import Settings
from sayso.core.caller import AdminCaller
from sayso.ids import ProjectId, new_id
from sayso.retention.content import Content, Kept, NotKept
from sayso.retention.service import FOLDER_NAME, Retention
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.audit import AuditFilter, list_audit_logs
from sayso.tenancy.organizations import create_organization
from sayso.tenancy.paging import Cut
from sayso.tenancy.projects import create_project
from sayso.tenancy.service import default_project

AUDIO = bytes(range(256))


@dataclass(frozen=True)
class Place:
    """Where an organization's content is put."""

    owner: AdminCaller
    project: ProjectId
    other: ProjectId


@dataclass(frozen=True)
class Folder:
    """A data folder, with a database of either kind."""

    path: Path
    settings: Settings
    first: Place
    second: Place

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(app, [*words, "--data-dir", str(self.path)])

    def said(self, *words: str) -> str:
        result = self.run(*words)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self.said(*words, "--json"))

    def events(self, type_: str) -> list[Any]:
        """What the first organization's audit log says of one type of event, the latest first."""

        async def read() -> list[Any]:
            tenancy = await open_tenancy(self.settings)
            async with tenancy.database as database:
                wanted = AuditFilter(event_types=(type_,))
                page = await list_audit_logs(database, self.first.owner.org_id, wanted, Cut(limit=100))
            return [one.details for one in page.items]

        return asyncio.run(read())

    def keep(self, where: Place, text: str, **changes: Any) -> str:
        """Keep a chat, and return its id; an empty text where the policy keeps nothing."""
        return asyncio.run(self._keep(where, text, changes))

    async def _keep(self, where: Place, text: str, changes: Mapping[str, Any]) -> str:
        tenancy = await open_tenancy(self.settings)
        async with tenancy.database as database:
            promise = await Retention.open(database, self.path / FOLDER_NAME)
            promise.start()
            values: dict[str, Any] = {
                "record_id": new_id("chatcmpl"),
                "organization_id": where.owner.org_id,
                "project_id": where.project,
                "owner_id": where.owner.user_id,
                "kind": "chat",
                "model": "smollm2",
                "created_at": time.time_ns() // 1000,
                "parts": {"request": text.encode(), "answer": b"yes", "audio": AUDIO},
                "stored": True,
            }
            content = Content(**{**values, **changes})
            written = await promise.store.store(content)
            await promise.close()
        match written:
            case Kept():
                return content.record_id
            case NotKept():
                return ""


def make_folder(path: Path, database_url: str) -> Folder:
    """Make the organizations `default` and `other`, each with two projects, `default` and `side`."""
    settings = Settings(data_dir=path, database_url=database_url)

    async def make() -> tuple[Place, Place]:
        tenancy = await open_tenancy(settings, with_first_tenant=True)
        async with tenancy.database as database:
            operator = (await default_project(database)).operator
            accounts = Accounts(database, tenancy.pepper)
            await create_organization(accounts, operator, "Other", "other")
            found = []
            for slug in ("default", "other"):
                first = await default_project(database, slug)
                side = await create_project(database, first.operator, "side")
                found.append(Place(first.operator, first.id, side.id))
            return found[0], found[1]

    return Folder(path, settings, *asyncio.run(make()))
