"""Usage, invoices and the ledger on the command line, from a database with real charges in it."""

import asyncio
import csv
import io
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sayso.app.tenancy import open_tenancy
from sayso.billing.invoices import Month
from sayso.billing.ledger import Ledger
from sayso.billing.price_book import ensure_launch_prices
from sayso.billing.reservation import Reservation
from sayso.cli.main import app
from sayso.config import Settings
from sayso.core.caller import Caller
from sayso.core.metering import Quantities
from sayso.db.sqlite import driver
from sayso.ids import new_request_id

NOW = datetime.now(UTC)
RUNNING = Month.of(NOW)
LAST = Month.of(datetime.fromtimestamp(RUNNING.start - 1, UTC))


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with usage of the last month and of today."""
    folder = tmp_path_factory.mktemp("data")
    asyncio.run(fill(folder))
    return folder


async def fill(folder: Path) -> None:
    tenancy = await open_tenancy(Settings(data_dir=folder), with_first_tenant=True)
    assert tenancy.first is not None
    caller = Caller(tenancy.first.org_id, tenancy.first.project_id, tenancy.first.key.id)
    async with tenancy.database as database:
        await ensure_launch_prices(database)
        for moment in (RUNNING.start - 3_600, int(time.time())):
            ledger = Ledger.open(database, clock=lambda moment=moment: moment * 1_000_000)  # type: ignore[misc]
            for request in (chat(caller), chat(caller), speech(caller)):
                hold = await ledger.reserve(request)
                await ledger.settle(hold, request.worst, "completed")
            await ledger.close()


def chat(caller: Caller) -> Reservation:
    worst = Quantities(1_000_000, 500_000)
    return Reservation(
        new_request_id(), caller, "chat.completions", "chat", "gpt-3.5-turbo", "smollm2", False, worst
    )


def speech(caller: Caller) -> Reservation:
    worst = Quantities(audio_milliseconds=90_000)
    return Reservation(
        new_request_id(), caller, "audio.transcriptions", "speech", "whisper-1", "whisper-base", False, worst
    )


def run(data_dir: Path, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--data-dir", str(data_dir)])


def said(data_dir: Path, *words: str) -> str:
    result = run(data_dir, *words)
    assert result.exit_code == 0, result.output
    return result.stdout


def as_json(data_dir: Path, *words: str) -> Any:
    return json.loads(said(data_dir, *words, "--json"))


def test_usage_by_model_has_bars_and_a_total(data_dir: Path) -> None:
    table = said(data_dir, "usage", "--days", "1")
    by_name = {line.split()[0]: line for line in table.splitlines()}
    assert "$6.00" in by_name["gpt-3.5-turbo"]
    assert "█" * 20 in by_name["gpt-3.5-turbo"]
    assert "$0.009" in by_name["whisper-1"]
    assert "█" not in by_name["whisper-1"]
    assert "$6.009" in by_name["total"]
    assert "2,000,000" in by_name["total"]


@pytest.mark.parametrize(
    ("by", "label"), [("model", "gpt-3.5-turbo"), ("project", "default"), ("key", "default")]
)
def test_usage_by_what_one_likes(data_dir: Path, by: str, label: str) -> None:
    answer = as_json(data_dir, "usage", "--by", by, "--days", "1")
    first = answer["rows"][0]
    assert label in (first["label"], first["name"])
    assert sum(row["nano_usd"] for row in answer["rows"]) == 6_009_000_000
    assert label in said(data_dir, "usage", "--by", by)


def test_usage_by_day_shows_every_day(data_dir: Path) -> None:
    answer = as_json(data_dir, "usage", "--by", "day", "--days", "62")
    rows = answer["rows"]
    assert len(rows) == 62
    assert [row["label"] for row in rows] == sorted({row["label"] for row in rows})
    assert rows[-1]["requests"] == 3
    assert sum(row["nano_usd"] for row in rows) == 2 * 6_009_000_000
    assert (answer["end"] - answer["start"]) == 62 * 86_400


def test_usage_of_nothing(tmp_path: Path) -> None:
    asyncio.run(make_empty(tmp_path))
    assert said(tmp_path, "usage").strip() == "Nothing was used in the last 30 days."


async def make_empty(folder: Path) -> None:
    tenancy = await open_tenancy(Settings(data_dir=folder), with_first_tenant=True)
    await tenancy.database.close()


def test_the_running_month_is_a_draft_and_the_last_one_is_issued(tmp_path: Path) -> None:
    data_dir = tmp_path
    asyncio.run(fill(data_dir))
    preview = as_json(data_dir, "invoice", "--month", str(LAST), "--draft")
    assert (preview["state"], preview["number"], preview["total"]) == ("draft", None, "6.01")
    running = as_json(data_dir, "invoice")
    assert (running["month"], running["state"]) == (str(RUNNING), "draft")
    final = as_json(data_dir, "invoice", "--month", str(LAST))
    assert (final["state"], final["number"], final["total"]) == ("issued", "INV-000001", "6.01")
    assert as_json(data_dir, "invoice", "--month", str(LAST), "--org", final["buyer"]["id"]) == final
    assert as_json(data_dir, "invoice", "--month", str(LAST), "--draft") == final


def test_an_invoice_on_the_terminal_and_in_files(data_dir: Path, tmp_path: Path) -> None:
    table = said(data_dir, "invoice", "--month", str(LAST))
    assert "INV-000001 for default" in table
    assert "$6.01" in table
    rows = list(
        csv.DictReader(io.StringIO(said(data_dir, "invoice", "--month", str(LAST), "--format", "csv")))
    )
    assert [row["amount_usd"] for row in rows] == ["4.00", "2.00", "0.01", "6.01"]
    page = tmp_path / "bill.html"
    assert "INV-000001" in run(data_dir, "invoice", "--month", str(LAST), "--output", str(page)).stderr
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert said(data_dir, "invoice", "--month", str(LAST), "--format", "html") == page.read_text("utf-8")


def test_the_seller_comes_from_the_settings(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "sayso.toml"
    file.write_text('invoice_seller = """Example Ltd\n1 Street"""\ninvoice_note = "Thank you."\n', "utf-8")
    result = run(data_dir, "invoice", "--format", "html", "--config", str(file))
    assert "<strong>Example Ltd</strong>" in result.stdout
    assert "Thank you." in result.stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--month", "2026-13"), "is not a month"),
        (("--org", "nobody"), "There is no organization 'nobody'."),
        (("--month", "2020-01"), "Nothing was used in 2020-01"),
        (("--output", "/nowhere/bill.html"), "can not write '/nowhere/bill.html'"),
    ],
)
def test_refusals(data_dir: Path, words: tuple[str, ...], complaint: str) -> None:
    result = run(data_dir, "invoice", *words)
    assert result.exit_code == 1
    assert complaint in result.stderr


def test_the_ledger_shows_balanced_transactions(data_dir: Path) -> None:
    records = as_json(data_dir, "ledger", "show", "--limit", "4")
    assert [record["id"] for record in records] == [6, 5, 4, 3]
    assert all(sum(amount for _, amount in record["entries"]) == 0 for record in records)
    assert all(len(record["hash"]) == 64 for record in records)
    table = said(data_dir, "ledger", "show", "--org", "default")
    assert "charge" in table
    assert "revenue:audio_milliseconds" in table
    assert "-$0.009" in table


def test_the_accounts_sum_to_nothing(data_dir: Path) -> None:
    accounts = as_json(data_dir, "ledger", "show", "--accounts")
    assert sum(accounts.values()) == 0
    (owed,) = (amount for account, amount in accounts.items() if account.endswith(":receivable"))
    assert owed == 2 * 6_009_000_000
    assert "$12.018" in said(data_dir, "ledger", "show", "--accounts")


def test_the_books_of_a_good_ledger_agree(data_dir: Path) -> None:
    answer = as_json(data_dir, "ledger", "verify")
    assert answer == {"ok": True, "transactions": 6, "usage_events": 6, "first_divergence": None}
    assert "6 usage events and 6 transactions agree" in said(data_dir, "ledger", "verify")


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("ledger_entries", "amount = amount + 1 WHERE transaction_id = 3 AND position = 0"),
        ("ledger_transactions", "reference = 'X' || substr(reference, 2) WHERE id = 2"),
        ("ledger_transactions", "hash = CAST(x'00' || substr(hash, 2) AS BLOB) WHERE id = 6"),
        ("usage_events", "prompt_tokens = prompt_tokens + 1 WHERE transaction_id = 1"),
        ("usage_events", "project_id = 'proj_x' WHERE transaction_id = 4"),
        ("usage_hours", "audio_charge = audio_charge - 1 WHERE audio_charge > 0"),
        ("usage_days", "cached_tokens = cached_tokens + 1"),
        ("account_balances", "balance = balance + 1 WHERE account = 'revenue:prompt_tokens'"),
        ("prices", "nano_usd = nano_usd + 1 WHERE model = 'whisper-1'"),
        ("price_books", "sha256 = 'x' || substr(sha256, 2)"),
        ("counters", "posted = posted + 1 WHERE period = 'month'"),
        ("invoices", "document = replace(document, '\"6.01\"', '\"0.01\"')"),
    ],
)
def test_one_changed_byte_is_found_in_each_table(tmp_path: Path, table: str, change: str) -> None:
    asyncio.run(fill(tmp_path))
    said(tmp_path, "invoice", "--month", str(LAST))
    connection = driver().module.connect(tmp_path / "sayso.db")
    triggers = f"SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{table}'"
    for (name,) in connection.execute(triggers).fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    assert connection.execute(f"UPDATE {table} SET {change}").rowcount > 0
    connection.commit()
    connection.close()
    result = run(tmp_path, "ledger", "verify")
    assert result.exit_code == 1
    assert "the books disagree, first here:" in result.stderr
    assert json.loads(run(tmp_path, "ledger", "verify", "--json").stdout)["ok"] is False
