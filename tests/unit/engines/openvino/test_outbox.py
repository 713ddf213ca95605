"""Tokens of several steps travel together under load; first words and ends do not wait."""

from sayso.core.chat import ChoiceFinished, TextDelta, TokenLogprob
from sayso.engines.openvino.choice import Job
from sayso.engines.openvino.outbox import MOST_STEPS, WHOLE_SECONDS, Outbox, interval, merged


def running_job() -> Job:
    job = Job(1)
    job.unfinished = 1
    return job


def delta(text: str, tokens: int, index: int = 0) -> TextDelta:
    return TextDelta(index, text, (TokenLogprob(text, tuple(text.encode()), -0.5),), tokens)


def test_few_streams_wait_for_nothing_and_many_for_a_few_steps() -> None:
    streams = (1, 4, 5, 7, 8, 11, 14, 500)
    assert [interval(count) for count in streams] == [1, 1, 2, 2, 3, 4, 5, MOST_STEPS]


async def test_alone_every_step_is_handed_out() -> None:
    outbox, job = Outbox(), running_job()
    for step in range(5):
        outbox.put(job, [delta(str(step), step)], last=False)
        assert outbox.take(1) == [(job, [delta(str(step), step)])]


async def test_under_load_two_steps_join_after_the_first_word() -> None:
    outbox, job = Outbox(), running_job()
    handed = []
    for step in range(5):
        outbox.put(job, [delta(str(step), step)], last=False)
        handed.append([event.text for _, events in outbox.take(7) for event in events])  # type: ignore[union-attr]
    assert handed == [["0"], ["1"], [], ["23"], []]


async def test_what_nobody_reads_before_its_end_comes_a_few_times_a_second() -> None:
    now = [10.0]
    outbox, read = Outbox(lambda: now[0]), running_job()
    whole = Job(1, whole=True)
    whole.unfinished = 1
    handed = []
    for step in range(7):
        for job in (read, whole):
            outbox.put(job, [delta(str(step), step)], last=step == 6)
        handed.append([event.text for job, events in outbox.take(2) for event in events if job is whole])  # type: ignore[union-attr]
        now[0] += WHOLE_SECONDS / 3
    assert handed == [["0"], [], [], ["123"], [], [], ["456"]]


async def test_an_end_takes_what_was_held_along_in_order() -> None:
    outbox, job = Outbox(), running_job()
    outbox.put(job, [delta("a", 1)], last=False)
    outbox.take(7)
    outbox.take(7)
    outbox.put(job, [delta("b", 2)], last=False)
    assert outbox.take(7) == []
    end = ChoiceFinished(0, "stop", 3)
    outbox.put(job, [delta("c", 3), end], last=True)
    ((_, events),) = outbox.take(7)
    assert [getattr(event, "text", event) for event in events] == ["bc", end]


async def test_an_abandoned_request_is_forgotten() -> None:
    outbox, job, other = Outbox(), running_job(), running_job()
    outbox.put(job, [delta("a", 1)], last=False)
    outbox.put(other, [delta("x", 1)], last=False)
    outbox.forget(job)
    assert [entry[0] for entry in outbox.take(1)] == [other]


def test_only_neighbours_of_one_choice_join() -> None:
    events = merged([delta("a", 1), delta("b", 2), delta("c", 3, index=1), delta("d", 4)])
    assert [(event.index, event.text) for event in events if isinstance(event, TextDelta)] == [
        (0, "ab"),
        (1, "c"),
        (0, "d"),
    ]
    first = events[0]
    assert isinstance(first, TextDelta)
    assert [item.token for item in first.logprobs] == ["a", "b"]
    assert first.completion_tokens == 2
