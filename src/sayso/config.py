"""What sayso can be told: `Settings`, read from the command line, the environment and a file.

Precedence: explicit overrides, then `SAYSO_*` variables, then the file, then the default. A name that is not
a setting is refused wherever it stands. No other module reads the environment.
"""

import os
import tomllib
from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsError,
)

from sayso.errors import ConfigurationError

ENV_PREFIX = "SAYSO_"
FILE_NAME = "sayso.toml"
CONFIG_VARIABLE = "SAYSO_CONFIG"
CLIENT_VARIABLES = ("SAYSO_BASE_URL", "SAYSO_API_KEY")
_PATHS = ("data_dir", "retention_keys_dir", "retention_key_file")


class ModelFile(BaseModel):
    """One file of a model, checked before it is used."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="Path inside the model's folder.")
    sha256: str = Field(
        pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the file, 64 lower-case hex digits."
    )
    size: int = Field(ge=0, description="Bytes.")


# No model: what these say is a script. A mock answers in the gateway, a fake in a host as models do.
SCRIPTED = ("mock", "fake")


def _engine_for(values: Mapping[str, Any]) -> str:
    if values.get("base_url"):
        return "upstream"
    return "whisper" if values.get("kind") == "speech" else "openvino"


class ModelEntry(BaseModel):
    """A catalogue entry of the operator's own: a folder, a hub repository or another server."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["chat", "speech"] = Field(description="What the model does.")
    path: Path | None = Field(
        default=None, description="Folder that holds the files; relative to the settings file."
    )
    repo: str = Field(default="", description="Hugging Face hub repository, `owner/name`.")
    revision: str = Field(
        default="",
        pattern=r"^([0-9a-f]{40})?$",
        description="Commit of that repository, 40 hex digits: a branch may move, a snapshot may not.",
    )
    base_url: str = Field(
        default="", description="Another OpenAI-compatible server, for example vLLM; ends in `/v1`."
    )
    upstream_model: str = Field(default="", description="The model's name on that server; empty: the same.")
    api_key_env: str = Field(
        default="", description="Environment variable that holds that server's key; empty: no key."
    )
    upstream_cache_salt: bool = Field(
        default=False,
        description="Send that server a secret `cache_salt` for each organization, as vLLM takes one; "
        "without it they share that server's prefix cache.",
    )
    engine: str = Field(
        default_factory=_engine_for,
        description="What runs it: `openvino`, `whisper`, `upstream`, `mock` or `fake`. "
        "Chosen by kind and source.",
        json_schema_extra={"shown_default": "by kind and source"},
    )
    script: str = Field(default="", description="What a `mock` or a `fake` says, as JSON; for tests.")
    context_length: int = Field(
        default=0, ge=0, description="Context window in tokens; 0: what the model says."
    )
    temperature: float | None = Field(
        default=None,
        ge=0,
        le=2,
        description="Temperature for requests that give neither it nor top_p.",
        json_schema_extra={"shown_default": "1"},
    )
    top_p: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="top_p for requests that give neither it nor a temperature.",
        json_schema_extra={"shown_default": "1"},
    )
    answer_tokens: int = Field(
        default=0,
        ge=0,
        description="Longest answer, in tokens, to a request that gives no limit; 0: the rest of the window.",
    )
    languages: tuple[str, ...] = Field(default=(), description="ISO 639-1 codes; empty: what the model says.")
    licence: str = Field(default="", description="SPDX identifier of the weights' licence.")
    files: tuple[ModelFile, ...] = Field(
        default=(), description="Files to fetch and check; empty: all, as they are."
    )

    @model_validator(mode="after")
    def _one_source(self) -> "ModelEntry":
        if self.engine in SCRIPTED:
            return self
        sources = [name for name in ("path", "repo", "base_url") if getattr(self, name)]
        if len(sources) != 1:
            raise ValueError("exactly one of 'path', 'repo' and 'base_url' says where the model is")
        if self.repo and not self.revision:
            raise ValueError("'repo' needs 'revision'")
        if (self.engine == "upstream") != bool(self.base_url):
            raise ValueError("'base_url' and the engine 'upstream' go together")
        return self


