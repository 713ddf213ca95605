import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
LOCKS = ("runtime", "dev", "weights", "npm")
SETUP = "make lock"


def entries(name: str) -> dict[str, tuple[Requirement, set[str]]]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8").replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line.split("--hash", 1)[0].strip())
            found[f"{requirement.name}; {requirement.marker}"] = (
                requirement,
                set(re.findall(r"--hash=(\S+)", line)),
            )
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_everything_is_pinned_to_one_version_and_its_digests(name: str) -> None:
    for requirement, hashes in entries(name).values():
        assert re.fullmatch(r"==[^*,]+", str(requirement.specifier)), requirement
        assert hashes
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in hashes)


def test_the_tests_run_on_what_is_shipped() -> None:
    runtime, dev = entries("runtime"), entries("dev")
    for key, (requirement, hashes) in runtime.items():
        assert str(dev[key][0].specifier) == str(requirement.specifier), requirement.name
        assert dev[key][1] == hashes


@pytest.mark.parametrize(("lock", "groups"), [("runtime", ["build"]), ("dev", ["build", "dev"])])
def test_the_locks_have_what_the_project_asks_for(lock: str, groups: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = [
        *project["project"]["dependencies"],
        *(d for g in groups for d in project["dependency-groups"][g]),
    ]
    locked = {canonicalize_name(requirement.name): requirement for requirement, _ in entries(lock).values()}
    for requirement in map(Requirement, wanted):
        found = locked.get(canonicalize_name(requirement.name))
        assert found, f"{requirement.name} is not locked: {SETUP}"
        (pin,) = found.specifier
        assert requirement.specifier.contains(pin.version), f"{found} does not fit {requirement}: {SETUP}"


def test_no_second_machine_learning_framework_comes_along() -> None:
    names = {canonicalize_name(requirement.name) for requirement, _ in entries("dev").values()}
    assert not names & {"torch", "tensorflow", "transformers", "llama-cpp-python", "llm"}
    assert not [name for name in names if name.startswith("nvidia-")]
