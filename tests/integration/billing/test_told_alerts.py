"""Spend alerts reach people and programs: over real sockets, until they are taken, and by one of several."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy

import pytest

from sayso.app.notices import MailServer, Teller, WebHook, mail_server, web_hook
from sayso.app.spend_watch import tell_of_spending, tellers
from sayso.billing.alert_deliveries import MAX_ATTEMPTS, Channel, wait_seconds
from sayso.billing.scopes import Scope
from sayso.billing.spend_alerts import AlertTerms, add_alert
from sayso.billing.tables import AlertDelivery
from sayso.config import Settings
from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.errors import ConfigurationError
from sayso.telemetry.metrics import Metrics
from sayso.tenancy.projects import create_project
from sayso.tenancy.service import default_project
from tests.integration.billing.test_spend_alerts import NOW, charge

MINUTE = 60_000_000
SECRET = "T0P-S3CRET"


@dataclass
class Sink:
    """What arrived, and how it is answered: one status after the other, the last for all that follow."""

    answers: list[int]
    port: int = 0
    arrived: list[bytes] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    def answer(self) -> int:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    async def http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        self.paths.append(head.split()[1])
        self.arrived.append(await reader.readexactly(length))
        status = f"HTTP/1.1 {self.answer()} Status\r\ncontent-length: 0\r\nlocation: /elsewhere\r\n\r\n"
        writer.write(status.encode())
        await writer.drain()
        writer.close()

    async def smtp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            match line.split()[0].upper():
                case b"EHLO":
                    writer.write(b"250-sink\r\n250 AUTH PLAIN\r\n")
                case b"AUTH":
                    self.paths.append(line.decode())
                    writer.write(b"235 welcome\r\n")
                case b"DATA":
                    writer.write(b"354 go on\r\n")
                    self.arrived.append(await reader.readuntil(b"\r\n.\r\n"))
                    writer.write(f"{self.answer()} done\r\n".encode())
                case b"QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                case _:
                    writer.write(b"250 ok\r\n")
        writer.close()


@asynccontextmanager
async def listening(kind: str, *answers: int) -> AsyncIterator[Sink]:
    sink = Sink(list(answers))
    async with await asyncio.start_server(getattr(sink, kind), "127.0.0.1", 0) as server:
        sink.port = server.sockets[0].getsockname()[1]
        yield sink


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(database_url) as database:
        await migrate(database)
        yield database


async def overspent(db: Database, prefix: str | None = None) -> tuple[Scope, str]:
    """A project called `Ours` that has spent 100.034 dollars, and an alert at 100."""
    by = (await default_project(db)).operator
    scope = Scope("project", (await create_project(db, by, "Ours\nBcc: x@example.com")).id)
    async with db.transaction() as session:
        terms = AlertTerms(100_000_000_000, ("ann@example.com", "bob@example.com"), prefix)
        alert = await add_alert(session, scope, terms, NOW)
    await charge(db, scope, 100_034_000_000)
    return scope, alert.id


async def look(db: Database, channels: dict[Channel, Teller], minutes: float = 0) -> None:
    await tell_of_spending(db, Metrics(), channels, now=NOW + int(minutes * MINUTE))


async def waiting(db: Database) -> int:
    async with db.read() as session:
        return len((await session.scalars(AlertDelivery.__table__.select())).all())


async def test_a_web_hook_gets_it_once(db: Database) -> None:
    scope, alert_id = await overspent(db)
    async with listening("http", 204) as sink:
        hook = WebHook(f"http://127.0.0.1:{sink.port}/{SECRET}")
        for minutes in range(4):
            await look(db, {"webhook": hook}, minutes)
    (body,) = map(json.loads, sink.arrived)
    by = (await default_project(db)).operator
    assert body == {
        "object": "spend_alert.reached",
        "id": f"{alert_id}-1798761600",
        "alert_id": alert_id,
        "month": "2027-01",
        "currency": "USD",
        "threshold": "100.00",
        "spent": "100.034",
        "organization": {"id": by.org_id, "name": "default"},
        "project": {"id": scope.id, "name": "Ours\nBcc: x@example.com"},
    }
    assert await waiting(db) == 0


async def test_what_fails_is_tried_again_later_each_time_and_by_another_process(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await overspent(db)
    async with listening("http", 500, 302, 503, 200) as sink:
        url = f"http://127.0.0.1:{sink.port}/{SECRET}"
        for minutes, arrived in ((0, 1), (0.9, 1), (1.1, 2), (3, 2), (3.2, 3), (7, 3), (7.3, 4), (600, 4)):
            await look(db, {"webhook": WebHook(url)}, minutes)
            assert len(sink.arrived) == arrived, minutes
    assert len(set(sink.arrived)) == 1
    assert sink.paths == [f"/{SECRET.lower()}"] * 4
    assert SECRET not in caplog.text
    assert SECRET not in repr(WebHook(url))
    assert await waiting(db) == 0


async def test_mail_reaches_every_recipient_and_nothing_slips_into_its_head(db: Database) -> None:
    _, alert_id = await overspent(db, prefix="[money]\r\nX-Evil: 1")
    async with listening("smtp", 250) as sink:
        server = mail_server(f"smtp://post:{SECRET}@127.0.0.1:{sink.port}", "sayso@example.com")
        assert SECRET not in repr(server)
        for minutes in (0, 2):
            await look(db, {"mail": server}, minutes)
    (raw,) = sink.arrived
    mail = message_from_bytes(raw, policy=policy.default)
    assert mail["To"] == "ann@example.com, bob@example.com"
    assert mail["From"] == "sayso@example.com"
    assert mail["X-Evil"] is mail["Bcc"] is None
    assert mail["Subject"].startswith("[money] X-Evil: 1 project Ours Bcc: x@example.com has spent $100.034")
    text = mail.get_content()
    assert "have reached $100.00." in text
    assert alert_id in text
    assert len(sink.paths) == 1  # it logged in


async def test_each_channel_is_told_on_its_own(db: Database) -> None:
    await overspent(db)
    async with listening("http", 200) as hook, listening("smtp", 451, 250) as post:
        channels: dict[Channel, Teller] = {
            "webhook": WebHook(f"http://127.0.0.1:{hook.port}/"),
            "mail": MailServer("127.0.0.1", post.port, "sayso@example.com", secure=False),
        }
        await look(db, channels)
        assert await waiting(db) == 1
        await look(db, channels, 2)
    assert (len(hook.arrived), len(post.arrived)) == (1, 2)
    assert await waiting(db) == 0


async def test_of_many_that_look_at_once_one_tells(db: Database) -> None:
    await overspent(db)
    async with listening("http", 200) as sink:
        hook = WebHook(f"http://127.0.0.1:{sink.port}/")
        await asyncio.gather(*(look(db, {"webhook": hook}) for _ in range(6)))
    assert len(sink.arrived) == 1


async def test_it_is_given_up_at_last(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await overspent(db)
    async with listening("http", 500) as sink:
        pass
    hook = WebHook(f"http://127.0.0.1:{sink.port}/")  # nobody listens any more
    minutes = 0.0
    for attempt in range(1, MAX_ATTEMPTS + 2):
        await look(db, {"webhook": hook}, minutes)
        minutes += wait_seconds(attempt) / 60
    events = [record.getMessage() for record in caplog.records]
    assert events.count("spend_alert_not_told") == MAX_ATTEMPTS - 1
    assert events.count("spend_alert_given_up") == 1
    assert await waiting(db) == 0


async def test_nothing_is_kept_where_nobody_is_to_be_told(db: Database) -> None:
    await overspent(db)
    await look(db, {})
    assert await waiting(db) == 0


async def test_a_password_is_not_shown_without_tls(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sayso.app.notices._HERE", frozenset())
    await overspent(db)
    async with listening("smtp", 250) as sink:
        server = mail_server(f"smtp://u:{SECRET}@127.0.0.1:{sink.port}", "a@example.com")
        await look(db, {"mail": server})
    assert (sink.paths, sink.arrived, await waiting(db)) == ([], [], 1)


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"smtp_url": f"http://{SECRET}@host"}, "smtp_url"),
        ({"smtp_url": f"smtp://u:{SECRET}@host:99999", "mail_from": "a@example.com"}, "smtp_url"),
        ({"smtp_url": f"smtp://u:{SECRET}@host"}, "mail_from"),
        ({"alert_webhook_url": f"ftp://{SECRET}"}, "alert_webhook_url"),
        ({"alert_webhook_url": SECRET}, "alert_webhook_url"),
    ],
)
def test_wrong_settings_are_named_without_what_they_hold(values: dict[str, str], names: str) -> None:
    settings = Settings(**values)  # type: ignore[arg-type]
    assert SECRET not in repr(settings)
    with pytest.raises(ConfigurationError, match=names) as refused:
        tellers(settings)
    assert SECRET not in refused.value.message
    assert tellers(Settings()) == {}
    assert web_hook("https://example.com/x").url == "https://example.com/x"
