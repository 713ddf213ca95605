"""How short a window may be, and when what was written about it is in doubt."""

import pytest

from sayso.engines.whisper.hearing import Decoded
from sayso.engines.whisper.short_windows import is_doubtful, longer_frames, padded_frames

BEGIN = 50364
SURE = (BEGIN, 100, 200, BEGIN + 150)  # from 0 to 3 s


def doubt(
    tokens: tuple[int, ...] = SURE, avg_logprob: float = -0.3, ratio: float = 1.1, frames: int = 300
) -> bool:
    return is_doubtful(Decoded(tokens, 0.0, avg_logprob, ratio, 0.1), BEGIN, frames)


@pytest.mark.parametrize(
    ("frames", "heard"),
    [(1, 1000), (900, 1000), (901, 1300), (2400, 2500), (2401, 3000), (3000, 3000)],
)
def test_a_window_is_as_long_as_its_sound_and_some_silence(frames: int, heard: int) -> None:
    assert padded_frames(frames) == heard


@pytest.mark.parametrize(
    ("padded", "longer"),
    [(1000, 1600), (1300, 2000), (1600, 2500), (2000, 3000), (2500, 3000), (3000, 3000)],
)
def test_in_doubt_there_is_more_silence_behind_the_sound(padded: int, longer: int) -> None:
    assert longer_frames(padded) == longer


def test_what_the_decoder_is_sure_of_stands() -> None:
    assert not doubt()
    assert not doubt(avg_logprob=-0.99)
    assert not doubt((BEGIN, 100, 200), avg_logprob=-0.39)  # it ends where the sound does
    assert not doubt((BEGIN, 100, BEGIN + 150, BEGIN + 150), frames=290)  # the end twice is an end
    assert not doubt(frames=200)  # Whisper rounds up to a second at the end of a clip


@pytest.mark.parametrize(
    "case",
    [
        {"ratio": 2.5},
        {"avg_logprob": -1.01},
        {"tokens": ()},
        {"tokens": (100, 200)},
        {"tokens": (BEGIN, 100, 200), "avg_logprob": -0.41},
        {"frames": 199},
        {"tokens": (BEGIN, 100, BEGIN + 150, BEGIN + 150, 7, BEGIN + 160)},
    ],
    ids=[
        "loops",
        "is unsure",
        "is nothing",
        "says of nothing when",
        "is less sure and has no end",
        "ends far behind the sound",
        "says more behind it",
    ],
)
def test_what_may_be_invented_is_heard_again(case: dict[str, object]) -> None:
    assert doubt(**case)  # type: ignore[arg-type]
