"""Engine name to factory; the heavy imports happen here, in the host process, when a name is asked for."""

from sayso.engines.base import ChatEngine, SpeechEngine
from sayso.engines.config import EngineConfig
from sayso.errors import ConfigurationError


def load_engine(config: EngineConfig) -> ChatEngine | SpeechEngine:
    """Load the engine that `config` names; blocks for seconds.

    Raises `ConfigurationError` for a name that is not there.
    """
    match config.engine:
        case "openvino":
            from sayso.engines.openvino.engine import OpenVinoChatEngine

            return OpenVinoChatEngine.load(config)
        case "whisper":
            from sayso.engines.whisper.engine import WhisperSpeechEngine

            return WhisperSpeechEngine.load(config)
        case "fake":
            from sayso.engines.fake import FakeEngine

            return FakeEngine.load(config)
        case _:
            raise ConfigurationError(f"unknown engine '{config.engine}'")
