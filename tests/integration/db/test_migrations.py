"""A file that is none of ours is left alone; what all databases share is in tests/contracts."""

from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from sayso.db.migrate import MIGRATIONS, latest, migrate
from sayso.db.session import Database
from sayso.errors import ConfigurationError


async def test_another_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "sayso.db"
    content = b"hello, this is no database " * 100
    file.write_bytes(content)
    async with Database.open(f"sqlite:///{file}") as db:
        with pytest.raises(ConfigurationError, match="not a database"):
            await migrate(db)
    assert file.read_bytes() == content


def test_the_newest_revision_is_told_by_the_files_names() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [latest()]
