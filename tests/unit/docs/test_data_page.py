"""docs/data.md says what the code keeps, and for how long."""

import re
from pathlib import Path
from typing import get_args

from sayso.retention.classes import CLASSES, ClassId
from sayso.retention.policy import DEFAULT_DAYS, Mode
from sayso.retention.receipts import Cause

PAGE = (Path(__file__).parents[3] / "docs" / "data.md").read_text("utf-8")
ROW = re.compile(r"^\| (K\d) \| (.*) \|$", re.MULTILINE)
MODE = re.compile(r"^\| `(\w+)`", re.MULTILINE)


def test_the_page_has_every_class_as_the_code_has_it() -> None:
    shown = [(name, *rest.split(" | ")) for name, rest in ROW.findall(PAGE)]
    assert shown == [
        (one.id, one.holds, one.where, one.default, one.stored_only, one.zero) for one in CLASSES
    ]
    assert [one.id for one in CLASSES] == list(get_args(ClassId))


def test_the_page_has_every_mode_and_cause() -> None:
    policies = PAGE.split("## Policies")[1].split("## How it is kept")[0]
    assert MODE.findall(policies) == list(get_args(Mode))
    assert f"1 to {DEFAULT_DAYS}" in policies
    assert all(f"`{cause}`" in PAGE for cause in get_args(Cause))
