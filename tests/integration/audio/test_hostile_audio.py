"""Broken and malicious files: each is decoded or refused in time, and the server notices nothing."""

import asyncio
import random
import struct

import psutil
import pytest

from sayso.audio.decoding import AudioDecoder
from sayso.errors import AudioRejected
from tests.integration.audio.made_recordings import long_opus, silent_flac, tone, wav

pytestmark = pytest.mark.asyncio(loop_scope="module")

MAGICS = [
    b"RIFF\0\0\0\0WAVE",
    b"OggS",
    b"fLaC",
    b"\x1aE\xdf\xa3",
    b"\0\0\0\x20ftypM4A ",
    b"ID3\4\0\0\0\0\0\0",
    b"\0\0\1\xba",
]


def mutated(whole: bytes, rng: random.Random) -> bytes:
    """Break a good file in one of the ways in which files break."""
    content = bytearray(whole)
    match rng.randrange(6):
        case 0:
            for _ in range(rng.randint(1, 200)):
                content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        case 1:
            del content[rng.randrange(len(content)) :]
        case 2:
            magic = rng.choice(MAGICS)
            content[: len(magic)] = magic
        case 3:  # sizes and counts live in headers
            for _ in range(rng.randint(1, 8)):
                at = rng.randrange(min(300, len(content) - 4))
                content[at : at + 4] = rng.choice(
                    [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\x80\0\0\0"]
                )
        case 4:
            start = rng.randrange(len(content))
            content[start:start] = rng.randbytes(rng.randint(1, 5000))
        case _:
            start = rng.randrange(len(content))
            content[start : start + rng.randint(1, 5000)] = b""
    return bytes(content)


def cpu_seconds(decoder: AudioDecoder) -> float:
    """CPU time of all children that the server has reaped: unlike the clock, the same on a busy machine."""
    spent = psutil.Process(decoder.server_pid()).cpu_times()
    return float(spent.children_user + spent.children_system)


async def outlive(
    decoder: AudioDecoder, recordings: dict[str, bytes], count: int, seed: int
) -> tuple[int, int]:
    """Decode `count` mutations, two at a time; return how many were decoded and refused."""
    rng = random.Random(seed)
    names = sorted(recordings)
    files = [mutated(recordings[names[n % len(names)]], rng) for n in range(count)]
    pid, began = decoder.server_pid(), cpu_seconds(decoder)
    tally = {True: 0, False: 0}
    queue = iter(files)

    async def one_after_another() -> None:
        for content in queue:
            try:
                audio = await decoder.decode(content)
                assert audio.samples >= 1600
                tally[True] += 1
            except AudioRejected:
                tally[False] += 1

    await asyncio.gather(one_after_another(), one_after_another())
    assert decoder.server_pid() == pid
    assert cpu_seconds(decoder) - began < count * 0.1
    return tally[True], tally[False]


async def test_two_hundred_mutations(decoder: AudioDecoder, recordings: dict[str, bytes]) -> None:
    decoded, refused = await outlive(decoder, recordings, 200, seed=1)
    assert decoded + refused == 200
    assert decoded > 20
    assert refused > 20


@pytest.mark.long
async def test_a_thousand_mutations(decoder: AudioDecoder, recordings: dict[str, bytes]) -> None:
    assert sum(await outlive(decoder, recordings, 1000, seed=random.randrange(2**32))) == 1000


@pytest.mark.parametrize("rate", [1_000, 8_000])
async def test_samples_that_swell_are_stopped(decoder: AudioDecoder, rate: int) -> None:
    began = cpu_seconds(decoder)
    with pytest.raises(AudioRejected, match="longer than the limit"):
        await decoder.decode(wav(bytes(1000 * rate), bits=8, rate=rate))
    assert cpu_seconds(decoder) - began < 5


async def test_silence_packed_tight_is_stopped(decoder: AudioDecoder) -> None:
    quiet = silent_flac(minutes=16)
    assert len(quiet) < 200_000
    began = cpu_seconds(decoder)
    with pytest.raises(AudioRejected, match="longer than the limit"):
        await decoder.decode(quiet)
    lying = bytearray(quiet)
    lying[21] &= 0xF0  # the number of samples in STREAMINFO, 36 bits: unknown
    lying[22:26] = bytes(4)
    with pytest.raises(AudioRejected, match="longer than the limit"):
        await decoder.decode(lying)
    assert cpu_seconds(decoder) - began < 5


async def test_chunks_that_claim_gigabytes_cost_nothing(decoder: AudioDecoder) -> None:
    sound = tone(0.5, 16_000).tobytes()
    huge = bytearray(wav(sound))
    huge[16:20] = struct.pack("<I", 0x7FFFFFFF)  # the size of the chunk "fmt "
    began = cpu_seconds(decoder)
    with pytest.raises(AudioRejected):
        await decoder.decode(huge)
    assert cpu_seconds(decoder) - began < 2


@pytest.mark.long
@pytest.mark.parametrize("container", ["ogg", "webm"])
async def test_nine_hours_in_25_megabytes(container: str) -> None:
    content = long_opus(9.5, container)[: 25 << 20]
    lasting = AudioDecoder()
    await lasting.start()
    try:
        with pytest.raises(AudioRejected, match="longer than the limit of 14400 seconds"):
            await lasting.decode(content)
        assert cpu_seconds(lasting) < 5
    finally:
        await lasting.close()
