"""Load curves that are kept, of instances that write and of those that hear."""

from fractions import Fraction

from sayso.dedicated.configuration import Share
from sayso.dedicated.curve import Answer, Level, SpeechLevel, Transcript
from sayso.dedicated.measured import Curve, find_curve, remember_curve, sustainable
from tests.integration.dedicated.worlds import MICRO, START, World

WRITES = (
    Level.of(1, [Answer(0.1, 1.0, 40)], 1.0),
    Level.of(2, [Answer(0.2, 1.5, 60)] * 2, 1.5),
)
HEARS = (SpeechLevel.of(1, [Transcript(1.0, 11.0)], 1.0), SpeechLevel.of(2, [Transcript(2.0, 11.0)] * 2, 2.0))


async def test_the_latest_curve_comes_back_and_only_tokens_count_for_the_break_even(world: World) -> None:
    made = await world.verbs.create(world.owner, world.wanted("fast", 1, 0))
    for now, levels in ((START, WRITES), (START + 1, HEARS)):
        async with world.db.transaction() as session:
            await remember_curve(session, made, levels, now=now * MICRO)
        async with world.db.read() as session:
            assert await find_curve(session, made.id) == Curve(1, now * MICRO, levels)
            assert await sustainable(session, made.snapshot, Share(1, 0)) == Fraction(80)
