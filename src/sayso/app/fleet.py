"""The dedicated instances of this server: what their hosts are started with, and who stands before them."""

import asyncio

from sayso.app.planning import Deployment, engine_config, prepare
from sayso.catalog.catalogue import Catalogue
from sayso.config import Settings
from sayso.dedicated.fleet import Fleet
from sayso.dedicated.hosting import Prepared
from sayso.dedicated.machine import this_machine
from sayso.engines.base import ChatEngine, SpeechEngine
from sayso.ids import InstanceId
from sayso.inference.observed import ObservedChatEngine, ObservedSpeechEngine
from sayso.telemetry.metrics import Metrics


def build_fleet(settings: Settings, catalogue: Catalogue, metrics: Metrics) -> Fleet:
    """Return the fleet, without instances; metrics have theirs under their ids."""

    async def prepared(name: str) -> Prepared:
        deployment = await asyncio.to_thread(_prepare, settings, catalogue, name)
        return Prepared(deployment.snapshot, engine_config(settings, deployment))

    def chat(engine: ChatEngine, instance_id: InstanceId) -> ChatEngine:
        return ObservedChatEngine(engine, instance_id, metrics)

    def speech(engine: SpeechEngine, instance_id: InstanceId) -> SpeechEngine:
        return ObservedSpeechEngine(engine, instance_id, metrics)

    machine = this_machine(settings.instance_cores, settings.instance_memory_mib)
    footprints = settings.data_dir / "cache" / "footprints.json"
    return Fleet(machine, prepared, footprints, chat=chat, speech=speech)


def _prepare(settings: Settings, catalogue: Catalogue, name: str) -> Deployment:
    models_dir = settings.data_dir / "models"
    return prepare((catalogue.resolve(name),), models_dir, lambda file, done, whole: None)[0]
