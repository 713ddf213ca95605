"""The table for people, the JSON for machines, and where the figures are from."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from bench.figures import Figure

PACKAGES = ("sayso", "openvino-genai", "openvino", "ctranslate2", "faster-whisper", "uvicorn", "aiohttp")


def machine() -> dict[str, Any]:
    """Describe processor, cores, memory and Python."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Return the versions of what does the work."""
    return {name: version(name) for name in PACKAGES}


def print_report(figures: Sequence[Figure], about: dict[str, Any]) -> None:
    """Print a table of the figures, and what `about` says of the run."""
    table = Table("figure", "value", "unit", "target", "met")
    for column in (1, 3):
        table.columns[column].justify = "right"
    for figure in figures:
        met = {True: "[green]met[/green]", False: "[bold red]not met[/bold red]", None: ""}[figure.met]
        table.add_row(figure.name, _number(figure.value), figure.unit, _target(figure), met)
    console = Console(width=None if os.isatty(1) else 110)
    console.print(table)
    for name, value in about.items():
        told = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        console.print(f"{name.replace('_', ' ')}: {told}", highlight=False, soft_wrap=True)


def write_json(file: Path, figures: Sequence[Figure], about: dict[str, Any]) -> None:
    """Write everything, samples included."""
    rows = {
        figure.name: {
            "value": figure.value,
            "unit": figure.unit,
            "at_least": figure.at_least,
            "at_most": figure.at_most,
            "met": figure.met,
            "samples": figure.samples,
        }
        for figure in figures
    }
    file.write_bytes(orjson.dumps({**about, "figures": rows}, option=orjson.OPT_INDENT_2) + b"\n")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _target(figure: Figure) -> str:
    if figure.at_least is not None:
        return f"≥ {figure.at_least:.2f}"
    return f"≤ {figure.at_most:.0f}" if figure.at_most is not None else ""


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
