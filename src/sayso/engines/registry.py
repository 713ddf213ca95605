"""Engine name to engine; the heavy imports happen here, in the host process, when a name is asked for."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sayso.catalog.storage import verify
from sayso.engines.base import ChatEngine, SpeechEngine
from sayso.engines.config import EngineConfig
from sayso.errors import ConfigurationError


def load_engine(config: EngineConfig) -> ChatEngine | SpeechEngine:
    """Read all of the snapshot's files, compare them with their digests, and load the engine on them.

    Blocks for seconds. Raises `IntegrityError` that names a file, `ConfigurationError` for an engine that is
    not there.
    """
    with ThreadPoolExecutor(1) as beside:  # hashing lets go of the interpreter: the imports take as long
        verified = beside.submit(verify, config.snapshot, config.files, config.folder)
        load = _loader(config.engine)
        verified.result()
    return load(config)


def _loader(engine: str) -> Callable[[EngineConfig], ChatEngine | SpeechEngine]:
    match engine:
        case "openvino":
            from sayso.engines.openvino.engine import OpenVinoChatEngine

            return OpenVinoChatEngine.load
        case "whisper":
            from sayso.engines.whisper.engine import WhisperSpeechEngine

            return WhisperSpeechEngine.load
        case "fake":
            from sayso.engines.fake import FakeEngine

            return FakeEngine.load
        case _:
            raise ConfigurationError(f"unknown engine '{engine}'")
