"""Every container decodes to the same tone, and refusals say why."""

import gzip
import random

import numpy as np
import pytest

from sayso.audio.decoding import AudioDecoder
from sayso.core.speech import SAMPLE_RATE, Audio
from sayso.errors import AudioRejected
from tests.integration.audio.made_recordings import HERTZ, RECORDINGS, encode, long_opus, tone, wav

pytestmark = pytest.mark.asyncio(loop_scope="module")

FORMATS = "['flac', 'm4a', 'mp3', 'mp4', 'mpeg', 'mpga', 'oga', 'ogg', 'wav', 'webm']"


def pitch(audio: Audio) -> float:
    """The strongest frequency in Hz, to 2 Hz."""
    samples = np.frombuffer(audio.pcm, np.int16).astype(float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), n=SAMPLE_RATE))
    return float(np.argmax(spectrum))


@pytest.mark.parametrize("name", RECORDINGS)
async def test_every_container_gives_the_same_tone(
    decoder: AudioDecoder, recordings: dict[str, bytes], name: str
) -> None:
    audio = await decoder.decode(recordings[name])
    assert audio.seconds == pytest.approx(1.0, abs=0.09)  # codecs pad to whole frames
    assert pitch(audio) == pytest.approx(HERTZ, abs=2)
    assert np.abs(np.frombuffer(audio.pcm, np.int16)).max() > 4_000


async def test_wav_at_16_khz_is_passed_on_sample_for_sample(decoder: AudioDecoder) -> None:
    samples = tone(0.5, SAMPLE_RATE).tobytes()
    assert bytes((await decoder.decode(wav(samples))).pcm) == samples


async def test_any_buffer_will_do(decoder: AudioDecoder, recordings: dict[str, bytes]) -> None:
    mp3 = recordings["mp3"]
    from_bytes = bytes((await decoder.decode(mp3)).pcm)
    assert bytes((await decoder.decode(bytearray(mp3))).pcm) == from_bytes
    assert bytes((await decoder.decode(memoryview(mp3))).pcm) == from_bytes


@pytest.mark.parametrize("name", ["mp3", "opus.ogg", "webm", "live.webm", "fragmented.mp4", "wav", "flac"])
async def test_a_file_that_breaks_off_gives_what_it_holds(
    decoder: AudioDecoder, recordings: dict[str, bytes], name: str
) -> None:
    whole = recordings[name]
    audio = await decoder.decode(whole[: len(whole) * 6 // 10])
    assert 0.15 < audio.seconds < 0.8
    assert pitch(audio) == pytest.approx(HERTZ, abs=4)


@pytest.mark.parametrize("name", ["adts.aac", "m4a"])
async def test_a_broken_stretch_does_not_lose_what_follows(
    decoder: AudioDecoder, recordings: dict[str, bytes], name: str
) -> None:
    content = bytearray(recordings[name])
    rng = random.Random(3)
    for _ in range(60):
        content[rng.randrange(len(content) // 3, len(content) // 2)] ^= 0xFF
    assert (await decoder.decode(content)).seconds > 0.6


async def test_a_stream_may_change_rate_and_layout_midway(decoder: AudioDecoder) -> None:
    first = encode("mp3", "libmp3lame", rate=44_100, options={"id3v2_version": "0", "write_xing": "0"})
    second = encode(
        "mp3", "libmp3lame", rate=32_000, layout="stereo", options={"id3v2_version": "0", "write_xing": "0"}
    )
    audio = await decoder.decode(first + second)
    assert audio.seconds == pytest.approx(2.0, abs=0.2)
    assert pitch(audio) == pytest.approx(HERTZ, abs=2)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"not sound at all, only words. " * 40, id="text"),
        pytest.param(b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n/etc/passwd\n", id="playlist"),
        pytest.param(b"ffconcat version 1.0\nfile '/etc/passwd'\n", id="concat"),
        pytest.param(b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nm=audio 5004 RTP/AVP 0\r\n", id="session"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(500), id="image"),
        pytest.param(gzip.compress(wav(bytes(4000))), id="gzip"),
        pytest.param(tone(1.0, 16_000).tobytes(), id="headerless"),
        pytest.param(b"RIFF\x00\x10\x00\x00AVI LIST" + bytes(400), id="avi"),
    ],
)
async def test_what_is_no_sound_is_refused_with_the_formats_that_are(
    decoder: AudioDecoder, content: bytes
) -> None:
    with pytest.raises(AudioRejected) as refusal:
        await decoder.decode(content)
    assert refusal.value.message == f"Invalid file format. Supported formats: {FORMATS}"
    assert refusal.value.param is None


@pytest.mark.parametrize("seconds", [0.0, 0.099])
async def test_too_short(decoder: AudioDecoder, seconds: float) -> None:
    with pytest.raises(AudioRejected, match=r"too short.*0\.1 seconds") as refusal:
        await decoder.decode(wav(tone(seconds, SAMPLE_RATE).tobytes()))
    assert (refusal.value.param, refusal.value.code) == ("file", "audio_too_short")


async def test_a_tenth_of_a_second_is_enough(decoder: AudioDecoder) -> None:
    assert (await decoder.decode(wav(tone(0.1, SAMPLE_RATE).tobytes()))).samples == 1600


@pytest.mark.parametrize("container", ["mp4", "matroska"])
async def test_a_film_without_sound_is_refused(decoder: AudioDecoder, container: str) -> None:
    with pytest.raises(AudioRejected, match="no audio track"):
        await decoder.decode(encode(container, "", video="mpeg4"))


async def test_a_header_alone_is_refused(decoder: AudioDecoder, recordings: dict[str, bytes]) -> None:
    for name in ("m4a", "webm", "flac"):
        with pytest.raises(AudioRejected):
            await decoder.decode(recordings[name][:40])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(wav(bytes(255 * 3200), channels=255), "255 channels", id="255 channels"),
        pytest.param(wav(bytes(400), rate=1), "1 Hz", id="1 Hz"),
        pytest.param(wav(bytes(3200), tag=0x163, bits=16), "not supported", id="strange codec"),
    ],
)
async def test_shapes_that_can_not_be_heard_are_refused(
    decoder: AudioDecoder, content: bytes, reason: str
) -> None:
    with pytest.raises(AudioRejected, match=reason):
        await decoder.decode(content)


async def test_shapes_that_are_only_odd_are_heard(decoder: AudioDecoder) -> None:
    nan = np.full(SAMPLE_RATE, np.nan, np.float32).tobytes()
    assert (await decoder.decode(wav(nan, tag=3, bits=32))).seconds == 1.0
    fast = wav(tone(0.5, 768_000).tobytes(), rate=768_000)
    assert pitch(await decoder.decode(fast)) == pytest.approx(HERTZ, abs=4)
    assert (await decoder.decode(wav(bytes(16 * 3200), channels=8))).samples == 3200


@pytest.mark.parametrize("container", ["ogg", "webm"])
async def test_too_long_names_the_limit(decoder: AudioDecoder, container: str) -> None:
    with pytest.raises(AudioRejected, match="longer than the limit of 900 seconds"):
        await decoder.decode(long_opus(0.3, container))


async def test_a_header_that_lies_about_length_is_not_believed(decoder: AudioDecoder) -> None:
    short = bytearray(wav(tone(0.5, SAMPLE_RATE).tobytes()))
    short[40:44] = b"\xff\xff\xff\x7f"
    assert (await decoder.decode(short)).seconds == 0.5
