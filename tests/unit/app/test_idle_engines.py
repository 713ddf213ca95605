"""An engine that has had work and is idle is started anew, once."""

from types import SimpleNamespace
from typing import Any

from sayso.app.idle_engines import IdleEngines
from sayso.telemetry.metrics import Metrics


class Scene:
    """One host, its metrics and a clock."""

    def __init__(self) -> None:
        self.metrics, self.now, self.renewed = Metrics(), 0.0, 0
        host: Any = SimpleNamespace(config=SimpleNamespace(snapshot="smol"), renew=self.renew)
        self.idle = IdleEngines([host], self.metrics, 600.0, clock=lambda: self.now)

    def renew(self) -> None:
        self.renewed += 1

    def after(self, seconds: float) -> int:
        self.now += seconds
        self.idle.look()
        return self.renewed


def test_what_had_no_work_is_left_alone() -> None:
    scene = Scene()
    assert [scene.after(400.0) for _ in range(10)] == [0] * 10


def test_each_time_of_work_is_forgotten_once() -> None:
    scene = Scene()
    scene.after(0.0)
    scene.metrics.prompt_tokens.labels("smol").inc(5)
    assert [scene.after(10.0), scene.after(590.0), scene.after(11.0), scene.after(9_000.0)] == [0, 0, 1, 1]
    scene.metrics.audio_seconds.labels("smol", "translate").inc(2.0)
    assert [scene.after(10.0), scene.after(601.0), scene.after(601.0)] == [1, 2, 2]


def test_work_of_before_the_first_look_counts() -> None:
    scene = Scene()
    scene.metrics.prompt_tokens.labels("smol").inc(5)
    assert [scene.after(1.0), scene.after(600.0)] == [0, 1]


def test_what_is_under_way_is_not_cut_short() -> None:
    scene = Scene()
    scene.metrics.in_flight.labels("smol").inc()
    assert [scene.after(400.0) for _ in range(5)] == [0] * 5
    scene.metrics.in_flight.labels("smol").dec()
    assert [scene.after(400.0), scene.after(300.0)] == [0, 1]


def test_work_of_others_is_not_its_own() -> None:
    scene = Scene()
    scene.metrics.prompt_tokens.labels("other").inc(5)
    assert [scene.after(400.0) for _ in range(5)] == [0] * 5
