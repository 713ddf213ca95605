"""`sayso ledger`: look at the books, and check them."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from sayso.billing.invoice_store import first_fault
from sayso.billing.ledger_view import TransactionRecord, balances, last_transactions
from sayso.billing.money import format_usd
from sayso.billing.verify import Verification, verify
from sayso.cli.console import fail, id_table, out
from sayso.cli.database import with_database
from sayso.cli.options import ConfigOption, DataDirOption, JsonOption
from sayso.config import Settings
from sayso.db.session import Database
from sayso.ids import OrgId
from sayso.jobs.directory import party

ledger_app = typer.Typer(help="Look at the ledger, and check it.", no_args_is_help=True)


@ledger_app.command("verify")
def verify_command(
    as_json: JsonOption = False, data_dir: DataDirOption = None, config: ConfigOption = None
) -> None:
    """Compute everything again from the usage events; exit with status 1 where the books disagree."""

    async def check(db: Database, _: Settings) -> tuple[Verification, str | None]:
        found = await verify(db)
        if found.divergence is not None:
            where = found.divergence
            return found, f"{where.table}, {where.key}: {where.reason}"
        return found, await first_fault(db)

    found, fault = with_database(check, config, data_dir)
    if as_json:
        counts = {"transactions": found.transactions, "usage_events": found.usage_events}
        out.out(json.dumps({"ok": fault is None, **counts, "first_divergence": fault}), highlight=False)
    elif fault is None:
        out.print(
            f"{found.usage_events:,} usage events and {found.transactions:,} transactions agree with each "
            "other, with all sums and with every issued invoice."
        )
    if fault is not None:
        fail(f"the books disagree, first here: {fault}")


@ledger_app.command("show")
def show_command(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Transactions, the last first.")] = 20,
    org: Annotated[
        str | None, typer.Option("--org", metavar="ORG", help="Only this organization's, by id or slug.")
    ] = None,
    accounts: Annotated[
        bool, typer.Option("--accounts", help="What the accounts stand at, instead.")
    ] = False,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Show the last transactions, or the accounts."""
    if accounts:
        _show_accounts(dict(with_database(lambda db, _: balances(db), config, data_dir)), as_json=as_json)
        return

    async def read(db: Database, _: Settings) -> tuple[TransactionRecord, ...]:
        org_id = OrgId((await party(db, org)).id) if org else None
        return await last_transactions(db, limit, org_id=org_id)

    records = with_database(read, config, data_dir)
    if as_json:
        out.out(json.dumps([asdict(one) for one in records]), highlight=False)
        return
    table = id_table("id", "posted (UTC)", "kind", "reference", "account")
    table.add_column("amount", justify="right", no_wrap=True)
    for record in records:
        moment = datetime.fromtimestamp(record.posted_at / 1_000_000, UTC)
        what = record.kind if record.reverses is None else f"{record.kind} of {record.reverses}"
        head = (str(record.id), f"{moment:%Y-%m-%d %H:%M:%S}", what, record.reference)
        for account, amount in record.entries:
            table.add_row(*head, account, _usd(amount))
            head = ("", "", "", "")
    out.print(table)


def _show_accounts(standing: dict[str, int], *, as_json: bool) -> None:
    if as_json:
        out.out(json.dumps(standing), highlight=False)
        return
    table = id_table("account")
    table.add_column("balance", justify="right", no_wrap=True)
    for account, amount in standing.items():
        table.add_row(account, _usd(amount))
    out.print(table)


def _usd(amount: int) -> str:
    return f"{'-' if amount < 0 else ''}${format_usd(abs(amount))}"
