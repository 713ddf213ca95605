"""The embedded chat engine for several files of tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sayso.engines.config import EngineConfig
from sayso.engines.openvino.engine import OpenVinoChatEngine


@pytest.fixture(scope="session")
def engine(smollm2_folder: Path, shared_cache: Path) -> Iterator[OpenVinoChatEngine]:
    """The real model, loaded once; four requests run and two wait."""
    config = EngineConfig(
        engine="openvino",
        snapshot="smollm2",
        folder=smollm2_folder,
        digest="ab" * 32,
        cache_dir=shared_cache,
        context_length=2048,
        cache_tokens=16_384,
        max_concurrency=4,
        queue_depth=2,
    )
    opened = OpenVinoChatEngine.load(config)
    yield opened
    opened.close()
