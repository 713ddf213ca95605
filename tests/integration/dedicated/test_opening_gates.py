"""Which levels of a curve are measured, and why the others are not."""

from dataclasses import replace
from typing import Any

import pytest

from sayso.cli import open_gate as opening
from sayso.cli.instance_curve import _levels
from sayso.cli.open_gate import open_gate
from sayso.dedicated.curve import Answer, Level
from sayso.dedicated.load import PRESETS
from sayso.errors import EngineOverloaded, InvalidRequest
from tests.integration.dedicated.worlds import World

SECONDS = (2.0, 0.5, 1.0)  # of each turn


class Drive:
    """Measures anything but `busy` levels."""

    def __init__(self, *busy: int) -> None:
        self.busy = busy

    async def level(self, concurrency: int, turn: int) -> Level:
        if concurrency in self.busy:
            raise EngineOverloaded("as many requests as its load allows")
        return Level.of(concurrency, [Answer(0.1, 0.1, 2)], SECONDS[turn])


async def test_a_gate_that_no_server_opens_stays_as_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "PATIENCE_SECONDS", 0.05)
    made = await world.verbs.create(world.owner, world.wanted())
    async with open_gate(world.db, made, 16) as opened:
        assert opened == PRESETS["balanced"].max_concurrency == 8
        kept = await world.verbs.get(world.owner.org_id, made.id)
        assert (kept.opened_to, kept.opened) == (16, 0)
    kept = await world.verbs.get(world.owner.org_id, made.id)
    assert kept.opened_to == 0, "nothing is asked for any more"
    async with open_gate(world.db, made, 8) as opened:
        assert opened == 8


async def test_what_is_not_measured_is_named_with_the_reason(world: World) -> None:
    made = await world.verbs.create(world.owner, world.wanted())
    drive: Any = Drive()
    measured = await _levels(drive, made, 5)
    assert [level.concurrency for level in measured.levels] == [1, 2, 4]
    assert {level.throughput for level in measured.levels} == {2.0}, "neither the slowest nor the fastest"
    assert list(measured.left_out) == [8, 16]
    assert "lets 5 requests through" in measured.left_out[8]
    busy: Any = Drive(16)
    measured = await _levels(busy, made, 16)
    assert [level.concurrency for level in measured.levels] == [1, 2, 4, 8]
    assert "others" in measured.left_out[16]
    never: Any = Drive(1, 2, 4, 8, 16)
    with pytest.raises(InvalidRequest, match="others"):
        await _levels(never, replace(made), 16)
