"""How long a later start takes, as somebody sees it who asks all the time, and what the gateway then takes.

`python -m bench.measure_start [--tree DIR ...] [--rounds N]` runs it alone; checkouts take turns.
"""

import argparse
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from bench.figures import Figure
from bench.server import Server, clean_environment, free_port, running_server, stop_process

AT_REST_SECONDS = 10.0
_ASK_SECONDS = 0.02  # between two questions of one who waits
_WAIT_SECONDS = 60.0
_QUESTION = json.dumps(
    {
        "model": "gpt-3.5-turbo",
        "stream": True,
        "max_tokens": 8,
        "messages": [{"role": "user", "content": "What is the capital of France?"}],
    }
)
_TARGETS = {"start: first token": 3.0, "at rest: gateway, resident": 120.0}  # seconds, MiB
_COMMANDS = {"--help": ("--help",), "--version": ("--version",), "models": ("models",)}


def measure_start(
    folder: Path, key: str, rounds: int, trees: Sequence[Path | None] = (None,)
) -> list[Figure]:
    """Return medians of seconds from the command on, and the memory at rest; `trees` take turns."""
    seconds: dict[str, list[float]] = {}
    for turn in range(rounds):
        for tree in trees:
            named = f" ({tree.name})" if tree else ""
            for name, value in _one_start(folder, key, tree, at_rest=turn == rounds - 1).items():
                seconds.setdefault(name + named, []).append(value)
            for name, words in _COMMANDS.items():
                seconds.setdefault(f"sayso {name}{named}", []).append(_one_command(words, folder, tree))
    return [_figure(name, values) for name, values in seconds.items()]


def _figure(name: str, values: list[float]) -> Figure:
    unit = "MiB" if name.startswith("at rest") else "s"
    target = next((most for figure, most in _TARGETS.items() if name.startswith(figure)), None)
    return Figure(name, median(values), unit, at_most=target, samples={"all": values})


def _one_start(folder: Path, key: str, tree: Path | None, *, at_rest: bool) -> dict[str, float]:
    begun = time.perf_counter()
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "sayso", "serve", "--port", str(port), "--data-dir", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=folder,
        env=_environment(tree),
    )
    try:
        found = {f"start: {name}": moment - begun for name, moment in _milestones(process, port, key)}
        if at_rest:
            time.sleep(AT_REST_SECONDS)
            found |= _memory(process)
        return found
    finally:
        stop_process(process)


def _milestones(process: "subprocess.Popen[str]", port: int, key: str) -> Iterator[tuple[str, float]]:
    until = time.perf_counter() + _WAIT_SECONDS
    while not _asked(port, "GET", "/livez"):
        _check(process, until)
    yield "answers", time.perf_counter()
    while not _asked(port, "POST", "/v1/chat/completions", key):
        _check(process, until)
    yield "first token", time.perf_counter()
    for line in process.stdout or ():
        if re.search("ready at", line):
            break
    yield "ready", time.perf_counter()


def _check(process: "subprocess.Popen[str]", until: float) -> None:
    if process.poll() is not None or time.perf_counter() > until:
        raise RuntimeError("the server did not start")
    time.sleep(_ASK_SECONDS)


def _asked(port: int, method: str, path: str, key: str = "") -> bool:
    """Tell whether a request is answered: a chat with its first content, anything else with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_WAIT_SECONDS)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"} if key else {}
    try:
        connection.request(method, path, _QUESTION if key else None, headers)
        answer = connection.getresponse()
        if answer.status != 200:
            return False
        return not key or any(b'"delta":{"content":"' in line for line in answer)
    except OSError:
        return False
    finally:
        connection.close()


def _memory(process: "subprocess.Popen[str]") -> dict[str, float]:
    found: dict[str, float] = {}
    for name, one in Server(process, "", "", 0.0).processes().items():
        full = one.memory_full_info()
        found[f"at rest: {name}, resident"] = full.rss / 2**20
        found[f"at rest: {name}, its share"] = full.pss / 2**20
    return found


def _one_command(words: tuple[str, ...], folder: Path, tree: Path | None) -> float:
    options = [] if words[0].startswith("-") else ["--data-dir", str(folder)]
    begun = time.perf_counter()
    command = [sys.executable, "-m", "sayso", *words, *options]
    subprocess.run(command, check=True, capture_output=True, cwd=folder, env=_environment(tree))
    return time.perf_counter() - begun


def _environment(tree: Path | None) -> dict[str, str]:
    return clean_environment() | ({"PYTHONPATH": str(tree / "src")} if tree else {})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.measure_start", description=__doc__)
    parser.add_argument("--tree", type=Path, action="append", metavar="DIR", help="a checkout")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="of an earlier start; needs --key")
    parser.add_argument("--key", default="")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sayso-bench-") as made:
        folder, key = asked.data_dir or Path(made), asked.key
        if not key:
            with running_server(folder) as server:
                key = server.key
        for figure in measure_start(folder, key, asked.rounds, asked.tree or (None,)):
            values = " ".join(f"{value:.2f}" for value in figure.samples["all"])
            print(f"{figure.name:48} {figure.value:8.2f} {figure.unit}   {values}")
    print("load average", *os.getloadavg())


if __name__ == "__main__":
    main()
