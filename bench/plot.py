"""Throughput beside others as a picture: an SVG of bars, one panel for each kind of load."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from bench.figures import Figure

WIDTH, LABEL, BAR, GAP = 760, 300, 22, 8
_OURS, _OTHERS = "#2563eb", "#9ca3af"
_UNITS = ("tokens/s", "audio s/s")


def write_plot(file: Path, figures: Sequence[Figure]) -> None:
    """Write the bars of every figure of throughput, those of one load on one scale."""
    panels: dict[str, list[Figure]] = {}
    for figure in figures:
        load, _, subject = figure.name.partition(": ")
        if figure.unit in _UNITS and subject:
            panels.setdefault(load, []).append(figure)
    rows: list[str] = []
    y = 0
    for load, bars in panels.items():
        y += 30
        rows.append(f'<text x="8" y="{y}" font-weight="600">{escape(load)}, {bars[0].unit}</text>')
        y += 10
        most = max(bar.value for bar in bars)
        for bar in sorted(bars, key=lambda bar: -bar.value):
            rows.append(_bar(bar, y, most))
            y += BAR + GAP
    height = y + 16
    file.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" font-family="system-ui, sans-serif" font-size="13">\n'
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>\n' + "\n".join(rows) + "\n</svg>\n",
        encoding="utf-8",
    )


def _bar(figure: Figure, y: int, most: float) -> str:
    subject = figure.name.partition(": ")[2]
    ours = subject.startswith(("HTTP", "beside peers"))
    which = " (beside peers)" if subject == "beside peers" else subject.removeprefix("HTTP")
    name = f"sayso over HTTP{which}" if ours else subject
    length = (WIDTH - LABEL - 80) * figure.value / most
    middle = y + BAR * 0.7
    return (
        f'<text x="{LABEL - 10}" y="{middle:.0f}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{_OURS if ours else _OTHERS}"/>'
        f'<text x="{LABEL + length + 8:.0f}" y="{middle:.0f}">{figure.value:.1f}</text>'
    )
