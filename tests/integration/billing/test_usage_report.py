"""Usage and costs in buckets, on real databases: what was put in comes out once, in its bucket and group."""

import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

import pytest
from sqlalchemy import insert

from sayso.billing.cost_report import CostDimension, costs_by_day
from sayso.billing.tables import UsageDay, UsageEventRow, UsageHour
from sayso.billing.usage_buckets import WIDTH_SECONDS, BucketWidth, bucket_page
from sayso.billing.usage_report import DIMENSIONS, Dimension, UsageFilter, usage_in_buckets
from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.ids import OrgId

ORG = OrgId("org_1")
T0 = 1_800_000_000 // 86_400 * 86_400
SPAN = 3 * 86_400
MICRO = 1_000_000


@dataclass(frozen=True)
class Event:
    org: str
    at: int  # microseconds
    project_id: str
    api_key_id: str
    user_id: str
    model: str
    prompt: int
    completion: int
    audio: int
    failed: bool

    @property
    def seconds(self) -> int:
        return max(1, (self.audio + 500) // 1000) if self.audio else 0


def events() -> list[Event]:
    chance = random.Random(7)
    made = []
    for _ in range(600):
        speech = chance.random() < 0.3
        made.append(
            Event(
                chance.choice([ORG, ORG, ORG, "org_2"]),
                (T0 + chance.randrange(SPAN)) * MICRO + chance.randrange(MICRO),
                chance.choice(["proj_1", "proj_2"]),
                chance.choice(["key_1", "key_2", "key_3"]),
                chance.choice(["", "user_1"]),
                "whisper-1" if speech else chance.choice(["gpt-3.5-turbo", "other"]),
                0 if speech else chance.randrange(1, 100),
                0 if speech else chance.randrange(50),
                chance.choice([1, 499, 500, 1499, 1500, 2500, 90_000]) if speech else 0,
                chance.random() < 0.1,
            )
        )
    # On the edges of the buckets.
    ragged = ((T0 + 2_000) * MICRO, (T0 + 2 * 86_400 + 4_320) * MICRO + 7)
    for at in (
        T0 * MICRO,
        (T0 + 3_600) * MICRO - 1,
        (T0 + 3_600) * MICRO,
        (T0 + 86_400) * MICRO - 1,
        *ragged,
    ):
        made.append(Event(ORG, at, "proj_1", "key_1", "", "gpt-3.5-turbo", 3, 4, 0, failed=False))
    return made


EVENTS = events()


def endpoint(event: Event) -> str:
    return "audio.transcriptions" if event.audio else "chat.completions"


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(database_url) as database:
        await migrate(database)
        async with database.transaction() as session:
            await session.execute(insert(UsageEventRow), [event_row(n, e) for n, e in enumerate(EVENTS)])
            await session.execute(insert(UsageHour), sum_rows("hour"))
            await session.execute(insert(UsageDay), sum_rows("day"))
        yield database


def event_row(number: int, event: Event) -> dict[str, object]:
    return {
        "request_id": f"req_{number}",
        "organization_id": event.org,
        "project_id": event.project_id,
        "api_key_id": event.api_key_id,
        "user_id": event.user_id,
        "endpoint": endpoint(event),
        "kind": "speech" if event.audio else "chat",
        "model": event.model,
        "snapshot": f"snapshot of {event.model}",
        "streamed": 0,
        "outcome": "failed" if event.failed else "completed",
        "prompt_tokens": event.prompt,
        "completion_tokens": event.completion,
        "cached_tokens": event.prompt // 2,
        "audio_milliseconds": event.audio,
        "price_book_id": 1,
        "charge": 0,
        "transaction_id": 0,
        "admitted_at": event.at,
        "settled_at": event.at,
    }


def sum_rows(period: Literal["hour", "day"]) -> list[dict[str, object]]:
    seconds = {"hour": 3_600, "day": 86_400}[period]
    rows: dict[tuple[object, ...], Counter[str]] = {}
    for e in EVENTS:
        start = e.at // MICRO // seconds * seconds
        key = (e.org, start, e.project_id, e.api_key_id, e.user_id, e.model, endpoint(e))
        count = rows.setdefault(key, Counter())
        if e.failed:
            count["failed_requests"] += 1
            continue
        count["requests"] += 1
        count["prompt_tokens"] += e.prompt
        count["completion_tokens"] += e.completion
        count["cached_tokens"] += e.prompt // 2
        count["audio_milliseconds"] += e.audio
        count["audio_seconds"] += e.seconds
        count["prompt_charge"] += e.prompt * 2_000
        count["completion_charge"] += e.completion * 2_000
        count["audio_charge"] += e.seconds * 100_000
    names = ("organization_id", period, "project_id", "api_key_id", "user_id", "model", "endpoint")
    counted = ("requests", "failed_requests", "prompt_tokens", "completion_tokens", "cached_tokens")
    charged = ("audio_milliseconds", "audio_seconds", "prompt_charge", "completion_charge", "audio_charge")
    return [
        {
            **dict(zip(names, key, strict=True)),
            "snapshot": f"snapshot of {key[5]}",
            "price_book_id": 1,
            **{name: count[name] for name in (*counted, *charged)},
        }
        for key, count in rows.items()
    ]


RANGES = [
    (T0, T0 + SPAN),
    (T0 + 1_234, T0 + 2 * 86_400 + 4_321),
    (T0 + 100, T0 + 3_000),
    (T0 + 3_600, T0 + 7_200),
    (T0 + 3_599, T0 + 3_601),
]

GROUPINGS: tuple[tuple[Dimension, ...], ...] = ((), ("project_id",), DIMENSIONS)


async def test_every_bucket_and_group_holds_what_was_used_in_it(db: Database) -> None:
    for width, span, by in itertools.product(WIDTH_SECONDS, RANGES, GROUPINGS):
        await check_buckets(db, width, span, by)


async def check_buckets(
    db: Database, width: BucketWidth, span: tuple[int, int], by: tuple[Dimension, ...]
) -> None:
    page = bucket_page(*span, width, 10_000)
    text = await usage_in_buckets(db, ORG, "text", page, width, group_by=by)
    speech = await usage_in_buckets(db, ORG, "speech", page, width, group_by=by)
    for bucket, texts, speeches in zip(page.buckets, text, speech, strict=True):
        expected: dict[tuple[bool, tuple[str | None, ...]], Counter[str]] = {}
        for e in EVENTS:
            if e.org == ORG and not e.failed and bucket.start <= e.at // MICRO < bucket.end:
                labels = tuple(getattr(e, name) or None for name in by)
                count = expected.setdefault((bool(e.audio), labels), Counter())
                count.update(n=1, prompt=e.prompt, completion=e.completion, seconds=e.seconds)
        found = {
            (audio, tuple(group.labels[name] for name in by)): Counter(
                n=group.totals.requests,
                prompt=group.totals.prompt_tokens,
                completion=group.totals.completion_tokens,
                seconds=group.totals.audio_seconds,
            )
            for audio, groups in ((False, texts), (True, speeches))
            for group in groups
        }
        assert found == expected


@pytest.mark.parametrize(
    ("only", "admits"),
    [
        (UsageFilter(project_ids=("proj_1", "proj_x")), lambda e: e.project_id == "proj_1"),
        (UsageFilter(api_key_ids=("key_1", "key_2")), lambda e: e.api_key_id in ("key_1", "key_2")),
        (UsageFilter(user_ids=("user_1",)), lambda e: e.user_id == "user_1"),
        (UsageFilter(models=("other",)), lambda e: e.model == "other"),
        (UsageFilter(models=("snapshot of other",)), lambda e: e.model == "other"),
        (UsageFilter(project_ids=("of a stranger",)), lambda _: False),
        (
            UsageFilter(project_ids=("proj_2",), models=("gpt-3.5-turbo",)),
            lambda e: (e.project_id, e.model) == ("proj_2", "gpt-3.5-turbo"),
        ),
    ],
)
async def test_filters_leave_the_rest_out(db: Database, only: UsageFilter, admits: object) -> None:
    assert callable(admits)
    page = bucket_page(T0 + 1_000, T0 + SPAN, "1d", 31)
    found = await usage_in_buckets(db, ORG, "text", page, "1d", only=only)
    expected = sum(
        e.prompt
        for e in EVENTS
        if e.org == ORG and not e.failed and admits(e) and e.at // MICRO >= T0 + 1_000
    )
    assert sum(group.totals.prompt_tokens for groups in found for group in groups) == expected


@pytest.mark.parametrize(
    "by", [(), ("project_id",), ("line_item",), ("project_id", "api_key_id", "line_item")]
)
async def test_costs_are_quantity_times_price(db: Database, by: tuple[CostDimension, ...]) -> None:
    page = bucket_page(T0, T0 + SPAN, "1d", 180)
    days = await costs_by_day(db, ORG, page, group_by=by)
    served = [e for e in EVENTS if e.org == ORG and not e.failed]
    for bucket, groups in zip(page.buckets, days, strict=True):
        on_it = [e for e in served if bucket.start <= e.at // MICRO < bucket.end]
        expected = sum((e.prompt + e.completion) * 2_000 + e.seconds * 100_000 for e in on_it)
        assert sum(group.amount for group in groups) == expected
        if "line_item" in by:
            for group in groups:
                price = 100_000 if group.quantity_unit == "duration_seconds" else 2_000
                assert group.quantity is not None
                assert group.amount == group.quantity * price
        for group in groups:
            assert (group.project_id is not None) == ("project_id" in by)


async def test_costs_of_one_line_item(db: Database) -> None:
    page = bucket_page(T0, T0 + SPAN, "1d", 180)
    days = await costs_by_day(db, ORG, page, line_items=("gpt-3.5-turbo, input_tokens",))
    used = sum(e.prompt for e in EVENTS if e.org == ORG and not e.failed and e.model == "gpt-3.5-turbo")
    assert sum(group.amount for groups in days for group in groups) == used * 2_000


def test_widths_divide_each_other() -> None:
    assert WIDTH_SECONDS["1d"] % WIDTH_SECONDS["1h"] == WIDTH_SECONDS["1h"] % WIDTH_SECONDS["1m"] == 0
