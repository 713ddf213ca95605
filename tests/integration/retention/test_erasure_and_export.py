"""What is asked to go goes, what is asked for comes out, and what is changed is changed for good."""

import json
from dataclasses import replace

import pytest

from sayso.errors import InvalidRequest, ObjectNotFound
from sayso.ids import OrgId, ProjectId
from sayso.retention.content import Kept, NotKept
from sayso.retention.erasure import Erasure, ErasureScope, list_erasures, request_erasure
from sayso.retention.export import export
from sayso.retention.legal_holds import place_hold
from sayso.retention.reading import Wanted
from sayso.retention.replacing import replace_parts
from sayso.retention.tables import RetainedRecord
from tests.integration.retention.conftest import CANARY, DAY, ORG, PROJECT, Vault

OTHER_ORG, OTHER_PROJECT = OrgId("org_2"), ProjectId("proj_2")


async def erase(vault: Vault, kind: ErasureScope, scope_id: str, org_id: OrgId = ORG) -> Erasure:
    async with vault.database.transaction() as session:
        return await request_erasure(
            session,
            organization_id=org_id,
            scope_kind=kind,
            scope_id=scope_id,
            actor="user_1",
            now=vault.clock.now,
        )


async def hold(vault: Vault) -> None:
    async with vault.database.transaction() as session:
        await place_hold(
            session, organization_id=ORG, project_id=None, reason="r", actor="user_1", now=vault.clock.now
        )


@pytest.mark.parametrize(
    ("kind", "scope_id"),
    [("user", "user_2"), ("end_user", "tag_2"), ("project", OTHER_PROJECT), ("record", "")],
)
async def test_erased_content_is_hidden_at_once_and_then_gone(
    vault: Vault, kind: ErasureScope, scope_id: str
) -> None:
    mine = await vault.keep(owner_id="user_2", project_id=OTHER_PROJECT, end_user="tag_2")
    others = await vault.keep(end_user="tag_1")
    strangers = await vault.keep(
        organization_id=OTHER_ORG,
        owner_id="user_2",
        project_id=ProjectId("proj_of_org_2"),
        end_user="tag_2",
    )
    evidence = await vault.gather(mine)
    erasure = await erase(vault, kind, scope_id or mine.record_id)
    assert not await vault.readable(mine)
    run = await vault.sweep()
    assert [count[2:4] for count in run.counts] == [("erased", 1)]
    judged = await vault.judge(evidence)
    assert not judged.readable
    assert judged.clean or vault.database.kind == "postgresql"
    assert await vault.readable(others)
    assert await vault.readable(strangers)
    async with vault.database.read() as session:
        (applied,) = await list_erasures(session, ORG)
        assert applied == replace(erasure, applied_at=vault.clock.now, records=1)
        assert await list_erasures(session, OTHER_ORG) == []


async def test_another_organization_erases_nothing_here(vault: Vault) -> None:
    content = await vault.keep()
    assert (await erase(vault, "record", content.record_id, OTHER_ORG)).records == 0
    await erase(vault, "project", content.project_id, OTHER_ORG)
    await erase(vault, "user", content.owner_id, OTHER_ORG)
    assert await vault.readable(content)
    await vault.sweep()
    async with vault.database.read() as session:
        assert [one.records for one in await list_erasures(session, OTHER_ORG)] == [0, 0, 0]
    assert await vault.readable(content)


async def test_erasure_covers_what_is_under_way(vault: Vault) -> None:
    late = vault.content()
    await erase(vault, "project", PROJECT)
    vault.clock.advance(2)
    assert await vault.store.store(late) == NotKept()
    later = vault.content()
    assert isinstance(await vault.store.store(later), Kept)
    assert await vault.readable(later)


async def test_a_legal_hold_outlasts_an_erasure(vault: Vault) -> None:
    content = await vault.keep()
    await hold(vault)
    await erase(vault, "record", content.record_id)
    assert not await vault.readable(content)
    assert (await vault.sweep()).records == 0
    (found,) = [one async for one in export(vault.database, vault.keys, ORG, clock=vault.clock)]
    assert (found.record_id, found.held) == (content.record_id, True)


async def test_an_export_has_everything_of_one_organization(vault: Vault) -> None:
    contents = [await vault.keep(f"text {n}", project_id=ProjectId(f"proj_{n % 3}")) for n in range(120)]
    await vault.keep(organization_id=OTHER_ORG)
    found = [one async for one in export(vault.database, vault.keys, ORG, clock=vault.clock)]
    assert {(one.record_id, one.parts["request"]) for one in found} == {
        (one.record_id, one.parts["request"]) for one in contents
    }
    narrowed = export(vault.database, vault.keys, ORG, project_id=ProjectId("proj_1"), clock=vault.clock)
    assert len([one async for one in narrowed]) == 40
    vault.clock.advance(31 * DAY)
    assert [one async for one in export(vault.database, vault.keys, ORG, clock=vault.clock)] == []


async def test_replaced_content_can_be_read_by_nobody(vault: Vault) -> None:
    content = await vault.keep(stored=True)
    evidence = await vault.gather(content)
    metadata = json.dumps({"topic": "birds"}).encode()
    vault.clock.advance(DAY)
    place = (vault.database, vault.keys, ORG, PROJECT, content.record_id)
    changed = await replace_parts(*place, {"metadata": metadata}, clock=vault.clock)
    assert not (await vault.judge(evidence)).keys, "before any sweep"
    found = await vault.reader.get(ORG, PROJECT, content.record_id)
    assert found == changed
    assert dict(found.parts) == {**content.parts, "metadata": metadata}
    await vault.sweep()
    judged = await vault.judge(evidence)
    assert not judged.readable
    await hold(vault)
    with pytest.raises(InvalidRequest):
        await replace_parts(*place, {"metadata": b"{}"}, clock=vault.clock)


async def test_pages_go_through_everything_once(vault: Vault) -> None:
    contents = []
    for n in range(25):
        contents.append(await vault.keep(f"text {n}", stored=n % 5 != 0))
        vault.clock.advance(0.5 if n % 3 else 0)
    stored = [one for one in contents if one.stored]
    for order, expected in (("asc", stored), ("desc", stored[::-1])):
        seen: list[str] = []
        more = True
        while more:
            wanted = Wanted("chat", True, "smollm2", seen[-1] if seen else "", 7, order)  # type: ignore[arg-type]
            page = await vault.reader.page(ORG, PROJECT, wanted)
            seen += [one.record_id for one in page.items]
            more = page.has_more
        assert len(seen) == len(set(seen)) == len(expected)
        moments = {one.record_id: one.created_at for one in contents}
        assert [moments[one] for one in seen] == [one.created_at for one in expected]
    assert not (await vault.reader.page(ORG, PROJECT, Wanted(model="another"))).items
    with pytest.raises(ObjectNotFound):
        await vault.reader.page(ORG, OTHER_PROJECT, Wanted(after=contents[0].record_id))


async def test_content_of_others_is_not_there(vault: Vault) -> None:
    content = await vault.keep(CANARY)
    for org_id, project_id in ((OTHER_ORG, PROJECT), (ORG, OTHER_PROJECT)):
        with pytest.raises(ObjectNotFound):
            await vault.reader.get(org_id, project_id, content.record_id)
    assert len(await vault.rows(RetainedRecord)) == 1
