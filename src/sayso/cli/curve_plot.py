"""A load curve as a picture: bars in a terminal, and a plot in a file of SVG."""

from collections.abc import Sequence
from html import escape
from typing import Final

from sayso.dedicated.curve import AnyLevel, SpeechLevel

BAR: Final = 40  # characters
WIDTH, HEIGHT, MARGIN = 720, 440, 64
_TICKS: Final = 5
_THROUGHPUT, _TIME = "#1668b8", "#b8501b"


def bars(levels: Sequence[AnyLevel]) -> str:
    """Return a line for each level with a bar of its throughput and one of the time of a request."""
    most = max(level.throughput for level in levels)
    slowest = max(level.request_p50 for level in levels)
    lines = []
    for level in levels:
        much = "█" * max(1, round(BAR * level.throughput / most))
        slow = "░" * max(1, round(BAR * level.request_p50 / slowest))
        lines += [
            f"{level.concurrency:>4} {much} {_amount(level)}",
            f"     {slow} {level.request_p50:.2f} s per request",
        ]
    return "\n".join(lines)


def svg(levels: Sequence[AnyLevel], title: str) -> str:
    """Return a plot of throughput against the time of a request, with the concurrency at each point."""
    most = _round_up(max(level.throughput for level in levels))
    slowest = _round_up(max(level.request_p95 for level in levels))

    def x(seconds: float) -> float:
        return MARGIN + (WIDTH - 2 * MARGIN) * seconds / slowest

    def y(amount: float) -> float:
        return HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * amount / most

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{WIDTH / 2}" y="28" text-anchor="middle" font-size="15">{escape(title)}</text>',
        _text(
            WIDTH / 2, HEIGHT - 16, "time of a request, seconds: median, and the line to the 95th percentile"
        ),
        f'<text transform="translate(18 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">'
        f"throughput, {_unit(levels[0])}</text>",
    ]
    for tick in range(_TICKS + 1):
        amount, seconds = most * tick / _TICKS, slowest * tick / _TICKS
        parts += [
            _line(MARGIN, y(amount), WIDTH - MARGIN, y(amount), "#ddd"),
            _text(MARGIN - 8, y(amount) + 4, f"{amount:g}", "end"),
            _line(x(seconds), MARGIN, x(seconds), HEIGHT - MARGIN, "#eee"),
            _text(x(seconds), HEIGHT - MARGIN + 18, f"{seconds:g}"),
        ]
    points = " ".join(f"{x(one.request_p50):.1f},{y(one.throughput):.1f}" for one in levels)
    parts.append(f'<polyline points="{points}" fill="none" stroke="{_THROUGHPUT}" stroke-width="2"/>')
    for one in levels:
        px, py = x(one.request_p50), y(one.throughput)
        parts += [
            _line(px, py, x(one.request_p95), py, _TIME),
            f'<circle cx="{px:.1f}" cy="{py:.1f}" r="4" fill="{_THROUGHPUT}"/>',
            _text(px + 8, py + 18, f"{one.concurrency} at once", "start"),
        ]
    return "\n".join([*parts, "</svg>", ""])


def _amount(level: AnyLevel) -> str:
    if isinstance(level, SpeechLevel):
        return f"{level.throughput:.1f} s of audio/s"
    return f"{level.throughput:.0f} tokens/s"


def _unit(level: AnyLevel) -> str:
    return "seconds of audio a second" if isinstance(level, SpeechLevel) else "tokens a second"


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _round_up(value: float) -> float:
    """Return the next of 1, 2, 2.5 and 5 times a power of ten, so that ticks are even numbers."""
    power = 1.0
    while power * 10 <= value:
        power *= 10
    while power > value:
        power /= 10
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value)
