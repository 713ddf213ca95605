"""Whether the search itself works: a canary is put into files in every encoding, and has to be found."""

import base64
import gzip
import json
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sayso.cli.proof.canaries import HEAD, make_canary
from sayso.retention.residue.scan import scan


def blind_spots(folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the encodings that were tried, and of them those in which the search finds nothing."""
    canary = make_canary("control", audio_seconds=1.0)
    text = canary.text
    samples = np.frombuffer(canary.recording[HEAD:], dtype=np.int16)
    written: Mapping[str, bytes] = {
        "utf-8": text.encode(),
        "utf-16-le": text.encode("utf-16-le"),
        "utf-16-be": text.encode("utf-16-be"),
        "json": json.dumps({"a": text}).encode(),
        "json in json": json.dumps(json.dumps({"a": text})).encode(),
        "hex": text.encode().hex().encode(),
        **{f"base64 +{n}": base64.b64encode(b"x" * n + text.encode()) for n in range(3)},
        "gzip": gzip.compress(text.encode()),
        "zlib": zlib.compress(text.encode()),
        "audio file": canary.recording,
        "audio file, base64": base64.b64encode(canary.recording),
        "pcm 16": samples.tobytes(),
        "pcm float": (samples.astype(np.float32) / 32768.0).tobytes(),
    }
    with tempfile.TemporaryDirectory(dir=folder) as place:
        for n, content in enumerate(written.values()):
            (Path(place) / str(n)).write_bytes(b"before " + content + b" after")
        found = {hit.path.name for hit in scan([Path(place)], canary.needles)}
    return tuple(written), tuple(name for n, name in enumerate(written) if str(n) not in found)
