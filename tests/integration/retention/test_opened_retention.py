"""The data promise as the settings say it."""

from pathlib import Path
from typing import Any

import pytest

from sayso.app.retention import open_retention
from sayso.config import Settings
from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.errors import ConfigurationError

KEY = "ab" * 32


async def opened(folder: Path, **settings: Any) -> Path:
    """Open it in an empty or a used folder; return where the key store is."""
    read = Settings(data_dir=folder, **settings)
    async with Database.open(read.database_url) as database:
        await migrate(database)
        retention = await open_retention(read, database)
        await retention.close()
        return retention.keys.folder


async def test_an_empty_folder_gets_a_key_store(tmp_path: Path) -> None:
    folder = await opened(tmp_path)
    assert {file.name for file in folder.iterdir()} == {"CACHEDIR.TAG", "key-store-id", "key-encryption-key"}
    assert await opened(tmp_path) == folder


async def test_a_key_that_is_brought_stays_out_of_the_key_store(tmp_path: Path) -> None:
    folder = await opened(tmp_path, retention_key=KEY)
    assert {file.name for file in folder.iterdir()} == {"CACHEDIR.TAG", "key-store-id"}
    file = tmp_path / "brought"
    file.write_text(KEY + "\n")
    file.chmod(0o600)
    assert await opened(tmp_path, retention_key_file=file) == folder


async def test_another_key_is_refused(tmp_path: Path) -> None:
    await opened(tmp_path, retention_key=KEY)
    with pytest.raises(ConfigurationError):
        await opened(tmp_path, retention_key="cd" * 32)
    with pytest.raises(ConfigurationError):
        await opened(tmp_path)


async def test_a_key_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "brought"
    file.write_text(KEY)
    file.chmod(0o644)
    with pytest.raises(ConfigurationError, match="open to everyone"):
        await opened(tmp_path, retention_key_file=file)
