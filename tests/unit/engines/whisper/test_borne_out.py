"""Which text the voice detector bears out."""

import pytest

from sayso.engines.whisper.hearing import Decoded
from sayso.engines.whisper.segments import is_borne_out
from sayso.engines.whisper.voice import CLEAR_SPEECH, SPEECH

FAINT = (SPEECH + CLEAR_SPEECH) / 2


def decoded(temperature: float, avg_logprob: float) -> Decoded:
    return Decoded((50364, 708, 50464), temperature, avg_logprob, 1.5, 0.5)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_clear_speech_is_believed_however_it_was_decoded(temperature: float) -> None:
    assert is_borne_out(decoded(temperature, -2.0), CLEAR_SPEECH, 0.0)


def test_no_speech_is_never_believed() -> None:
    assert not is_borne_out(decoded(0.0, -0.1), SPEECH - 0.01, 0.0)


def test_faint_speech_is_believed_where_the_decoder_was_sure_at_once() -> None:
    assert is_borne_out(decoded(0.0, -0.5), FAINT, 0.0)
    assert not is_borne_out(decoded(0.0, -1.5), FAINT, 0.0)
    assert not is_borne_out(decoded(0.4, -0.5), FAINT, 0.0)  # as noise was once written down


def test_a_temperature_that_was_asked_for_is_no_doubt() -> None:
    assert is_borne_out(decoded(0.4, -0.5), FAINT, 0.4)
