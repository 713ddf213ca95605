"""When a window is written down again, and which attempt counts."""

from tests.unit.engines.whisper.heard_windows import heard, wrote


def test_a_good_first_attempt_counts() -> None:
    hearing = heard()
    hearing.note(first := wrote())
    assert hearing.done is first
    assert not hearing.retried


def test_a_failed_attempt_climbs_a_step() -> None:
    hearing = heard()
    hearing.note(wrote(-1.2))
    assert (hearing.done, hearing.temperature, hearing.retried) == (None, 0.2, True)
    hearing.note(wrote(ratio=2.5, temperature=0.2))
    assert (hearing.done, hearing.temperature) == (None, 0.4)
    hearing.note(good := wrote(temperature=0.4))
    assert hearing.done is good


def test_silence_is_not_tried_again() -> None:
    hearing = heard()
    hearing.note(silence := wrote(-1.2, no_speech=0.7))
    assert hearing.done is silence
    assert silence.is_silence


def test_the_likeliest_that_does_not_repeat_itself_counts_in_the_end() -> None:
    hearing = heard()
    for avg_logprob, ratio, temperature in [
        (-0.1, 9.0, 0.0),
        (-1.4, 1.1, 0.2),
        (-1.1, 1.0, 0.4),
        (-2.0, 1.0, 0.6),
        (-0.2, 3.0, 0.8),
        (-3.0, 1.0, 1.0),
    ]:
        assert hearing.done is None
        hearing.note(wrote(avg_logprob, ratio, temperature=temperature))
    assert hearing.done is not None
    assert (hearing.done.avg_logprob, hearing.done.temperature) == (-1.1, 1.0)


def test_a_temperature_that_was_asked_for_stays() -> None:
    hearing = heard(temperature=0.3)
    hearing.note(bad := wrote(-3.0, temperature=0.3))
    assert hearing.done is bad
