import random

import pytest

from sayso.audio.mpeg_frames import adts_frame, mpeg_audio_frame
from sayso.audio.sniffing import sniff
from sayso.errors import AudioRejected

MP3_FRAME = b"\xff\xfb\x90\x00" + bytes(413)  # MPEG-1 layer III, 128 kbit/s, 44.1 kHz: 417 bytes
ADTS_FRAME = b"\xff\xf1\x50\x40\x02\x80\xfc" + bytes(13)  # AAC-LC, 44.1 kHz: 20 bytes


@pytest.mark.parametrize(
    ("head", "demuxer"),
    [
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "wav"),
        (b"RF64\xff\xff\xff\xffWAVEds64", "wav"),
        (b"RIFX\x00\x00\x00\x24WAVEfmt ", "wav"),
        (b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00", "w64"),
        (b"FORM\x00\x00\x00\x24AIFFCOMM", "aiff"),
        (b"FORM\x00\x00\x00\x24AIFCFVER", "aiff"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01", "matroska"),
        (b"OggS\x00\x02", "ogg"),
        (b"fLaC\x00\x00\x00\x22", "flac"),
        (b"\x00\x00\x00\x20ftypM4A ", "mov"),
        (b"\x00\x00\x00\x20ftypqt  ", "mov"),
        (b"\x00\x00\x00\x18stypmsdh", "mov"),
        (b"\x00\x00\x01\xbaD\x00\x04\x00", "mpeg"),
        ((b"\x47\x40\x00\x10" + bytes(184)) * 3, "mpegts"),
        (MP3_FRAME * 3, "mp3"),
        (MP3_FRAME, "mp3"),
        (bytes(1000) + MP3_FRAME * 3, "mp3"),
        (MP3_FRAME[200:] + MP3_FRAME * 3, "mp3"),
        (b"ID3\x04\x00\x00\x00\x00\x01\x00" + bytes(128) + MP3_FRAME * 3, "mp3"),
        (b"ID3\x04\x00\x00\x00\x00\x01\x00" + bytes(128) + b"fLaC\x00\x00", "flac"),
        (b"ID3\x04\x00\x00\x00\x00\x01\x00" + bytes(128) + ADTS_FRAME * 3, "aac"),
        (ADTS_FRAME * 3, "aac"),
    ],
)
def test_containers_are_known_by_their_first_bytes(head: bytes, demuxer: str) -> None:
    assert sniff(memoryview(head)) == demuxer


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"R",
        b"RIFF\x24\x00\x00\x00AVI LIST",
        b"RIFF\x24\x00\x00\x00WEBPVP8 ",
        b"#EXTM3U\n",
        b"ffconcat version 1.0\nfile x.mp3\n",
        b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n",
        b"<?xml version='1.0'?><MPD/>",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(2000),
        b"\x1f\x8b\x08" + bytes(100),
        b"PK\x03\x04" + bytes(100),
        b"%PDF-1.7\n",
        bytes(20_000),
        b"\xff" * 20_000,
        MP3_FRAME + bytes(100),  # one frame that does not end with the file
    ],
)
def test_all_else_is_refused(content: bytes) -> None:
    with pytest.raises(
        AudioRejected, match=r"Invalid file format\. Supported formats: \['flac', 'm4a', 'mp3'"
    ):
        sniff(memoryview(content))


def test_noise_is_not_taken_for_frames() -> None:
    rng = random.Random(5)
    for _ in range(200):
        with pytest.raises(AudioRejected):
            sniff(memoryview(rng.randbytes(20_000)))


@pytest.mark.parametrize(
    ("head", "length"),
    [
        ("fffb9000", 417),  # MPEG-1 layer III 128 kbit/s 44.1 kHz
        ("fffb9200", 418),  # the same, padded
        ("fffb1044", 104),  # 32 kbit/s
        ("fff38000", 208),  # MPEG-2 layer III 64 kbit/s 22.05 kHz: half the samples
        ("ffe38000", 417),  # MPEG-2.5 layer III 64 kbit/s 11.025 kHz
        ("fffdc4c4", 768),  # MPEG-1 layer II 256 kbit/s 48 kHz
        ("ffff9800", 432),  # MPEG-1 layer I 288 kbit/s 32 kHz
    ],
)
def test_length_of_mpeg_frames(head: str, length: int) -> None:
    header = mpeg_audio_frame(memoryview(bytes.fromhex(head)), 0)
    assert header is not None
    assert header[0] == length


@pytest.mark.parametrize(
    "head", ["fffbf000", "fffb0000", "fffb9c00", "fff99000", "ffeb9000", "00fb9000", "fffb"]
)
def test_forbidden_mpeg_headers(head: str) -> None:
    assert mpeg_audio_frame(memoryview(bytes.fromhex(head)), 0) is None


def test_length_of_adts_frames() -> None:
    header = adts_frame(memoryview(ADTS_FRAME), 0)
    assert header is not None
    assert header[0] == 20
    assert adts_frame(memoryview(ADTS_FRAME[:6]), 0) is None
