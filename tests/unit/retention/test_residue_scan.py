"""The scanner finds what is there, however it is written; a search that can not find proves nothing."""

import base64
import gzip
import json
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from sayso.retention.residue.needles import Needle, bytes_needles, sound_needles, text_needles
from sayso.retention.residue.scan import BLOCK, compressions, open_files, scan

TEXT = 'the canary\'s name is "Pío", not “Peter”; it sings at 5'
PLAIN = TEXT.encode()
WRITTEN = {
    "utf-8": PLAIN,
    "utf-16-le": TEXT.encode("utf-16-le"),
    "utf-16-be": TEXT.encode("utf-16-be"),
    "json": json.dumps({"messages": [TEXT]}).encode(),
    "json utf-8": json.dumps({"quoted": TEXT}, ensure_ascii=False).encode(),
    "json in json": json.dumps({"arguments": json.dumps({"text": TEXT})}).encode(),
    "hex": PLAIN.hex().encode(),
    "hex upper": PLAIN.hex().upper().encode(),
    "base64 +0": base64.b64encode(b"..." + PLAIN + b"tail"),
    "base64 +1": base64.b64encode(b"...." + PLAIN + b"tail"),
    "base64 +2": base64.b64encode(b"....." + PLAIN + b"tail"),
    "gzip": gzip.compress(b"before " + PLAIN),
    "zlib": zlib.compress(b"before " + PLAIN),
}


@pytest.mark.parametrize("how", WRITTEN)
@pytest.mark.parametrize("at", [0, 4_096, BLOCK - 20])
def test_text_is_found_however_it_is_written(tmp_path: Path, how: str, at: int) -> None:
    file = tmp_path / "deep" / "file"
    file.parent.mkdir()
    file.write_bytes(b"\xaa" * at + WRITTEN[how] + b"\xbb" * 1_000)
    hits = scan([tmp_path], text_needles("canary", TEXT))
    assert {hit.path for hit in hits} == {file}
    assert any(how in (hit.encoding, hit.compression) for hit in hits), hits


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(np.random.default_rng(7).bytes(3_000_000) + PLAIN[:-1])
    assert scan([tmp_path], text_needles("canary", TEXT)) == []


def test_folders_behind_links_are_searched_once(tmp_path: Path) -> None:
    """As a PostgreSQL server's log of writes lies, often on a disk of its own."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "log").write_bytes(PLAIN)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "pg_wal").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "around").symlink_to(tmp_path / "data")
    hits = scan([tmp_path / "data"], [Needle("canary", "utf-8", PLAIN)])
    assert [hit.path for hit in hits] == [tmp_path / "data" / "pg_wal" / "log"]


@pytest.mark.skipif("zstd" not in compressions(), reason="no zstandard here")
def test_zstandard_streams_are_looked_into(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    (tmp_path / "file").write_bytes(b"junk" + zstandard.ZstdCompressor().compress(PLAIN * 10))
    hits = scan([tmp_path], [Needle("canary", "utf-8", PLAIN)])
    assert "zstd" in {hit.compression for hit in hits}


@pytest.mark.parametrize("form", ["int16", "float32"])
def test_sound_is_found_as_samples(tmp_path: Path, form: str) -> None:
    samples = (np.sin(np.arange(16_000) * 0.05) * 9_000).astype(np.int16)
    written = samples if form == "int16" else samples.astype(np.float32) / 32768.0
    (tmp_path / "sound").write_bytes(b"RIFF" + written[3_000:].tobytes())
    assert scan([tmp_path], sound_needles("sound", samples))


def test_an_upload_is_found_by_any_piece_of_it(tmp_path: Path) -> None:
    upload = np.random.default_rng(8).bytes(100_000)
    (tmp_path / "part").write_bytes(b"x" * 77 + upload[40_000:60_000])
    (tmp_path / "text").write_bytes(base64.b64encode(b"y" + upload))
    assert {hit.path.name for hit in scan([tmp_path], bytes_needles("upload", upload))} == {"part", "text"}


def test_a_file_without_a_name_is_found_through_its_process() -> None:
    import os

    with tempfile.TemporaryFile() as file:
        file.write(PLAIN)
        file.flush()
        assert scan(open_files(os.getpid()), text_needles("canary", TEXT))
