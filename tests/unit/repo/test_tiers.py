import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TIERS = "Tiers import only downwards"
NO_MODEL = "The gateway holds no model"
NO_WEB = "Only the API and the engine host know the web framework"
ENGINES = "No engine knows another"
CONTRACTS = (TIERS, NO_MODEL, NO_WEB, ENGINES)


def lint_imports(folder: Path) -> tuple[int, str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    env = {**os.environ, "PYTHONPATH": str(folder / "src")}
    run = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    return run.returncode, run.stdout + run.stderr


def broken(output: str) -> set[str]:
    return {name for name in CONTRACTS if f"{name} BROKEN" in output}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(
        ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_tree_keeps_every_contract(copy: Path) -> None:
    status, output = lint_imports(copy)
    assert status == 0, output
    for name in CONTRACTS:
        assert f"{name} KEPT" in output


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("core/planted.py", "import sayso.api", TIERS),
        ("errors.py", "import sayso.config", TIERS),
        ("stray.py", "", TIERS),
        ("tenancy/planted.py", "import sayso.engines.base", TIERS),
        ("audio/planted.py", "import sayso.tenancy", TIERS),
        ("telemetry/planted.py", "import sayso.db", TIERS),
        ("catalog/planted.py", "def late() -> None:\n    import sayso.inference", TIERS),
        ("inference/planted.py", "import openvino_genai", NO_MODEL),
        ("app/planted.py", "from sayso.engines.registry import load_engine", NO_MODEL),
        ("api/planted.py", "import ray", NO_MODEL),
        ("engines/upstream/planted.py", "import uvicorn", NO_WEB),
        ("inference/planted.py", "import fastapi", NO_WEB),
        ("engines/upstream/planted.py", "import sayso.engines.whisper", ENGINES),
    ],
)
def test_a_planted_import_breaks_its_contract(copy: Path, module: str, line: str, contract: str) -> None:
    path = copy / "src" / "sayso" / module
    assert path.parent.is_dir()
    with path.open("a") as file:
        file.write(f"\n{line}\n")
    status, output = lint_imports(copy)
    assert status != 0
    assert broken(output) == {contract}, output