class DeprecationEntry(BaseModel):
    """When a model's name stops being advised, and when it stops working."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    deprecated: date = Field(description="Day (UTC) from which on it should not be used for anything new.")
    shutdown: date | None = Field(
        default=None,
        description="Day at whose begin (UTC) it stops working.",
        json_schema_extra={"shown_default": "never"},
    )
    replacement: str = Field(default="", description="Name to use instead.")

    @model_validator(mode="after")
    def _in_order(self) -> "DeprecationEntry":
        if self.shutdown is not None and self.shutdown < self.deprecated:
            raise ValueError("'shutdown' comes before 'deprecated'")
        return self


def _default_data_dir() -> Path:
    base = os.environ.get("XDG_DATA_HOME", "")
    folder = Path(base) if base.startswith("/") else Path.home() / ".local" / "share"
    return folder / "sayso"


def _default_database_url(values: Mapping[str, Any]) -> str:
    folder = values.get("data_dir")
    return f"sqlite:///{folder / 'sayso.db'}" if isinstance(folder, Path) else ""


def _default_retention_keys_dir(values: Mapping[str, Any]) -> Path:
    folder = values.get("data_dir")
    return folder / "retention-keys" if isinstance(folder, Path) else Path()


class Settings(BaseSettings):
    """Every setting. Built directly it reads nothing but its arguments; `load_settings` reads the world."""

    model_config = ConfigDict(extra="forbid", frozen=True)  # type: ignore[assignment]

    host: str = Field(
        default="127.0.0.1", description="Address to listen on. `0.0.0.0` opens the server to the network."
    )
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0: any free one.")
    data_dir: Path = Field(
        default_factory=_default_data_dir,
        description="Folder for the database, the secret that keys are checked with, models and caches. "
        "In a settings file, relative to that file.",
        json_schema_extra={"shown_default": "`$XDG_DATA_HOME/sayso`, that is `~/.local/share/sayso`"},
    )
    database_url: str = Field(
        default_factory=_default_database_url,
        description="Database: `sqlite:////absolute/path` or `postgresql://user:password@host:port/name`.",
        json_schema_extra={"shown_default": "`sayso.db` in the data folder"},
        repr=False,
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level of the log's lines. No level shows content."
    )
    log_format: Literal["text", "json"] = Field(default="text", description="Form of the log's lines.")
    drain_seconds: float = Field(
        default=30.0, ge=0, description="How long running answers may take to finish once asked to stop."
    )
    forget_idle_minutes: float = Field(
        default=0.0,
        ge=0,
        description="Start an engine anew that has been idle for so long since its last request, so that its "
        "memory keeps nothing of it; 0: never. An engine of the shared pool is away while it loads.",
    )
    console_session_hours: float = Field(
        default=12.0, gt=0, description="How long somebody stays signed in to the console at most."
    )
    console_idle_hours: float = Field(
        default=2.0,
        ge=0.1,
        description="How long they stay signed in without doing anything; a page that is merely open "
        "does not count.",
    )
    max_upload_bytes: int = Field(
        default=26_214_400, gt=0, description="Largest audio upload, in bytes (25 MiB)."
    )
    max_body_bytes: int = Field(
        default=8_388_608, gt=0, description="Largest body of any other request, in bytes (8 MiB)."
    )
    max_audio_seconds: float = Field(
        default=14_400.0, gt=0, description="Longest audio, in seconds once decoded (4 hours)."
    )
    chat_threads: int = Field(default=0, ge=0, description="CPU threads of a chat engine; 0: its own choice.")
    chat_max_concurrency: int = Field(
        default=32, ge=1, description="Chat requests that one engine works on at once."
    )
    chat_queue_depth: int = Field(
        default=64, ge=0, description="Chat requests that wait beyond those; the next is refused."
    )
    chat_cache_tokens: int = Field(
        default=65_536, ge=1, description="Room in a chat engine's key-value cache, in tokens."
    )
    chat_context_length: int = Field(
        default=0,
        ge=0,
        description="Longest prompt with its answer in the shared pool, in tokens; 0: what each model takes. "
        "Dedicated instances choose their own.",
    )
    speech_threads: int = Field(
        default=0, ge=0, description="CPU threads of a speech engine; 0: its own choice."
    )
    speech_max_concurrency: int = Field(
        default=4,
        ge=1,
        description="Recordings of more than 30 s that one engine works on at once, "
        "and as many shorter ones beside them.",
    )
    speech_queue_depth: int = Field(
        default=32, ge=0, description="Speech requests that wait beyond those; the next is refused."
    )
    load_models: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Snapshots to serve, by id; empty: the embedded ones. "
        "In the environment, with commas between.",
        json_schema_extra={"shown_default": "the embedded ones"},
    )
    instance_cores: int = Field(
        default=0,
        ge=0,
        description="CPU cores kept for dedicated instances; the shared pool and the gateway have the rest. "
        "0: there are no dedicated instances.",
    )
    instance_memory_mib: int = Field(
        default=0,
        ge=0,
        description="Memory kept for dedicated instances, in MiB; 0: half of the machine's.",
    )
    instance_node: str = Field(
        default="main",
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="Name of this machine among those of one database; each server has its own.",
    )
    vendor_extras: Literal["ignore", "reject"] = Field(
        default="ignore",
        description="Request fields that neither OpenAI nor sayso knows: let them pass, or answer 400.",
    )
    retention_days: int = Field(
        default=30,
        ge=0,
        le=30,
        description="Days that content is kept at most, whatever organizations ask for; 0: never written.",
    )
    retention_keys_dir: Path = Field(
        default_factory=_default_retention_keys_dir,
        description="Folder of the keys that content is encrypted with, shared by all servers of one "
        "database; no backup may hold it. In a settings file, relative to that file.",
        json_schema_extra={"shown_default": "`retention-keys` in the data folder"},
    )
    retention_key: str = Field(
        default="",
        pattern=r"^([0-9a-fA-F]{64})?$",
        description="Key that these keys are encrypted with, 64 hex digits; for the environment.",
        json_schema_extra={"shown_default": "a file among them, made at the first start"},
        repr=False,
    )
    retention_key_file: Path | None = Field(
        default=None,
        description="File that holds that key instead, readable by its owner alone. In a settings file, "
        "relative to that file.",
    )
    invoice_seller: str = Field(
        default="",
        description="Who sends invoices: name, then address and tax number, a line each.",
        json_schema_extra={"shown_default": "none"},
    )
    invoice_note: str = Field(
        default="",
        description="What stands at the end of an invoice, such as how to pay.",
        json_schema_extra={"shown_default": "none"},
    )
    alert_webhook_url: str = Field(
        default="",
        description="Where spend alerts are posted as JSON, `https://…`; it may hold a secret.",
        json_schema_extra={"shown_default": "nowhere"},
        repr=False,
    )
    smtp_url: str = Field(
        default="",
        description="Mail server for spend alerts: `smtp://user:password@host:587`, with TLS where the "
        "server offers it, or `smtps://user:password@host:465`.",
        json_schema_extra={"shown_default": "none"},
        repr=False,
    )
    mail_from: str = Field(
        default="",
        description="Address that this mail comes from.",
        json_schema_extra={"shown_default": "none"},
    )
    aliases: dict[str, str] = Field(
        default_factory=dict[str, str],
        description="More names for models, each to an alias or a snapshot; the first time that a server "
        "starts with one it is written down, and `sayso models alias` moves it. In the environment, JSON.",
        json_schema_extra={"shown_default": "none"},
    )
    deprecations: dict[str, DeprecationEntry] = Field(
        default_factory=dict[str, DeprecationEntry],
        description="Names of models that come to an end, a table each (below). In the environment, JSON.",
        json_schema_extra={"shown_default": "none"},
    )
    models: dict[str, ModelEntry] = Field(
        default_factory=dict[str, ModelEntry],
        description="More models, a table each (below). In the environment, JSON.",
        json_schema_extra={"shown_default": "none"},
    )

    @field_validator("load_models", mode="before")
    @classmethod
    def _split_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part for part in (piece.strip() for piece in value.split(",")) if part)
        return value

    @field_validator("data_dir", "retention_keys_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @model_validator(mode="after")
    def _one_retention_key(self) -> "Settings":
        if self.retention_key and self.retention_key_file:
            raise ValueError("either 'retention_key' or 'retention_key_file' is given, not both")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Leave only the arguments: `load_settings` merges the sources itself, with names to blame."""
        return (init_settings,)


