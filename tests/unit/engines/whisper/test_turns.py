"""What the model does next: whose step, and which windows are written down together."""

import asyncio
from collections.abc import Sequence

from sayso.engines.whisper.hearing import Decoded, Hearing
from sayso.engines.whisper.jobs import BATCH, Job, Step, Write, choose, is_short
from tests.unit.engines.whisper.heard_windows import heard


class Asked:
    """A job of `remaining` windows that has, or has not, another step to do."""

    def __init__(self, remaining: int, *, can_step: bool) -> None:
        self.remaining, self.can_step, self.is_short = remaining, can_step, remaining == 1

    def step(self) -> Sequence[Hearing]:
        raise AssertionError

    def written(self, hearing: Hearing, decoded: Decoded) -> Sequence[Hearing]:
        raise AssertionError

    def collect(self) -> Sequence[str]:
        raise AssertionError


def job(*windows: Hearing, remaining: int = 1, ready_at: float = 0.0, can_step: bool = False) -> Job[str]:
    made: Job[str] = Job(Asked(remaining, can_step=can_step), ready_at, loop=asyncio.new_event_loop())
    made.loop.close()
    made.heard += windows
    return made


def batch(jobs: Sequence[Job[str]]) -> list[Job[str]]:
    turn = choose(jobs, 100)
    assert isinstance(turn, Write)
    return [one for one, _ in turn.windows]


def test_windows_that_are_alike_are_written_down_together() -> None:
    jobs = [job(heard(padded=400), ready_at=number) for number in range(3)]
    assert batch(jobs) == jobs


def test_what_differs_waits_for_its_own_turn() -> None:
    first = job(heard(padded=400), ready_at=0)
    others = [
        job(heard(padded=600), ready_at=1),
        job(heard(padded=400, before=5), ready_at=2),
        job(heard(padded=400, temperature=0.2), ready_at=3),
    ]
    like = job(heard(padded=400), ready_at=4)
    assert batch([*others, like, first]) == [first, like]


def test_no_more_than_a_batch_at_once_and_the_most_urgent_is_in_it() -> None:
    jobs = [job(heard(padded=400), ready_at=float(-number)) for number in range(BATCH + 3)]
    assert batch(jobs) == jobs[::-1][:BATCH]


def test_of_long_windows_fewer_make_a_batch() -> None:
    jobs = [job(heard(padded=3000), remaining=9, ready_at=float(number)) for number in range(BATCH)]
    assert batch(jobs) == jobs[:2]


def test_other_clips_are_heard_first_so_that_they_come_along() -> None:
    ready, raw = job(heard(), ready_at=0), job(ready_at=1, can_step=True)
    assert choose([ready, raw], 100) == Step(raw)
    raw.stepping = True
    assert batch([ready, raw]) == [ready]
    full = job(*(heard(padded=400) for _ in range(BATCH)), remaining=9, ready_at=0)
    assert batch([full, job(remaining=9, ready_at=9, can_step=True)]) == [full] * BATCH


def test_of_long_recordings_more_is_heard_until_a_batch_is_full_of_a_kind() -> None:
    mixed = [heard(padded=length) for length in (1000, 1300, 1000, 1600, 1300, 1000)]
    long = job(*mixed, remaining=20, can_step=True)
    assert choose([long], 100) == Step(long)
    long.heard += [heard(padded=1300), heard(padded=1300)]
    turn = choose([long], 100)
    assert isinstance(turn, Write)
    assert [window.padded for _, window in turn.windows] == [1300] * BATCH
    other = job(*mixed[:3], remaining=20, ready_at=9)
    long.heard = mixed[3:]
    long.heard[0] = heard(padded=1000)
    turn = choose([long, other], 100)
    assert isinstance(turn, Write)
    assert [one for one, _ in turn.windows] == [long, long, other, other]


def test_where_no_more_can_be_heard_the_oldest_window_is_written_down() -> None:
    long = job(heard(padded=1000), heard(padded=1300), heard(padded=1300), remaining=20)
    turn = choose([long], 100)
    assert isinstance(turn, Write)
    assert [window.padded for _, window in turn.windows] == [1000]


def test_a_clip_is_not_written_down_with_a_long_recording_nor_waits_for_its_steps() -> None:
    clip = job(heard(), ready_at=0)
    long = job(heard(), remaining=20, ready_at=0, can_step=True)
    turn = choose([long, clip], 100)
    assert isinstance(turn, Write)
    assert is_short(turn)
    assert [one for one, _ in turn.windows] == [clip]


def test_the_place_that_is_kept_for_clips_is_not_for_others() -> None:
    long = job(heard(), remaining=20)
    assert choose([long], 100, only_short=True) is None
    assert not is_short(Step(long))
    clip = job(ready_at=9, can_step=True)
    assert choose([long, clip], 100, only_short=True) == Step(clip)


def test_nothing_begins_beyond_the_limit() -> None:
    running = job(heard())
    running.started = True
    raw = job(can_step=True, ready_at=-1)
    assert batch_of(choose([running, raw], 1)) == [running]
    assert choose([raw], 1) == Step(raw)


def test_clips_have_places_of_their_own() -> None:
    long = job(heard(), remaining=20)
    long.started = True
    clip = job(can_step=True, ready_at=9)
    assert choose([long, clip], 1, only_short=True) == Step(clip)


def batch_of(turn: object) -> list[Job[str]]:
    assert isinstance(turn, Write)
    return [one for one, _ in turn.windows]
