"""`python -m bench`: the server beside the bare engines, in one run.

The exit status is 0 unless something broke: a target that is not met is said in the table.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import measure_chat
from bench.bare_chat import BareChat
from bench.bare_process import bare_process
from bench.bare_speech import BareSpeech
from bench.client import Client, client_of
from bench.engine_configs import engine_configs
from bench.figures import Figure
from bench.measure_gateway import FAKE, measure_gateway
from bench.measure_peers import measure_peers
from bench.measure_prompts import measure_prompts
from bench.measure_speech import QUICK, SpeechPlan, measure_speech
from bench.measure_speech_peers import measure_speech_peers
from bench.measure_start import measure_start
from bench.plot import write_plot
from bench.report import machine, print_report, versions, write_json
from bench.server import Server, clean_environment, running_server
from bench.workload import RECORDINGS, Recording, Speech, long_speech, speech
from sayso.catalog.catalogue import EMBEDDED_CHAT, EMBEDDED_SPEECH
from sayso.core.priority import wait_for_the_model
from sayso.engines.config import EngineConfig
from sayso.engines.openvino.weights import find_weights

LATER_START_TARGET = 10.0  # seconds


def main() -> int:
    """Measure, print, and write the JSON file if one is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure sayso beside bare engines.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures and samples to FILE")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw throughput as an SVG")
    parser.add_argument("--quick", action="store_true", help="a smoke run of under a minute")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--only-chat", action="store_true", help="leave out speech and the scripted engine")
    only.add_argument("--only-speech", action="store_true", help="leave out all but starts and speech")
    parser.add_argument(
        "--llama-server", action="append", default=[], metavar="PROGRAM[=GGUF]",
        help="also beside llama.cpp: its llama-server, or a Python that has xllamacpp; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--whisper-cpp", action="append", default=[], metavar="PYTHON[=q8_0]",
        help="also beside whisper.cpp: a Python with pywhispercpp, weights of 16 bits or 8; may be repeated",
    )  # fmt: skip
    parser.add_argument("--speech", type=Path, default=RECORDINGS, metavar="DIR", help="folder of recordings")
    asked = parser.parse_args()
    for name in set(os.environ) - set(clean_environment()):
        del os.environ[name]
    wait_for_the_model()  # the client stands for clients on other machines
    recordings = speech(asked.speech, limit=2 if asked.quick else 12)
    long = long_speech(asked.speech, seconds=40 if asked.quick else 600)
    before = os.getloadavg()
    with tempfile.TemporaryDirectory(prefix="sayso-bench-") as folder:
        figures = asyncio.run(
            _measure(
                Path(folder),
                recordings,
                long,
                asked.llama_server,
                asked.whisper_cpp,
                quick=asked.quick,
                with_chat=not asked.only_speech,
                with_speech=not asked.only_chat,
            )
        )
    about: dict[str, Any] = {
        "run": "quick: a smoke test, not a measurement" if asked.quick else "full",
        "machine": machine(),
        "versions": versions(),
        "load_average_before": _load(before),
        "load_average_after": _load(os.getloadavg()),
        "peers": ", ".join(Path(peer).name for peer in (*asked.llama_server, *asked.whisper_cpp))
        or "none: name them with --llama-server and --whisper-cpp",
        "speech": f"{recordings.described}, {recordings.seconds:.0f} s of audio, language detected",
    }
    print_report(figures, about)
    if asked.plot:
        write_plot(asked.plot, figures)
    if asked.json:
        write_json(asked.json, figures, about)
    return 0


async def _measure(
    folder: Path,
    recordings: Speech,
    long: Recording,
    peers: list[str],
    speech_peers: list[str],
    *,
    quick: bool,
    with_chat: bool,
    with_speech: bool,
) -> list[Figure]:
    real, scripted = folder / "real", folder / "scripted"
    real.mkdir()
    scripted.mkdir()
    _say("the first start")
    with running_server(real) as server:
        key = server.key
        figures = [Figure("first start", server.started_seconds, "s")]
    _say("starts")
    figures += measure_start(real, key, 1 if quick else 5)
    _say("a later start")
    with running_server(real, key=key) as server:
        seconds = server.started_seconds
        figures.append(Figure("later start", seconds, "s", at_most=LATER_START_TARGET))
        configs = engine_configs(real)
        async with client_of(server) as client:
            if with_chat:
                figures += await _chat(client, configs[EMBEDDED_CHAT], server, peers, quick=quick)
            if with_speech:
                _say("speech")
                with bare_process(BareSpeech, configs[EMBEDDED_SPEECH]) as bare:
                    speech_plan = QUICK if quick else SpeechPlan()
                    figures += await measure_speech(client, bare, recordings, long, speech_plan)
                if speech_peers:
                    _say("speech beside peers")
                    config = configs[EMBEDDED_SPEECH]
                    figures += await measure_speech_peers(
                        client, speech_peers, config, folder, recordings, long, speech_plan
                    )
            if not (with_chat and with_speech):
                return figures
        sizes = server.resident_bytes()
        figures += [Figure(f"memory: {name}", size / 2**20, "MiB") for name, size in sizes.items()]
    _say("the gateway alone")
    with running_server(scripted, FAKE) as server:
        async with client_of(server) as client:
            figures += await measure_gateway(client, 100 if quick else 1000)
    return figures


async def _chat(
    client: Client, config: EngineConfig, server: Server, peers: list[str], *, quick: bool
) -> list[Figure]:
    _say("chat")
    chat_plan = measure_chat.QUICK if quick else measure_chat.FULL
    with bare_process(BareChat, config) as bare:
        figures = await measure_chat.measure_chat(client, bare, chat_plan, server)
    figures += await measure_prompts(client)
    if peers:
        _say("chat beside peers")
        figures += await measure_peers(client, peers, find_weights(config), chat_plan)
    return figures


def _load(averages: tuple[float, float, float]) -> str:
    return " ".join(f"{average:.2f}" for average in averages)


def _say(what: str) -> None:
    print(f"measuring {what} …", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