class ClientSettings(BaseModel):
    """What the commands that talk to a running server need: where it is and a key."""

    model_config = ConfigDict(frozen=True)

    base_url: str | None = None
    api_key: str | None = Field(default=None, repr=False)


def load_settings(config: Path | None = None, **overrides: Any) -> Settings:
    """Read all sources and return the settings.

    `config` is the file; without it `SAYSO_CONFIG`, `./sayso.toml` or `<data_dir>/sayso.toml`, whichever is
    there first. An override of None counts as not given. Raises `ConfigurationError`, which names the
    setting and never its value.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    variables = _from_environment()
    path = _find_file(config, given.get("data_dir") or variables.get("data_dir"))
    values = {**(_from_file(path) if path else {}), **variables, **given}
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise ConfigurationError(_explain(error)) from None
    _refuse_unknown_variables(settings)
    return settings


def client_settings() -> ClientSettings:
    """Read `SAYSO_BASE_URL` and `SAYSO_API_KEY`."""
    return ClientSettings(
        base_url=os.environ.get("SAYSO_BASE_URL") or None, api_key=os.environ.get("SAYSO_API_KEY") or None
    )


def child_environment() -> dict[str, str]:
    """Return the environment for a server of our own, without any setting in it."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(ENV_PREFIX)}


