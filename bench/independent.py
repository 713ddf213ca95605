"""Chat over HTTP as an independent program sees it: guidellm asks sayso and llama.cpp's server, in turns.

`python -m bench.independent --guidellm VENV/bin/guidellm --llama-server PROGRAM [--rounds N]`. It makes up
prompts of so many tokens; the tokenizer that it counts them with is written from the weights, for no hub is
asked. Every server but the one that is asked is stopped.
"""

import argparse
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from bench.engine_configs import engine_configs
from bench.peer_llama import llama_server
from bench.server import Server, running_server
from sayso.catalog.catalogue import EMBEDDED_CHAT
from sayso.engines.openvino.weights import find_weights

PROMPT_TOKENS, ANSWER_TOKENS = 24, 64
ROUNDS = 3
REQUESTS = {1: 6, 16: 48}  # by streams


@dataclass(frozen=True, slots=True)
class Measured:
    """What guidellm says of one run: tokens a second and medians in milliseconds."""

    rate: float
    first_token: float
    between: float


def measure(guidellm: Path, url: str, key: str, tokenizer: Path, streams: int, seed: int) -> Measured:
    """Have guidellm keep `streams` requests running until all are answered."""
    found = tokenizer / "report.json"
    backend = f"kind=openai_http,target={url},model=gpt-3.5-turbo,api_key={key},validate_backend=false"
    command = [
        str(guidellm), "run", "--disable-console",
        "--backend", backend,
        "--profile", f"kind=concurrent,streams={streams}",
        "--constraint", f"kind=max_requests,count={REQUESTS[streams]}",
        "--data", f"kind=synthetic_text,prompt_tokens={PROMPT_TOKENS},output_tokens={ANSWER_TOKENS}",
        "--seed", f"kind=static,value={seed}",
        "--tokenizer", f"kind=hf_auto,model={tokenizer}",
        "--output", f"kind=json,path={found}",
    ]  # fmt: skip
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    done = subprocess.run(command, env=os.environ | offline, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"guidellm ended with status {done.returncode}: {done.stderr[-2000:]}")
    (run,) = json.loads(found.read_text(encoding="utf-8"))["benchmarks"]
    if run["metrics"]["request_totals"]["successful"] < REQUESTS[streams]:
        raise RuntimeError("not every request was answered")
    return _read(run["metrics"], run["duration"])


def _read(metrics: dict[str, dict[str, dict[str, float]]], seconds: float) -> Measured:
    tokens = metrics["output_token_count"]["successful"]
    return Measured(
        tokens["total_sum"] / seconds,
        metrics["time_to_first_token_ms"]["successful"]["median"],
        metrics["inter_token_latency_ms"]["successful"]["median"],
    )


def write_tokenizer(weights: Path, folder: Path) -> None:
    """Write the tokenizer of a GGUF file as `transformers` reads one."""
    from gguf import GGUFReader
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    fields = GGUFReader(weights).fields
    words = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(pair.split(" ", 1)) for pair in fields["tokenizer.ggml.merges"].contents()]
    tokenizer = Tokenizer(models.BPE({word: number for number, word in enumerate(words)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))
    kind = json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"})
    (folder / "tokenizer_config.json").write_text(kind, encoding="utf-8")


@contextmanager
def asleep(server: Server) -> Iterator[None]:
    """Stop all of a server's processes for a while."""
    processes: list[psutil.Process] = list(server.processes().values())
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)


def main() -> None:
    """Measure in turns and print a table's rows."""
    parser = argparse.ArgumentParser(prog="python -m bench.independent", description=__doc__)
    parser.add_argument("--guidellm", type=Path, required=True, metavar="PROGRAM")
    parser.add_argument("--llama-server", type=Path, required=True, metavar="PROGRAM")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sayso-bench-") as made:
        folder, tokenizer = Path(made) / "data", Path(made) / "tokenizer"
        folder.mkdir()
        tokenizer.mkdir()
        with running_server(folder) as server:
            weights = find_weights(engine_configs(folder)[EMBEDDED_CHAT])
            write_tokenizer(weights, tokenizer)
            with llama_server("llama.cpp", asked.llama_server, weights, len(os.sched_getaffinity(0))) as peer:
                for streams in REQUESTS:
                    found: dict[str, list[Measured]] = {"sayso": [], peer.name: []}
                    for turn in range(asked.rounds):
                        seed = 100 * streams + turn
                        url = server.base_url.removesuffix("/v1")
                        found["sayso"].append(
                            measure(asked.guidellm, url, server.key, tokenizer, streams, seed)
                        )
                        with asleep(server):
                            peer.wake()
                            url = peer.base_url.removesuffix("/v1")
                            found[peer.name].append(
                                measure(asked.guidellm, url, "none", tokenizer, streams, seed)
                            )
                            peer.sleep()
                    _print(streams, found)
    print("load average", *os.getloadavg())


def _print(streams: int, found: dict[str, list[Measured]]) -> None:
    for name, runs in found.items():
        rate, first, between = (
            median(getattr(run, field) for run in runs) for field in ("rate", "first_token", "between")
        )
        each = " ".join(f"{run.rate:.1f}" for run in runs)
        print(f"{streams:2} streams, {name:10} {rate:7.1f} tokens/s ({each}), first token {first:.0f} ms, "
              f"then {between:.1f} ms each")  # fmt: skip
    ours, theirs = found.values()
    print(f"   ratio {median(a.rate / b.rate for a, b in zip(ours, theirs, strict=True)):.2f}", flush=True)


if __name__ == "__main__":
    main()
