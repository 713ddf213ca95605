"""Which source wins, and what is refused."""

import os
from pathlib import Path
from typing import Any

import pytest

from sayso.config import Settings, client_settings, load_settings, read_secret
from sayso.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _empty_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("SAYSO_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.chdir(tmp_path)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_each_source_gives_way_to_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "sayso.toml", 'host = "file"\nport = 1\ndrain_seconds = 1.5')
    monkeypatch.setenv("SAYSO_HOST", "environment")
    monkeypatch.setenv("SAYSO_PORT", "2")
    settings = load_settings(port=3, host=None)
    assert (settings.port, settings.host, settings.drain_seconds) == (3, "environment", 1.5)
    assert settings.log_level == "info"


def test_the_file_is_looked_for_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "share" / "sayso" / "sayso.toml", "port = 1")
    assert load_settings().port == 1
    write(tmp_path / "sayso.toml", "port = 2")
    assert load_settings().port == 2
    monkeypatch.setenv("SAYSO_CONFIG", str(write(tmp_path / "named.toml", "port = 3")))
    assert load_settings().port == 3
    assert load_settings(write(tmp_path / "given.toml", "port = 4")).port == 4


def test_a_data_folder_brings_its_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "elsewhere" / "sayso.toml", "port = 5")
    assert load_settings(data_dir=tmp_path / "elsewhere").port == 5
    monkeypatch.setenv("SAYSO_DATA_DIR", str(tmp_path / "elsewhere"))
    assert load_settings().port == 5


def test_the_database_lies_in_the_data_folder(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path / "here")
    assert settings.database_url == f"sqlite:///{tmp_path}/here/sayso.db"
    assert load_settings().data_dir == tmp_path / "share" / "sayso"


def test_paths_in_a_file_are_relative_to_it(tmp_path: Path) -> None:
    path = write(
        tmp_path / "etc" / "sayso.toml", 'data_dir = "x"\n[models.m]\nkind = "speech"\npath = "weights"'
    )
    settings = load_settings(path)
    assert settings.data_dir == tmp_path / "etc" / "x"
    assert settings.models["m"].path == tmp_path / "etc" / "weights"
    assert settings.models["m"].engine == "whisper"


def test_the_keys_of_content_lie_in_the_data_folder_unless_told_otherwise(tmp_path: Path) -> None:
    assert load_settings(data_dir=tmp_path / "here").retention_keys_dir == tmp_path / "here/retention-keys"
    path = write(tmp_path / "etc" / "sayso.toml", 'retention_keys_dir = "k"\nretention_key_file = "f"')
    settings = load_settings(path)
    assert (settings.retention_keys_dir, settings.retention_key_file) == (
        tmp_path / "etc" / "k",
        tmp_path / "etc" / "f",
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"retention_days": 31},
        {"retention_days": -1},
        {"retention_key": "ab" * 31},
        {"retention_key": "ab" * 32, "retention_key_file": "f"},
    ],
)
def test_what_can_not_be_promised_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="retention_"):
        load_settings(**wrong)


def test_tables_come_from_the_file_and_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        tmp_path / "sayso.toml",
        '[aliases]\n"org/gpt-6.1" = "gpt-3.5-turbo"\n'
        '[models."big-0.9"]\nkind = "chat"\nbase_url = "http://h/v1"\napi_key_env = "SAYSO_UPSTREAM_KEY"\n',
    )
    monkeypatch.setenv("SAYSO_UPSTREAM_KEY", "s3cret")
    monkeypatch.setenv("SAYSO_LOAD_MODELS", "a, b")
    settings = load_settings()
    assert settings.aliases == {"org/gpt-6.1": "gpt-3.5-turbo"}
    assert settings.models["big-0.9"].engine == "upstream"
    assert settings.load_models == ("a", "b")
    assert read_secret("SAYSO_UPSTREAM_KEY") == "s3cret"
    monkeypatch.setenv("SAYSO_ALIASES", '{"x": "y"}')
    assert load_settings().aliases == {"x": "y"}


def test_an_empty_variable_is_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAYSO_PORT", "")
    assert load_settings().port == 8000


MODEL = '[models.m]\nkind = "chat"\npath = "p"\n'


@pytest.mark.parametrize(
    ("text", "name", "nearest"),
    [
        ("prot = 1", "prot", "port"),
        (MODEL + "context_lenght = 1", "models.m.context_lenght", "context_length"),
        (MODEL + '[[models.m.files]]\nsha265 = ""', "models.m.files.0.sha265", "sha256"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest(
    tmp_path: Path, text: str, name: str, nearest: str
) -> None:
    write(tmp_path / "sayso.toml", text)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert caught.value.message == f"unknown setting '{name}'; the nearest known one is '{nearest}'"


def test_an_unknown_variable_is_refused_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAYSO_DATADIR", "/x")
    with pytest.raises(
        ConfigurationError, match="'SAYSO_DATADIR'; the nearest known one is 'SAYSO_DATA_DIR'"
    ):
        load_settings()


def test_an_override_must_be_a_setting() -> None:
    with pytest.raises(ConfigurationError, match="nearest known one is 'port'"):
        load_settings(prot=1)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SAYSO_PORT", "eighty-secret"),
        ("SAYSO_LOG_LEVEL", "secret"),
        ("SAYSO_ALIASES", "{secret"),
        ("SAYSO_DRAIN_SECONDS", "-1"),
    ],
)
def test_a_wrong_value_is_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert variable.removeprefix("SAYSO_").lower() in caught.value.message
    assert value not in caught.value.message


@pytest.mark.parametrize(
    "entry",
    [
        {"kind": "chat"},
        {"kind": "chat", "path": "p", "base_url": "http://h/v1"},
        {"kind": "chat", "repo": "o/n"},
        {"kind": "chat", "repo": "o/n", "revision": "main"},
        {"kind": "chat", "path": "p", "engine": "upstream"},
        {"kind": "image", "path": "p"},
    ],
)
def test_a_model_without_one_clear_source_is_refused(entry: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=r"models\.m"):
        load_settings(models={"m": entry})


def test_a_missing_or_broken_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no settings file"):
        load_settings(tmp_path / "none.toml")
    with pytest.raises(ConfigurationError, match="line 1"):
        load_settings(write(tmp_path / "bad.toml", "port = = secret"))


def test_settings_built_directly_read_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAYSO_PORT", "1")
    write(tmp_path / "sayso.toml", "port = 2")
    assert Settings().port == 8000


def test_the_client_has_variables_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAYSO_API_KEY", "k")
    load_settings()
    assert client_settings().api_key == "k"
    assert "k'" not in repr(client_settings())
    with pytest.raises(ConfigurationError, match="NOT_THERE"):
        read_secret("NOT_THERE")


def test_every_setting_says_what_it_means() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
