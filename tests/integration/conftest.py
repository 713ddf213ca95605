"""What every room's integration tests share."""

import pytest


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for storage that a busy machine makes slow; tests that are about waiting set what they need."""
    monkeypatch.setattr("sayso.core.patience.ADMISSION_SECONDS", 30.0)