def read_secret(name: str) -> str:
    """Return the environment variable that a setting names.

    Raises `ConfigurationError` where it is not set or empty.
    """
    value = os.environ.get(name, "")
    if not value:
        raise ConfigurationError(f"the environment variable '{name}' is not set, but a setting names it")
    return value


def _find_file(config: Path | None, data_dir: str | Path | None) -> Path | None:
    named = config or os.environ.get(CONFIG_VARIABLE)
    if named:
        if not Path(named).is_file():
            raise ConfigurationError(f"there is no settings file '{named}'")
        return Path(named)
    folder = Path(data_dir).expanduser() if data_dir else _default_data_dir()
    return next((path for path in (Path(FILE_NAME), folder / FILE_NAME) if path.is_file()), None)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        # A syntax error names a line and column and shows none of the text.
        raise ConfigurationError(f"can not read the settings file '{path}': {error}") from None
    folder = path.absolute().parent
    tables = [values]
    if isinstance(values.get("models"), dict):
        tables += [entry for entry in values["models"].values() if isinstance(entry, dict)]
    for table in tables:
        for key in _PATHS if table is values else ("path",):
            if isinstance(table.get(key), str):
                table[key] = folder / Path(table[key]).expanduser()
    return values


def _from_environment() -> dict[str, Any]:
    source = EnvSettingsSource(Settings, env_prefix=ENV_PREFIX, env_ignore_empty=True)
    try:
        return source()
    except SettingsError as error:
        raise ConfigurationError(f"an environment variable holds no valid JSON: {error}") from None


def _refuse_unknown_variables(settings: Settings) -> None:
    known = {ENV_PREFIX + name.upper() for name in Settings.model_fields} | {
        CONFIG_VARIABLE,
        *CLIENT_VARIABLES,
    }
    named = {entry.api_key_env for entry in settings.models.values()}
    for name in sorted(os.environ):
        if name.upper().startswith(ENV_PREFIX) and name.upper() not in known and name not in named:
            raise ConfigurationError(f"unknown environment variable '{name}'{_nearest(name.upper(), known)}")


def _explain(error: ValidationError) -> str:
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    # A misspelt name is often the cause of the other errors, such as a missing required one.
    first = min(errors, key=lambda one: one["type"] != "extra_forbidden")
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        return f"setting '{where}': {first['msg']}" if where else first["msg"]
    tables = {"deprecations": DeprecationEntry.model_fields}
    entry = tables.get(str(first["loc"][0]), ModelEntry.model_fields)
    fields = {1: Settings.model_fields, 3: entry}.get(len(first["loc"]), ModelFile.model_fields)
    return f"unknown setting '{where}'{_nearest(str(first['loc'][-1]), set(fields))}"


def _nearest(name: str, known: set[str]) -> str:
    close = get_close_matches(name, sorted(known), n=1, cutoff=0.0)
    return f"; the nearest known one is '{close[0]}'" if close else ""
