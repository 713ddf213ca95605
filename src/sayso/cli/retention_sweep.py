"""`sayso retention sweep`, `erase`, `receipts` and `verify`: destroy what is due, and prove it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from sayso.cli.console import fail, id_table, out, plain
from sayso.cli.database import OrgOption, ProjectOption
from sayso.cli.options import ConfigOption, DataDirOption, JsonOption
from sayso.cli.retained import KeptData, moment, with_retention
from sayso.core.caller import AdminCaller
from sayso.errors import InvalidRequest
from sayso.jobs.data_decisions import erase, find_erasure
from sayso.jobs.data_receipts import ReceiptsCheck, all_receipts, check_receipts
from sayso.retention.clock import wall_clock
from sayso.retention.erasure import Erasure, ErasureScope
from sayso.retention.receipts import Receipt
from sayso.retention.sweep import SweepRun
from sayso.tenancy.service import DEFAULT

MaybeOrg = Annotated[
    str | None, typer.Option("--org", metavar="ORG", help="Only this organization's, by id or slug.")
]


@dataclass(frozen=True, slots=True)
class Erased:
    """What came of a request to erase; `left` records are hidden and not destroyed yet."""

    erasure: Erasure
    receipts: Sequence[Receipt]
    left: int


def sweep_command(
    as_json: JsonOption = False, data_dir: DataDirOption = None, config: ConfigOption = None
) -> None:
    """Destroy now what is due; servers do so by themselves every minute."""

    async def run(kept: KeptData) -> tuple[SweepRun | None, list[Receipt]]:
        done = await kept.promise.sweeper.sweep()
        numbers = done.receipts if done else ()
        return done, [one for one in await all_receipts(kept.database) if one.number in numbers]

    done, receipts = with_retention(run, config, data_dir)
    if done is None:
        fail("nothing was destroyed: the clock has jumped")
    if as_json:
        document = {**asdict(done), "receipts": [one.as_document() for one in receipts]}
        out.out(json.dumps(document), highlight=False)
        return
    out.print(f"{done.records:,} records, {done.bytes:,} bytes of content and their keys were destroyed.")
    out.print(f"left in the database's files: {_residue(done.residue)}")
    out.print(f"next expiry (UTC): {moment(done.next_expiry)}\n")
    _print_receipts(receipts)


def erase_command(
    org: OrgOption = DEFAULT,
    project: ProjectOption = None,
    user: Annotated[str | None, typer.Option(help="What a user or service account has sent, by id.")] = None,
    end_user: Annotated[
        str | None, typer.Option(help="What was sent for it: requests' safety_identifier, or else user.")
    ] = None,
    record: Annotated[str | None, typer.Option(help="One record, by id.")] = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="All of the organization's content.")
    ] = False,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Erase content for good, and show the receipt."""

    async def run(kept: KeptData) -> Erased:
        by = await kept.operator(org)
        wanted: dict[ErasureScope, str | None] = {
            "project": project,
            "user": user,
            "end_user": end_user,
            "record": record,
        }
        kind, scope_id = await _scope(kept, by, wanted, everything=everything)
        now = wall_clock()
        asked = await erase(kept.database, by, kind, scope_id, now)
        await kept.promise.sweeper.sweep()
        asked = await find_erasure(kept.database, by.org_id, asked.id)
        found = await all_receipts(kept.database, by.org_id)
        receipts = [one for one in found if one.destroyed_at >= now and one.cause == "erased"]
        gone = sum(len(one.records) for one in receipts)
        return Erased(asked, receipts, max(asked.records - gone, 0))

    done = with_retention(run, config, data_dir)
    if as_json:
        receipts = [one.as_document() for one in done.receipts]
        erasure = asdict(done.erasure)
        out.out(json.dumps({"erasure": erasure, "receipts": receipts, "left": done.left}), highlight=False)
        return
    out.print(f"{done.erasure.id}: {done.erasure.records:,} records are erased.")
    if done.left:
        out.print(
            f"{done.left:,} of them are hidden and not destroyed yet: a legal hold, or a sweep elsewhere."
        )
    _print_receipts(done.receipts)


def receipts_command(
    org: MaybeOrg = None,
    after: Annotated[int, typer.Option(min=0, help="Those behind this number.")] = 0,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Show the deletion receipts, the oldest first."""

    async def read(kept: KeptData) -> list[Receipt]:
        org_id = (await kept.operator(org)).org_id if org else None
        return await all_receipts(kept.database, org_id, after=after)

    receipts = with_retention(read, config, data_dir)
    if as_json:
        out.out(json.dumps([one.as_document() for one in receipts]), highlight=False)
        return
    _print_receipts(receipts)


def verify_command(
    as_json: JsonOption = False, data_dir: DataDirOption = None, config: ConfigOption = None
) -> None:
    """Check every receipt against the chain, the database and the key store; status 1 where one is wrong."""

    async def check(kept: KeptData) -> ReceiptsCheck:
        return await check_receipts(kept.database, kept.promise.keys)

    found = with_retention(check, config, data_dir)
    if as_json:
        out.out(json.dumps({"ok": not found.fault, **asdict(found)}), highlight=False)
    elif not found.fault:
        out.print(
            f"{found.receipts:,} receipts of {found.records:,} records agree with the chain; nothing that "
            "they name is left in the database or in the key store."
        )
    if found.fault:
        fail(f"the receipts do not hold, first here: {found.fault}")


async def _scope(
    kept: KeptData, by: AdminCaller, wanted: Mapping[ErasureScope, str | None], *, everything: bool
) -> tuple[ErasureScope, str]:
    named = [(kind, value) for kind, value in wanted.items() if value is not None]
    if len(named) + everything != 1:
        raise InvalidRequest(
            "Say what to erase: one of --project, --user, --end-user, --record and --everything."
        )
    if everything:
        return "organization", by.org_id
    ((kind, value),) = named
    if kind == "end_user":
        return kind, kept.promise.keys.tag(by.org_id, value)
    return kind, await kept.project(by, value) or value if kind == "project" else value


def _print_receipts(receipts: Sequence[Receipt]) -> None:
    if not receipts:
        out.print("No receipts.")
        return
    table = id_table("receipt", "destroyed (UTC)", "organization", "project", "class", "cause")
    for name in ("records", "bytes"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("hash", no_wrap=True)
    for one in receipts:
        table.add_row(
            str(one.number),
            moment(one.destroyed_at),
            plain(one.organization_id),
            one.project_id,
            one.class_id,
            one.cause,
            f"{len(one.records):,}",
            f"{one.bytes:,}",
            f"{one.hash[:16]}…",
        )
    out.print(table)


def _residue(word: str) -> str:
    return {
        "none": "nothing",
        "busy": "deleted bytes, until a reader has ended; the next sweep tries again",
        "ciphertext": "ciphertext for which there is no key",
    }[word]
