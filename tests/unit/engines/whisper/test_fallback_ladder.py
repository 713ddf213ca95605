"""When a window is written down again, and which attempt counts."""

from tests.unit.engines.whisper.heard_windows import heard, wrote


def test_a_good_first_attempt_counts() -> None:
    hearing = heard()
    hearing.note(first := wrote())
    assert hearing.done is first
    assert not hearing.retried


def test_text_that_repeats_itself_climbs_a_step() -> None:
    hearing = heard()
    hearing.note(wrote(ratio=3.0))
    assert (hearing.done, hearing.temperature, hearing.retried) == (None, 0.2, True)
    hearing.note(wrote(ratio=2.5, temperature=0.2))
    assert (hearing.done, hearing.temperature) == (None, 0.4)
    hearing.note(good := wrote(-1.2, temperature=0.4))
    assert hearing.done is good


def test_text_that_is_merely_unlikely_is_written_down_once() -> None:
    hearing = heard()
    hearing.note(unlikely := wrote(-1.2))
    assert hearing.done is unlikely
    assert unlikely.has_failed
    assert not hearing.retried


def test_silence_is_not_tried_again() -> None:
    hearing = heard()
    hearing.note(silence := wrote(-1.2, no_speech=0.7))
    assert hearing.done is silence
    assert silence.is_silence


def test_the_likeliest_counts_where_all_repeat_themselves() -> None:
    hearing = heard()
    for avg_logprob, temperature in [
        (-0.8, 0.0),
        (-1.4, 0.2),
        (-0.2, 0.4),
        (-2.0, 0.6),
        (-0.9, 0.8),
        (-3.0, 1.0),
    ]:
        assert hearing.done is None
        hearing.note(wrote(avg_logprob, 3.0, temperature=temperature))
    assert hearing.done is not None
    assert (hearing.done.avg_logprob, hearing.done.temperature) == (-0.2, 1.0)


def test_a_temperature_that_was_asked_for_stays() -> None:
    hearing = heard(temperature=0.3)
    hearing.note(bad := wrote(-3.0, temperature=0.3))
    assert hearing.done is bad
