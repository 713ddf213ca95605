"""`sayso prove-retention` puts content through every route that takes any."""

from typing import Any

from sayso.cli.proof.planting import AUDIO, CHAT, COMPLETIONS, TASKS


def test_every_route_that_takes_content_is_proven(make_world: Any) -> None:
    paths = make_world().app.openapi()["paths"]
    takes = {path for path, verbs in paths.items() if "post" in verbs}
    content = {path for path in takes if path.startswith("/v1/") and not path.startswith("/v1/organization")}
    proven = {CHAT, f"{CHAT}/{{completion_id}}", COMPLETIONS, *(f"{AUDIO}/{task}" for task in TASKS)}
    assert content == {f"/v1{path}" for path in proven}
