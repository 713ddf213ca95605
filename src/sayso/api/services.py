"""What endpoints need of the rest of sayso; the composition root fills it in."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from sayso.billing.ledger import Ledger
from sayso.catalog.name_watch import NameWatch
from sayso.core.caller import AdminCaller, Caller
from sayso.core.speech import Audio
from sayso.dedicated.service import Instances
from sayso.errors import AuthenticationFailed
from sayso.inference.cache_salt import CacheSalts
from sayso.inference.keeping import Keeper
from sayso.inference.metering import UsageLedger
from sayso.inference.routing import Router
from sayso.retention.service import Retention
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.console_sessions import Sessions

VendorExtras: TypeAlias = Literal["ignore", "reject"]


class AudioDecoder(Protocol):
    """Turns an uploaded file into sound."""

    async def decode(self, content: memoryview | bytes | bytearray, cores: tuple[int, ...] = ()) -> Audio:
        """Decode `content`, on `cores` where any are named. Raises `AudioRejected` for what is no audio."""
        ...


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether work is accepted; `reasons` says of each part why not, with an empty text where it is fine."""

    ready: bool
    reasons: Mapping[str, str] = field(default_factory=dict[str, str])


class Health(Protocol):
    """The process's own view of itself."""

    @property
    def draining(self) -> bool:
        """True from the moment that new work is refused."""
        ...

    def live(self) -> bool:
        """Return whether the process works at all."""
        ...

    async def ready(self) -> Readiness:
        """Return whether real requests would be answered."""
        ...


class HttpMetrics(Protocol):
    """Counts of requests, and the page that a scraper reads."""

    def observe_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request; `route` is a template and never a path with an id in it."""
        ...

    def render(self) -> bytes:
        """Return all metrics in the Prometheus text format."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what a request may bring. Sizes are bytes, deadlines seconds.

    A body is given up when nothing of it arrives for `body_idle_seconds` or it is not complete after
    `body_total_seconds`.
    """

    max_upload_bytes: int = 26_214_400
    max_body_bytes: int = 8_388_608
    body_idle_seconds: float = 30.0
    body_total_seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class InvoiceTexts:
    """Who sends invoices, and what stands at their end."""

    seller: str = ""
    note: str = ""


async def no_admin(presented: str) -> AdminCaller:
    """Refuse every admin key, where there are no accounts."""
    raise AuthenticationFailed("There is no admin API here.", code="invalid_api_key")


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that endpoints use.

    `authenticate` turns the key presented into a `Caller`, `authenticate_admin` an admin key into an
    `AdminCaller`; `accounts` and `journal` are what the admin API works on. `check_account` gets the caller
    with the `OpenAI-Organization` and `OpenAI-Project` headers and raises `AuthenticationFailed` where they
    do not match. `organization_slug` is what the `openai-organization` header says. `vendor_extras` tells
    whether fields that OpenAI does not have are ignored or refused. `retention` is
    what keeps content, and `keeper` the way into it, None where nothing is kept.
    `cache_salts` part the engines' caches. `names` follows what models are called, and `models_dir` is where
    their files lie; None where there is no database.
    `cache_salts` part the engines' caches. `instances` are the verbs of dedicated instances.
    `sessions` are of the console, None where there is none.
    """

    router: Router
    ledger: UsageLedger
    authenticate: Callable[[str], Awaitable[Caller]]
    check_account: Callable[[Caller | AdminCaller, str | None, str | None], Awaitable[None]]
    organization_slug: Callable[[Caller | AdminCaller], Awaitable[str]]
    decoder: AudioDecoder
    health: Health
    metrics: HttpMetrics
    limits: Limits = Limits()
    vendor_extras: VendorExtras = "ignore"
    authenticate_admin: Callable[[str], Awaitable[AdminCaller]] = no_admin
    accounts: Accounts | None = None
    journal: Ledger | None = None
    invoice_texts: InvoiceTexts = InvoiceTexts()
    retention: Retention | None = None
    keeper: Keeper | None = None
    instances: Instances | None = None
    cache_salts: CacheSalts = field(default_factory=CacheSalts)
    names: NameWatch | None = None
    models_dir: Path | None = None
    sessions: Sessions | None = None
