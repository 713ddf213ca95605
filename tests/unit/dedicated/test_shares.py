"""Cores and memory of instances: who has which, and how much is needed."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.catalog.snapshot import FolderSource, Snapshot
from sayso.dedicated.capacity import unavailable
from sayso.dedicated.configuration import NO_SHARE, Configuration, Share
from sayso.dedicated.cores import CoreBoard
from sayso.dedicated.footprints import Footprint, Footprints
from sayso.dedicated.hosting import Prepared, cache_tokens, host_config
from sayso.dedicated.load import PRESETS
from sayso.dedicated.runtime import ProvisioningFailed
from sayso.engines.config import EngineConfig

MODEL = Footprint(400 << 20, 16 << 10)
CONFIGURATION = Configuration("m", Share(2, 2_048), 4_096, PRESETS["balanced"])


async def test_a_core_is_given_to_one_holder_and_comes_back() -> None:
    board = CoreBoard((2, 3, 5))
    assert await board.take("a", 2) == (2, 3)
    assert await board.take("b", 2) is None
    assert board.free == (5,)
    board.give_back("a")
    assert await board.take("b", 3) == (2, 3, 5)
    assert await board.take("c", 4, patience=60) is None  # there never will be as many


async def test_a_host_that_takes_over_stands_on_free_cores_first_and_then_beside_the_other() -> None:
    board = CoreBoard((1, 2))
    assert await board.take("old", 1) == (1,)
    assert await board.take("new", 2, beside=(1,)) == (2, 1)
    board.give_back("old")
    assert board.free == ()


async def test_cores_that_are_coming_back_are_waited_for() -> None:
    board = CoreBoard((1,))
    await board.take("old", 1)
    waiting = asyncio.create_task(board.take("new", 1, patience=5))
    await asyncio.sleep(0)
    board.give_back("old")
    assert await waiting == (1,)


def test_a_cache_holds_every_context_and_more_where_there_is_memory() -> None:
    least = 8 * 4_096
    assert cache_tokens(CONFIGURATION, None) == least
    assert least < cache_tokens(CONFIGURATION, MODEL) <= 16 * 4_096
    tight = replace(CONFIGURATION, share=Share(2, MODEL.needed_mib(least)))
    assert cache_tokens(tight, MODEL) == pytest.approx(least, abs=200)
    with pytest.raises(ProvisioningFailed, match="MiB"):
        cache_tokens(replace(CONFIGURATION, share=Share(2, 900)), MODEL)


def prepared(context_length: int = 8_192) -> Prepared:
    snapshot = Snapshot("m", "chat", "openvino", FolderSource("."), context_length=context_length)
    return Prepared(snapshot, EngineConfig("openvino", "m", Path(), "00", Path(), yielding=True))


def test_a_host_is_started_for_more_than_the_gate_lets_through() -> None:
    config = host_config(prepared(), CONFIGURATION, (4, 5), MODEL)
    assert (config.max_concurrency, config.threads, config.cores) == (16, 2, (4, 5))
    assert config.memory_bytes == 2_048 << 20
    assert not config.yielding
    assert not config.measured
    assert host_config(prepared(), CONFIGURATION, (4, 5), None).measured


def test_where_nobody_knows_the_context_the_cache_is_the_pools() -> None:
    config = host_config(prepared(0), replace(CONFIGURATION, context_length=0), (4, 5), MODEL)
    assert (config.context_length, config.cache_tokens) == (0, prepared().config.cache_tokens)


def test_footprints_outlive_a_server_and_a_broken_file_is_as_good_as_none(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "footprints.json"
    Footprints(file).keep("ab", MODEL)
    assert Footprints(file).find("ab") == MODEL
    file.write_text("{")
    assert Footprints(file).find("ab") is None


GPU = Configuration("m", Share(4, 2_048, 1, 8_000), 4_096, PRESETS["balanced"])


def test_on_a_gpu_a_model_lies_in_its_memory() -> None:
    least = 8 * 4_096
    needed = MODEL.needed_mib(least)
    tight = replace(GPU, share=Share(4, 256, 1, needed))
    assert cache_tokens(tight, MODEL) == pytest.approx(least, abs=200)
    with pytest.raises(ProvisioningFailed, match="on its GPUs"):
        cache_tokens(replace(GPU, share=Share(4, 99_000, 1, needed - 1)), MODEL)
    assert cache_tokens(GPU, MODEL) == 16 * 4_096


def test_a_share_fits_in_everything_or_not_at_all() -> None:
    room = Share(4, 8_000, 2, 48_000)
    assert Share(4, 8_000, 2, 48_000).fits(room)
    for name in ("cores", "memory_mib", "gpus", "vram_mib"):
        more = replace(room, **{name: getattr(room, name) + 1})
        assert more.beyond(room) == (name,)
        assert (more - room) == replace(Share(0, 0), **{name: 1})
        assert (more - room) + room == more
    assert Share(1, 1, 1, 1).changed(vram_mib=5, cores=0) == Share(0, 1, 1, 5)
    assert [Share(4, 1, 2, 9).units, Share(4, 1).units] == [2, 4]


@pytest.mark.parametrize(
    ("share", "rooms", "named"),
    [
        (Share(1, 512, 1, 100), [Share(8, 8_000)], "gpus"),
        (Share(1, 512, 1, 100), [Share(8, 8_000, 1, 99), Share(8, 8_000, 2, 50)], "vram_mib"),
        (Share(9, 512), [Share(8, 8_000)], "cores"),
        (Share(1, 512), [Share(-1, 8_000)], "cores"),
        (Share(1, 9_000), [Share(8, 8_000), Share(0, 8_999)], "memory_mib"),
        (Share(4, 4_000), [Share(8, 1_000), Share(1, 8_000)], None),
        (Share(1, 1), [], "cores"),
    ],
)
def test_a_refusal_names_what_there_is_too_little_of(
    share: Share, rooms: list[Share], named: str | None
) -> None:
    assert unavailable(share, rooms).param == named


@given(st.lists(st.tuples(*(st.integers(0, 6) for _ in range(4)))), st.integers(1, 6))
def test_whatever_is_asked_for_nothing_of_a_machine_is_given_twice(
    wishes: list[tuple[int, int, int, int]], size: int
) -> None:
    machine = Share(size, size * 2, size, size * 3)
    held: list[Share] = []
    for wish in wishes:
        asked = Share(*wish)
        if asked.fits(machine - sum(held, NO_SHARE)):
            held.append(asked)
        assert sum(held, NO_SHARE).fits(machine)
