"""A database from before end users had tags keeps its content, its policies and its audit log."""

from sqlalchemy import Connection, inspect, text

from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.retention.policies import get_setting
from sayso.retention.policy import RetentionSetting
from tests.integration.retention.conftest import ORG

WORDS = {
    "id": "chatcmpl-1",
    "organization_id": ORG,
    "project_id": "proj_1",
    "owner_id": "user_1",
    "kind": "chat",
    "class_id": "K0",
    "model": "smollm2",
    "policy": "0.0",
    "key_file": "org_1/day",
}
NUMBERS = ("stored", "created_at", "expires_at", "key_slot", "size", "complete")
RECORD = {**WORDS, **dict.fromkeys(NUMBERS, 1)}


async def test_old_rows_come_through(database_url: str) -> None:
    async with Database.open(database_url) as db:
        await migrate(db, "0003")
        moment = "'2026-01-02 03:04:05.000000" + ("'" if db.kind == "sqlite" else "+00'")
        async with db.transaction() as session:
            for statement in (
                "INSERT INTO organizations (id, slug, name, created_at, data_retention) "
                f"VALUES ('{ORG}', 'acme', 'Acme', {moment}, 'zero_data_retention')",
                "INSERT INTO projects (id, organization_id, name, created_at, data_retention) "
                f"VALUES ('proj_1', '{ORG}', 'p', {moment}, NULL)",
                "INSERT INTO audit_logs (id, organization_id, type, effective_at, actor_user_id, "
                "actor_email, resource_id, details) "
                f"VALUES ('audit_1', '{ORG}', 'project.created', {moment}, 'u', 'e', 'proj_1', '{{}}')",
            ):
                await session.execute(text(statement))
        await migrate(db, "0010")
        names = ", ".join(RECORD)
        values = ", ".join(f":{name}" for name in RECORD)
        async with db.transaction() as session:
            await session.execute(text(f"INSERT INTO retained_records ({names}) VALUES ({values})"), RECORD)
        await migrate(db)
        async with db.read() as session:
            found = (await session.execute(text("SELECT * FROM retained_records"))).mappings().one()
            assert {name: found[name] for name in RECORD} == RECORD
            assert (found["asked_model"], found["end_user"]) == ("", "")
            assert await get_setting(session, ORG) == RetentionSetting("zero")
            names_left = (await session.execute(text("SELECT name FROM organizations"))).scalars().all()
            assert names_left == ["Acme"]
            assert (await session.execute(text("SELECT count(*) FROM audit_logs"))).scalar_one() == 1
            connection = await session.connection()
            for table in ("organizations", "projects"):
                assert "data_retention" not in await connection.run_sync(columns, table)


def columns(connection: Connection, table: str) -> set[str]:
    return {one["name"] for one in inspect(connection).get_columns(table)}
