import pytest

from sayso.engines.upstream.last_refusal import HOLDS_SECONDS, LastRefusal
from sayso.errors import EngineFailed, EngineOverloaded


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def refusal(clock: Clock) -> LastRefusal:
    """A server that has just said that it has room again in 3 seconds."""
    refusal = LastRefusal(clock)
    refusal.check()
    with pytest.raises(EngineOverloaded), refusal.heeded():
        raise EngineOverloaded("Full.", retry_after=3.0)
    return refusal


def test_a_refusal_holds_until_somebody_should_ask_again(refusal: LastRefusal, clock: Clock) -> None:
    clock.now += HOLDS_SECONDS - 0.5
    with pytest.raises(EngineOverloaded, match="Full") as raised:
        refusal.check()
    assert raised.value.retry_after == 3.0 - HOLDS_SECONDS + 0.5
    clock.now += 0.5
    refusal.check()


def test_a_refusal_holds_no_longer_than_the_server_said(refusal: LastRefusal, clock: Clock) -> None:
    with pytest.raises(EngineOverloaded), refusal.heeded():
        raise EngineOverloaded("Full.", retry_after=0.25)
    clock.now += 0.25
    refusal.check()


def test_a_request_that_ends_leaves_room(refusal: LastRefusal) -> None:
    with refusal.heeded():
        pass
    refusal.check()


@pytest.mark.parametrize("error", [EngineFailed("broken"), GeneratorExit()])
def test_so_does_one_that_breaks_off(refusal: LastRefusal, error: BaseException) -> None:
    with pytest.raises(type(error)), refusal.heeded():
        raise error
    refusal.check()
