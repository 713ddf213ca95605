"""The books agree at every moment: before minutes are swept, while that is late, and after."""

import random
from dataclasses import replace

import pytest

from sayso.billing.reservation import Hold
from sayso.billing.verify import verify
from sayso.core.metering import Quantities
from sayso.errors import ObjectNotFound
from sayso.ids import KeyId, ProjectId
from tests.integration.billing.conftest import CALLER, Books, chat

CALLERS = (
    CALLER,
    replace(CALLER, key_id=KeyId("key_2")),
    replace(CALLER, project_id=ProjectId("proj_2"), key_id=KeyId("key_3")),
)
# Seconds; minutes are kept for 7,200 and swept a minute later, closed holds after a day.
STEPS = (1, 30, 59, 600, 3_600, 7_100, 7_190, 7_200, 7_205, 7_260, 7_261, 9_000, 86_400, 90_000)


@pytest.mark.parametrize("seed", range(2))
async def test_long_requests_and_late_sweeps_leave_no_false_alarm(books: Books, seed: int) -> None:
    chance = random.Random(seed)
    running: list[Hold] = []
    for step in range(60):
        match chance.randrange(6):
            case 0 | 1:
                running.append(await books.ledger.reserve(chat(5, 5, caller=chance.choice(CALLERS))))
            case 2 if running:
                await settle(books, running.pop(chance.randrange(len(running))))
            case 3 if running:
                await books.ledger.release(running.pop(chance.randrange(len(running))))
            case 4 if running and chance.random() < 0.3:
                books.ledger.abandon(chance.choice(running))  # void once its time is over, and settled yet
            case 4 | 5 if chance.random() < 0.3:
                await books.ledger.keep()
            case _:
                books.clock.advance(chance.choice(STEPS))
        assert (await verify(books.database)).divergence is None, step


async def test_a_request_of_three_hours_is_counted_in_its_minute_until_that_is_swept(books: Books) -> None:
    hold = await books.ledger.reserve(chat(5, 5))
    for minutes in (119, 1, 1, 59):
        books.clock.advance(60 * minutes)
        assert (await verify(books.database)).divergence is None
    await settle(books, hold)
    assert (await verify(books.database)).divergence is None
    await books.ledger.keep()
    assert (await verify(books.database)).divergence is None


async def settle(books: Books, hold: Hold) -> None:
    try:
        await books.ledger.settle(hold, Quantities(1, 1), "completed")
    except ObjectNotFound:
        assert books.clock.now - hold.admitted_at > 86_400_000_000  # forgotten
