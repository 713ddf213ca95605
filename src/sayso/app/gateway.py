"""Everything that one server process owns, and the order in which it starts and stops."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

from fastapi import FastAPI

from sayso.api.application import create_api
from sayso.api.services import InvoiceTexts, Limits, Services
from sayso.app.deployments import Engines, build_engines
from sayso.app.fleet import build_fleet
from sayso.app.gateway_cores import GatewayCores
from sayso.app.head_start import HeadStart
from sayso.app.health import GatewayHealth
from sayso.app.host_order import start_in_turn
from sayso.app.http_metrics import GatewayMetrics, TimedDecoder
from sayso.app.idle_engines import IdleEngines
from sayso.app.instances import instance_control, instance_verbs
from sayso.app.planning import Deployment
from sayso.app.retention_metrics import count_retention
from sayso.app.spend_watch import tell_of_spending, tellers
from sayso.app.tenancy import Tenancy
from sayso.audio.decoding import AudioDecoder
from sayso.billing.ledger import Ledger
from sayso.billing.settlement_spool import SettlementSpool
from sayso.catalog.catalogue import Catalogue
from sayso.catalog.name_watch import NameWatch
from sayso.config import Settings
from sayso.core.caller import AdminCaller, Caller
from sayso.core.cores import usable_cores
from sayso.core.priority import run_as_usual
from sayso.core.time_slice import interrupt_longer_turns
from sayso.engines.supervisor import HostState
from sayso.errors import ConfigurationError, EngineError, StorageUnavailable
from sayso.inference.cache_salt import CacheSalts
from sayso.inference.keeping import Keeper
from sayso.inference.metering import BilledLedger
from sayso.inference.observed import ObservedChatEngine, ObservedSpeechEngine
from sayso.inference.readiness import Readiness
from sayso.inference.routing import Router
from sayso.retention.service import Retention
from sayso.telemetry.logging import EventLogger
from sayso.telemetry.metrics import Metrics
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.audit import forget_old
from sayso.tenancy.authentication import Authenticator, check_headers
from sayso.tenancy.console_sessions import SessionLimits, Sessions

log = EventLogger("gateway")

FLUSH_SECONDS = 60.0
FORGET_SECONDS = 6 * 3600.0  # between two looks for entries of the audit log that are too old
WATCH_SECONDS = 30.0  # between two looks at what was spent


class Gateway:
    """One server: built from settings and prepared deployments, then started, drained and stopped."""

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        deployments: tuple[Deployment, ...],
        tenancy: Tenancy,
        retention: Retention,
        early: HeadStart,
    ) -> None:
        self.settings = settings
        self._retention = retention
        self._tenancy = tenancy
        self._metrics = Metrics()
        count_retention(retention, self._metrics)
        self.engines: Engines = build_engines(settings, deployments, self._on_state, early.take)
        self.fleet = build_fleet(settings, catalogue, self._metrics)
        self._decoder = AudioDecoder(
            max_audio_seconds=int(settings.max_audio_seconds),
            cores=self.fleet.machine.pool_cores if settings.instance_cores else (),
            yielding=settings.instance_cores > 0,
        )
        self._authenticator = Authenticator(tenancy.database, tenancy.pepper)
        self._ledger = Ledger.open(tenancy.database)
        self._control = instance_control(
            settings, tenancy.database, self._ledger, self.fleet, self.fleet.machine
        )
        spool = SettlementSpool(tenancy.database, settings.data_dir)
        self._billing = BilledLedger(self._ledger, self._metrics, spool)
        self.health = GatewayHealth(
            Readiness(self.engines.chat, self.engines.speech), tenancy.database, self._ledger
        )
        self._cores = GatewayCores(self.fleet)
        self._names = NameWatch(tenancy.database, catalogue)
        self.app: FastAPI = create_api(self._services(catalogue))
        self._tellers = tellers(settings)
        self._idle = IdleEngines(self.engines.hosts, self._metrics, settings.forget_idle_minutes * 60.0)
        self._loading: asyncio.Task[None] | None = None
        self._regular: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start every engine host and the decoder; does not wait for models."""
        self._keep_off_instances()
        self._loading = asyncio.create_task(start_in_turn(self.engines.hosts, usable_cores()))
        await self._decoder.start()
        self._tenancy.database.revisions.start()
        self._ledger.start()
        self._billing.start()
        self._retention.start()
        if self._control is not None:
            self._control.start()
        self._regular = [
            asyncio.create_task(self._flush_regularly()),
            asyncio.create_task(self._watch_spending()),
            asyncio.create_task(self._forget_regularly()),
            asyncio.create_task(self._idle.run()),
            asyncio.create_task(self._names.run()),
        ]
        if self.settings.instance_cores:
            self._regular.append(asyncio.create_task(self._cores.run()))

    async def ready(self) -> None:
        """Wait until every host has loaded its model. Raises `ConfigurationError` when one can not."""
        try:
            await asyncio.gather(*(host.ready() for host in self.engines.hosts))
        except EngineError as error:
            raise ConfigurationError(error.message) from error

    async def stop_engines(self) -> None:
        """End every host: streams that still run end with an error event."""
        if self._loading is not None:
            self._loading.cancel()
        if self._control is not None:
            await self._control.close()
        await asyncio.gather(self.fleet.close(), *(host.stop() for host in self.engines.hosts))

    async def stop(self) -> None:
        """Stop whatever still runs and close the database."""
        for task in self._regular:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self.stop_engines()
        await self._decoder.close()
        for connection in self.engines.connections:
            await connection.close()
        await self._flush()
        await self._billing.close()
        await self._retention.close()
        await self._ledger.close()
        await self._tenancy.database.close()

    def _services(self, catalogue: Catalogue) -> Services:
        chat = {
            name: ObservedChatEngine(engine, name, self._metrics)
            for name, engine in self.engines.chat.items()
        }
        speech = {
            name: ObservedSpeechEngine(engine, name, self._metrics)
            for name, engine in self.engines.speech.items()
        }
        accounts = Accounts(self._tenancy.database, self._tenancy.pepper)
        return Services(
            router=Router(catalogue, chat, speech, self.fleet),
            ledger=self._billing,
            authenticate=self._authenticator.authenticate,
            authenticate_admin=self._authenticator.authenticate_admin,
            accounts=accounts,
            sessions=Sessions(accounts, _session_limits(self.settings)),
            journal=self._ledger,
            check_account=_check_account,
            organization_slug=self._organization_slug,
            decoder=TimedDecoder(self._decoder, self._metrics),
            health=self.health,
            metrics=GatewayMetrics(self._metrics),
            limits=Limits(self.settings.max_upload_bytes, self.settings.max_body_bytes),
            vendor_extras=self.settings.vendor_extras,
            retention=self._retention,
            keeper=Keeper(self._retention.store) if self.settings.retention_days else None,
            invoice_texts=InvoiceTexts(self.settings.invoice_seller, self.settings.invoice_note),
            cache_salts=CacheSalts.under(self._tenancy.pepper),
            names=self._names,
            models_dir=self.settings.data_dir / "models",
            instances=instance_verbs(self._tenancy.database, catalogue, self._control, self.fleet),
        )

    def _keep_off_instances(self) -> None:
        """Leave the cores that instances may have to them; what is started from now on inherits that."""
        if self.settings.instance_cores:
            self._cores.look()
            run_as_usual()  # the pool's hosts yield instead
            interrupt_longer_turns()

    async def _organization_slug(self, caller: Caller | AdminCaller) -> str:
        return self._authenticator.organization_slug(caller)

    def _on_state(self, engine: str, state: HostState) -> None:
        self._metrics.engine_up.labels(engine).set(state == "ready")
        if state == "down":
            self._metrics.engine_restarts.labels(engine).inc()

    async def _flush_regularly(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self._flush()

    async def _forget_regularly(self) -> None:
        while True:
            try:
                if count := await forget_old(self._tenancy.database, datetime.now(UTC)):
                    log.info("audit_logs_forgotten", count=count)
            except StorageUnavailable as error:
                log.warning("audit_logs_not_forgotten", error=error)
            await asyncio.sleep(FORGET_SECONDS)

    async def _watch_spending(self) -> None:
        while True:
            await tell_of_spending(self._tenancy.database, self._metrics, self._tellers)
            await asyncio.sleep(WATCH_SECONDS)

    async def _flush(self) -> None:
        try:
            await self._authenticator.flush_last_used()
        except StorageUnavailable as error:
            log.warning("last_use_not_written", error=error)


def _session_limits(settings: Settings) -> SessionLimits:
    life, idle = settings.console_session_hours, settings.console_idle_hours
    return SessionLimits(timedelta(hours=life), timedelta(hours=idle))


async def _check_account(caller: Caller | AdminCaller, organization: str | None, project: str | None) -> None:
    check_headers(caller, organization, project)
