"""What a user can check: the launch's prices, and how they compare."""

import asyncio
import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sayso.billing.price_book import ensure_launch_prices, publish, read_draft
from sayso.cli.main import app
from sayso.db.migrate import migrate
from sayso.db.session import Database


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings file and no data folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))


def price(*words: str) -> list[str]:
    result = CliRunner().invoke(app, ["price", *words])
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


@pytest.mark.parametrize(
    ("words", "amount"),
    [
        ("--tokens 1000", "$0.002"),
        ("--audio-minutes 1", "$0.006"),
        ("--tokens 1", "$0.000002"),
        ("--tokens 0", "$0.00"),
        ("--tokens 1000000", "$2.00"),
        ("--audio-minutes 0.001", "$0.0001"),
        ("--audio-minutes 60", "$0.36"),
        ("--audio-minutes 1.025", "$0.0062"),  # 61.5 s are 62
        ("--tokens 1000 --model qwen2.5-0.5b-instruct-q8_0", "$0.002"),
        ("--audio-minutes 1 --model whisper-base", "$0.006"),
    ],
)
def test_the_launch_prices(tmp_path: Path, words: str, amount: str) -> None:
    assert price(*words.split())[0] == amount
    assert list(tmp_path.iterdir()) == [], "no data folder and no database are made"


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("--tokens 1000 --compare text-davinci-003", "10 times cheaper than text-davinci-003 at $0.02"),
        ("--tokens 1000 --compare 0.02", "10 times cheaper than $0.02"),
        ("--tokens 7 --compare $0.03", "15 times cheaper than $0.03"),
        ("--compare 0.002", "the same price as"),
        ("--compare 0.001", "2 times dearer than"),
        ("--compare 0.003", "1.5 times cheaper than"),
        ("--audio-minutes 1 --compare 0.01", "about 1.67 times cheaper than $0.01 per minute"),
        ("--compare 0", "dearer than the free"),
        ("--compare smollm2-135m-instruct-q4_1", "the same price as"),
    ],
)
def test_comparison(words: str, verdict: str) -> None:
    assert price(*words.split())[-1].startswith(verdict)


def test_json() -> None:
    (line,) = price("--tokens", "1000", "--compare", "text-davinci-003", "--json")
    answer = json.loads(line)
    assert (answer["nano_usd"], answer["usd"], answer["price_book"]) == (2_000_000, "0.002", "launch")
    assert answer["comparison"]["times_cheaper"] == 10


def test_both_at_once_and_the_whole_list() -> None:
    assert [line for line in price("--tokens", "1000", "--audio-minutes", "1") if line[0] == "$"] == [
        "$0.002",
        "$0.006",
    ]
    listed = "\n".join(price())
    assert "$0.002 per 1,000 tokens" in listed
    assert "$0.006 per minute" in listed
    assert "davinci" not in listed


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("--tokens 5 --model whisper-1", "billed by the minute"),
        ("--audio-minutes 5 --model gpt-3.5-turbo", "billed by the token"),
        ("--tokens 5 --model text-davinci-003", "does not exist"),
        ("--tokens 5 --model nothing", "does not exist"),
        ("--tokens 5 --compare nothing", "does not exist"),
        ("--tokens 5 --compare whisper-1", "nothing to compare"),
        ("--tokens 5 --compare 0.0000000001", "at most nine places"),
        ("--audio-minutes many", "no number of minutes"),
        ("--audio-minutes -1", "no number of minutes"),
        ("--audio-minutes nan", "no number of minutes"),
    ],
)
def test_what_makes_no_sense_is_refused(words: str, complaint: str) -> None:
    result = CliRunner().invoke(app, ["price", *words.split()])
    assert result.exit_code == 1
    assert complaint in result.stderr


def test_the_published_book_in_force_counts(tmp_path: Path) -> None:
    async def publish_dearer() -> None:
        async with Database.open(f"sqlite:///{tmp_path / 'd' / 'sayso.db'}") as db:
            await migrate(db)
            await ensure_launch_prices(db)
            await publish(
                db, read_draft(DEARER | {"version": "dearer"}), effective_from=time.time_ns() // 1000 + 10**6
            )
            await publish(
                db, read_draft(DEARER | {"version": "later"}), effective_from=time.time_ns() // 1000 + 10**12
            )

    asyncio.run(publish_dearer())
    assert price("--tokens", "1000", "--data-dir", str(tmp_path / "d"))[0] == "$0.002"
    deadline = time.monotonic() + 10
    while (lines := price("--tokens", "1000", "--data-dir", str(tmp_path / "d")))[0] == "$0.002":
        assert time.monotonic() < deadline
    assert [line for line in lines if line[0] == "$"] == ["$0.01", "$0.03"]
    assert "prompt tokens: 1,000 tokens of gpt-3.5-turbo at $0.01" in lines[1]
    assert "dearer" in lines[1]


DEARER = {
    "prices": [
        {"models": ["*chat"], "meters": ["prompt_tokens"], "usd": "0.01", "unit_size": 1000},
        {"models": ["*chat"], "meters": ["completion_tokens"], "usd": "0.03", "unit_size": 1000},
        {"models": ["*speech"], "meters": ["audio_milliseconds"], "usd": "0.006", "unit_size": 60000}
        | {"increment": 1000, "minimum": 1000},
    ]
}
