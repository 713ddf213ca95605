"""docs/operations.md names the metrics that there are."""

import re
from pathlib import Path

from sayso.telemetry.metrics import Metrics

PAGE = (Path(__file__).parents[3] / "docs" / "operations.md").read_text("utf-8")
ROW = re.compile(r"^\| `(sayso_\w+)` \| (\w+) \| ([a-z, ]*)\|", re.MULTILINE)


def test_the_page_lists_every_metric_with_its_type_and_labels() -> None:
    shown = {name: (kind, labels.strip()) for name, kind, labels in ROW.findall(PAGE)}
    metrics = Metrics()
    collectors = {id(one): one for name, one in vars(metrics).items() if name != "registry"}.values()
    real = {}
    for collector in collectors:
        (family,) = collector.describe()
        suffix = "_total" if family.type == "counter" else ""
        real[family.name + suffix] = (family.type, ", ".join(collector._labelnames))
    assert shown == real
