"""Two organizations for the proof: one as it is by default, one under zero retention."""

from dataclasses import dataclass

from sqlalchemy import inspect

from sayso.app.tenancy import open_tenancy
from sayso.config import Settings
from sayso.db.session import Database
from sayso.errors import ConfigurationError
from sayso.ids import OrgId
from sayso.jobs.data_decisions import change_policy
from sayso.retention.clock import wall_clock
from sayso.retention.policy import RetentionSetting
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.api_keys import create_key
from sayso.tenancy.organizations import create_organization
from sayso.tenancy.service import default_project


@dataclass(frozen=True, slots=True)
class Subject:
    """An organization of the proof, and the key that its requests come with; `keeps`: not zero retention."""

    name: str
    organization_id: OrgId
    key: str
    keeps: bool


async def make_subjects(settings: Settings) -> tuple[Subject, Subject]:
    """Make both in an empty database. Raises `ConfigurationError` for one that is in use."""
    async with Database.open(settings.database_url) as database, database.read() as session:
        connection = await session.connection()
        if await connection.run_sync(lambda opened: inspect(opened).get_table_names()):
            raise ConfigurationError("the proof needs an empty database: this one has tables")
    tenancy = await open_tenancy(settings)
    async with tenancy.database as database:
        first = await default_project(database)
        await create_organization(
            Accounts(database, tenancy.pepper), first.operator, "Zero retention", "zero"
        )
        zero = await default_project(database, "zero")
        await change_policy(database, zero.operator, None, RetentionSetting("zero"), wall_clock())
        subjects = [
            Subject(
                name,
                place.org_id,
                (await create_key(database, tenancy.pepper, place.operator, place.id, "proof")).secret,
                place == first,
            )
            for name, place in (("default", first), ("zero retention", zero))
        ]
    return subjects[0], subjects[1]
