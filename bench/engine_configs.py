"""What the hosts of a server over a data folder are started with."""

from pathlib import Path

from sayso.app.planning import engine_config, plan, prepare
from sayso.catalog.catalogue import Catalogue
from sayso.catalog.storage import no_progress
from sayso.config import load_settings
from sayso.engines.config import EngineConfig


def engine_configs(data_dir: Path) -> dict[str, EngineConfig]:
    """Return what the server's own hosts were started with, by snapshot."""
    settings = load_settings(data_dir / "bench.toml", data_dir=data_dir)
    models_dir = data_dir / "models"
    catalogue = Catalogue.load(models_dir, settings.models, settings.aliases)
    deployments = prepare(plan(settings, catalogue), models_dir, no_progress)
    return {deployment.snapshot.id: engine_config(settings, deployment) for deployment in deployments}
