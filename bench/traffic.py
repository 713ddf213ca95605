"""A year of requests that nobody made: one large customer, some small ones, more every month."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from sayso.app.tenancy import Tenancy
from sayso.billing.holds import NO_KEY, HoldState
from sayso.billing.pricing import Kind, PriceBookVersion, price
from sayso.billing.usage_events import UsageRecord
from sayso.core.caller import AdminCaller
from sayso.core.metering import Outcome, Quantities, billable
from sayso.ids import OrgId, ProjectId, RequestId
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.admin_keys import create_admin_key
from sayso.tenancy.projects import create_project
from sayso.tenancy.service import add_organization, ensure_first_tenant
from sayso.tenancy.service_accounts import create_service_account

YEAR = 360 * 86_400 * 1_000_000  # microseconds
LARGE_SHARE = 0.9  # of all requests
GROWTH = 4.0  # times as many requests at the end of the year as at its beginning
_HOLD_MICROSECONDS = 45_000_000
_SPEECH, _CHAT, _LEGACY = "audio.transcriptions", "chat.completions", "completions"


@dataclass(frozen=True, slots=True)
class Source:
    """Whose request it is."""

    org_id: OrgId
    project_id: ProjectId
    key_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Shape:
    """What is asked for, and how often beside the others."""

    endpoint: str
    kind: Kind
    model: str
    snapshot: str
    weight: int


SHAPES = (
    Shape(_CHAT, "chat", "gpt-3.5-turbo", "qwen2.5-0.5b-instruct", 60),
    Shape(_CHAT, "chat", "gpt-3.5-turbo-0301", "smollm2-360m-instruct", 12),
    Shape(_CHAT, "chat", "scripted", "scripted", 8),
    Shape(_LEGACY, "chat", "gpt-3.5-turbo-instruct", "qwen2.5-0.5b-instruct", 8),
    Shape(_SPEECH, "speech", "whisper-1", "whisper-base", 12),
)


@dataclass(frozen=True, slots=True)
class Population:
    """The customers with how often each asks; `key` and `admin_key` are the large one's."""

    sources: tuple[Source, ...]
    weights: tuple[float, ...]
    key: str
    admin_key: str


async def populate(
    tenancy: Tenancy, *, projects: int = 8, accounts_each: int = 6, small_organizations: int = 10
) -> Population:
    """Make organizations, projects, service accounts and keys in an empty database."""
    first = await ensure_first_tenant(tenancy.database, tenancy.pepper)
    if first is None:
        raise SystemExit("the database has tenants already: name an empty one")
    large = [Source(first.org_id, first.project_id, first.key.id, first.owner.user_id)]
    large += await _sources(tenancy, first.owner, projects, accounts_each)
    small: list[Source] = []
    for number in range(small_organizations):
        async with tenancy.database.transaction() as session:
            owner = await add_organization(session, f"customer-{number}", f"Customer {number}")
        small += await _sources(tenancy, owner, 1, 2)
    accounts = Accounts(tenancy.database, tenancy.pepper)
    admin = await create_admin_key(accounts, first.owner, "bench")
    weights = (*_falling(len(large), LARGE_SHARE), *_falling(len(small), 1 - LARGE_SHARE))
    return Population((*large, *small), weights, first.key.secret, admin.secret)


async def _sources(tenancy: Tenancy, owner: AdminCaller, projects: int, each: int) -> list[Source]:
    found: list[Source] = []
    accounts = Accounts(tenancy.database, tenancy.pepper)
    for number in range(projects):
        project = await create_project(tenancy.database, owner, f"Project {number}")
        for position in range(each):
            account, key = await create_service_account(accounts, owner, project.id, f"Program {position}")
            assert key is not None
            found.append(Source(owner.org_id, project.id, key.id, account.id))
    return found


def _falling(count: int, share: float) -> list[float]:
    """Return weights that fall as 1, 1/2, 1/3, … and sum to `share`."""
    weights = [1 / number for number in range(1, count + 1)]
    return [share * weight / sum(weights) for weight in weights]


class Traffic:
    """Requests in the order of their admission, up to `end` (Unix microseconds)."""

    def __init__(self, population: Population, book: PriceBookVersion, end: int, seed: int = 1) -> None:
        self._population = population
        self._book = book
        self._end = end
        self._random = random.Random(seed)

    def until(self, progress: float) -> int:
        """Return when `progress`, 0 to 1, of the year's requests have been admitted."""
        passed = math.log(1 + progress * (GROWTH - 1)) / math.log(GROWTH)
        return self._end - YEAR + int(passed * YEAR)

    def records(self, moments: Sequence[int]) -> Iterator[UsageRecord]:
        """Yield a request that was admitted at each of `moments`."""
        population, count = self._population, len(moments)
        weights = list(accumulate(population.weights))
        sources = self._random.choices(population.sources, cum_weights=weights, k=count)
        shapes = self._random.choices(SHAPES, weights=[shape.weight for shape in SHAPES], k=count)
        for moment, source, shape in zip(moments, sources, shapes, strict=True):
            yield self._record(moment, source, shape)

    def _record(self, moment: int, source: Source, shape: Shape) -> UsageRecord:
        draw = self._random.random
        chance = draw()
        outcome: Outcome = "failed" if chance < 0.01 else "disconnected" if chance < 0.03 else "completed"
        if shape.kind == "speech":
            actual = Quantities(audio_milliseconds=200 + int(draw() ** 3 * 600_000))
        else:
            prompt = 8 + int(draw() ** 3 * 3_000)
            cached = prompt // 32 * 16 if chance > 0.7 else 0
            actual = Quantities(prompt, 1 + int(draw() ** 2 * 600), cached)
        counted = billable(actual, outcome)
        charge = price(self._book, shape.kind, shape.model, shape.snapshot, counted)
        settled_at = moment + 200_000 + int(draw() * 4_000_000)
        hold = HoldState(
            RequestId(f"req_{moment // 1_000:012x}{self._random.getrandbits(80):020x}"),
            source.org_id,
            source.project_id,
            source.key_id,
            source.user_id,
            shape.endpoint,
            shape.kind,
            shape.model,
            shape.snapshot,
            int(chance > 0.5 and shape.kind == "chat"),
            self._book.id,
            NO_KEY,
            "settled",
            counted.tokens,
            counted.audio_milliseconds,
            charge.amount,
            moment,
            moment + _HOLD_MICROSECONDS,
            settled_at,
        )
        return UsageRecord(hold, actual, outcome, charge, settled_at)
