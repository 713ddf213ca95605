"""What a GGUF file says of itself."""

from pathlib import Path

from sayso.engines.config import EngineConfig
from sayso.errors import ConfigurationError


def find_weights(config: EngineConfig) -> Path:
    """Return the only GGUF file in the snapshot's folder. Raises `ConfigurationError`."""
    files = sorted(config.folder.glob("*.gguf"))
    if len(files) != 1:
        raise ConfigurationError(f"model '{config.snapshot}': expected one .gguf file, found {len(files)}")
    return files[0]


def stated_context_length(path: Path) -> int:
    """Return the context window in tokens that the file states, 0 where it states none.

    Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, keys `general.architecture` and
    `<architecture>.context_length`.
    """
    from gguf import GGUFReader  # seconds of reading that most starts do without

    fields = GGUFReader(path).fields
    if "general.architecture" not in fields:
        return 0
    stated = fields.get(f"{fields['general.architecture'].contents()}.context_length")
    return int(stated.contents()) if stated is not None else 0
