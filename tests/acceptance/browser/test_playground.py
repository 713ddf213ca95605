"""The playground as a developer uses it: the real models, a real browser, a file and a microphone."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.browser.conftest import NewPage
from tests.acceptance.browser.looking import DESK, PHONE, hanging_over, picture, serious
from tests.acceptance.commands import new_admin_key
from tests.acceptance.running_server import RunningServer

PAGE = "/console/playground"
ANSWER_MS = 60_000  # on a busy machine
FIRST_PAGE_BYTES = 200_000
LONG_ANSWER = """{"type": "object", "properties": {"counted":
  {"type": "array", "items": {"type": "integer"}, "minItems": 200}}, "required": ["counted"]}"""

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory, speech_folder: Path) -> Path:
    """What the browser's microphone hears, over and over: a recording as plain PCM."""
    import av

    path = tmp_path_factory.mktemp("microphone") / "heard.wav"
    with av.open(str(speech_folder / "en" / "jfk" / "jfk.mp3")) as source, av.open(str(path), "w") as target:
        stream = target.add_stream("pcm_s16le", rate=48_000, layout="mono")
        resampler = av.AudioResampler(format="s16", layout="mono", rate=48_000)
        for frame in source.decode(audio=0):
            for one in resampler.resample(frame):
                target.mux(stream.encode(one))
        target.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def browser_options(microphone: Path) -> tuple[str, ...]:
    return (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}",
    )


@pytest.fixture(scope="module")
def admin_key(server: RunningServer) -> str:
    return new_admin_key(server.folder, "browser")


@pytest.fixture
def open_playground(new_page: NewPage, admin_key: str) -> Any:
    def open_it(**options: Any) -> Page:
        page = new_page(permissions=["microphone", "clipboard-write"], **options)
        page.goto(f"/console/sign-in?to={PAGE}")
        page.fill("#key", admin_key)
        page.click("#by-key button")
        expect(page.locator("#message")).to_be_visible()
        return page

    return open_it


def chosen(page: Page, example: str) -> None:
    page.locator("main .tools select").nth(1).select_option(example)


def answered(page: Page) -> str:
    expect(page.locator("button.primary", has_text="Send")).to_be_visible(timeout=ANSWER_MS)
    return page.locator(".turn.by-assistant .text").last.inner_text()


def heard(page: Page, recording: Path) -> None:
    page.get_by_role("button", name="Speech", exact=True).click()
    page.set_input_files("#file", recording)
    page.click(".hearing button.primary")
    expect(page.locator(".transport button").first).to_be_enabled(timeout=ANSWER_MS)


WATCH_GROWTH = """() => {
  window.lengths = [];
  new MutationObserver(() => {
    const said = document.querySelector(".turn.by-assistant .text");
    const stopping = document.querySelector(".composer button.danger");
    if (said && stopping && said.textContent.length !== lengths.at(-1)) lengths.push(said.textContent.length);
  }).observe(document.querySelector(".talk"), {childList: true, subtree: true, characterData: true});
}"""


WATCH_PLACE = """() => {
  window.places = [];
  const look = () => {
    const stop = document.querySelector(".composer button.danger")?.getBoundingClientRect();
    if (stop) places.push(stop);
    requestAnimationFrame(look);
  };
  look();
}"""


def test_tokens_arrive_one_after_another_and_are_counted(open_playground: Any) -> None:
    page = open_playground()
    chosen(page, "simple")
    page.evaluate(WATCH_GROWTH)
    page.get_by_role("button", name="Send").click()
    said = answered(page)
    lengths = page.evaluate("() => lengths.filter((length) => length > 0)")
    assert len(lengths) > 5  # while the button said Stop
    assert lengths == sorted(lengths)
    assert len(said) >= lengths[-1]
    figures = page.locator(".talk .figures").inner_text()
    read, written = (int(found) for found in re.findall(r"(\d+)(?: tokens read| written)", figures))
    assert written > 5
    dollars = float(re.search(r"US\$([\d.]+)", figures)[1])  # type: ignore[index]
    assert dollars == pytest.approx((read + written) * 0.002 / 1000, rel=0.01)


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_an_answer_can_be_stopped_and_the_conversation_goes_on(
    open_playground: Any, size: tuple[int, int]
) -> None:
    page = open_playground(size=size)
    if size == PHONE:
        page.get_by_text("Settings").click()
    page.get_by_label("Most tokens").fill("400")
    page.get_by_label("Answer's format").select_option("json_schema")
    page.get_by_label("JSON schema").fill(LONG_ANSWER)
    page.evaluate(WATCH_PLACE)
    page.locator("#message").fill("Count from one to two hundred.")
    page.locator("#message").press("Enter")
    expect(page.locator(".talk .figures")).to_contain_text("tokens/s", timeout=ANSWER_MS)
    page.get_by_role("button", name="Stop", exact=True).click()
    answered(page)
    expect(page.get_by_text("Stopped.")).to_be_visible()
    expect(page.locator(".turn")).to_have_count(2)  # the click on Stop does not send
    for side in ("left", "top"):  # the button stood still for whoever reached for it
        places = page.evaluate(f"() => places.map((place) => place.{side})")
        assert max(places) - min(places) < 1  # pixel
    assert int(page.locator(".talk .figures").get_attribute("data-tokens") or 0) < 400
    page.get_by_label("Answer's format").select_option("text")
    page.get_by_label("Most tokens").fill("2")
    page.locator("#message").fill("Tell me about Paris.")
    page.locator("#message").press("Enter")
    expect(page.locator(".turn.by-assistant")).to_have_count(2, timeout=ANSWER_MS)
    answered(page)
    expect(page.get_by_text("The answer was cut at the most tokens.")).to_be_visible()


def test_parameters_reach_the_model_and_refusals_their_field(
    open_playground: Any, watched: dict[Any, Any]
) -> None:
    page = open_playground()
    page.locator("#message").fill("Give a name and an age.")
    page.get_by_label("Answer's format").select_option("json_schema")
    page.get_by_label("JSON schema").fill("{")
    page.locator("#message").press("Enter")
    expect(page.get_by_text("This is not JSON")).to_be_visible()
    schema = (
        '{"type": "object", "properties": {"age": {"type": "integer", "maximum": 99}}, "required": ["age"]}'
    )
    page.get_by_label("JSON schema").fill(schema)
    page.get_by_label("Most tokens").fill("40")
    page.get_by_text("More parameters").click()
    page.get_by_label("Probabilities of tokens").check()
    page.get_by_label("Temperature").first.fill("7")
    page.locator("#message").press("Enter")
    expect(page.locator(".settings [aria-invalid=true]")).to_have_value("7")
    page.get_by_label("Temperature").first.fill("0")
    page.locator("#message").press("Enter")
    assert '"age"' in answered(page)
    page.get_by_text("Probabilities", exact=True).click()
    expect(page.locator(".tokens li").first).to_contain_text("%")
    watched[page.context].check(but=("400 (Bad Request)",))


def test_the_code_is_the_request_and_holds_no_key(
    open_playground: Any, admin_key: str, server: RunningServer, tmp_path: Path
) -> None:
    page = open_playground()
    page.locator("#message").fill("It's \"one\" day,\nisn't it?")
    page.get_by_label("Most tokens").fill("5")
    page.get_by_role("button", name="Show code").click()
    texts = {}
    for name in ("Python", "Node", "curl"):
        page.get_by_role("button", name=name, exact=True).click()
        texts[name] = page.locator("dialog pre").inner_text()
        assert "sk-sayso" not in texts[name]
        assert admin_key not in texts[name]
    picture(page, "playground-code", whole=False)
    assert serious(page) == []
    environment = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": server.key, "PATH": "/usr/bin:/bin"}
    for command in ([sys.executable, "-c", texts["Python"]], ["bash", "-c", texts["curl"]]):
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()
        assert "error" not in done.stdout


@pytest.mark.speech
def test_a_file_is_transcribed_and_plays_from_where_one_clicks(open_playground: Any, recording: Path) -> None:
    page = open_playground()
    heard(page, recording)
    expect(page.locator(".found")).to_have_text("Language: English")
    expect(page.locator(".segments-heard")).to_contain_text("ask not what your country can do for you")
    assert page.locator(".word").count() == 22
    page.locator(".word", has_text="Americans").click()  # said at 1.6 s of 11
    expect(page.locator(".word.now").first).to_be_visible()
    expect(page.locator(".time")).to_have_text(re.compile(r"0:0[1-9] / 0:11"))
    page.get_by_role("button", name="Pause").click()
    box = page.locator(".wave").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.8, box["y"] + 20)
    expect(page.locator(".time")).to_have_text(re.compile(r"0:0[89] / 0:11"))
    for name, ending, first in (("SRT", "srt", "1\n00:00:00,"), ("WebVTT", "vtt", "WEBVTT\n\n00:00:00.")):
        with page.expect_download() as download:
            page.get_by_role("button", name=name, exact=True).click()
        assert download.value.suggested_filename == f"jfk.{ending}"
        text = Path(download.value.path()).read_text("utf-8")
        assert text.startswith(first)
        assert "ask what you can do for your country." in text
    page.get_by_role("button", name="Answer it").click()
    expect(page.locator("#message")).to_have_value(re.compile("ask not what"))


@pytest.mark.speech
def test_the_microphone_is_recorded_and_transcribed(open_playground: Any) -> None:
    page = open_playground()
    page.get_by_role("button", name="Speech", exact=True).click()
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.get_by_role("button", name=re.compile("Stop recording, 0:0[5-9]"))).to_be_visible(
        timeout=30_000
    )
    page.get_by_role("button", name="Stop recording").click()
    expect(page.locator(".chosen")).to_contain_text("recording.")
    page.click(".hearing button.primary")
    expect(page.locator(".transport button").first).to_be_enabled(timeout=ANSWER_MS)
    expect(page.locator(".segments-heard")).to_contain_text(
        re.compile("fellow|ask not|country", re.IGNORECASE)
    )


@pytest.mark.speech
@pytest.mark.long
def test_another_language_is_named_and_translated(open_playground: Any, speech_folder: Path) -> None:
    page = open_playground(locale="zh-CN")
    page.get_by_role("button", name="语音", exact=True).click()
    page.set_input_files("#file", speech_folder / "de" / "fleurs" / "fleurs-de-000.ogg")
    page.locator("#task").select_option("identify")
    page.click(".hearing button.primary")
    expect(page.locator(".languages-found li").first).to_contain_text("德语", timeout=ANSWER_MS)
    page.locator("#task").select_option("transcribe")
    page.click(".hearing button.primary")
    expect(page.locator(".found")).to_have_text("语言：德语", timeout=ANSWER_MS)
    page.get_by_role("button", name="译成英文").click()
    expect(page.locator(".translation p")).not_to_be_empty(timeout=ANSWER_MS)
    assert serious(page) == []


@pytest.mark.speech
@pytest.mark.parametrize(
    ("size", "scheme", "locale"),
    [(PHONE, "light", "en-GB"), pytest.param(DESK, "dark", "zh-CN", marks=pytest.mark.long)],
)
def test_it_can_be_read_in_every_shape(
    open_playground: Any, recording: Path, size: tuple[int, int], scheme: str, locale: str
) -> None:
    page = open_playground(size=size, scheme=scheme, locale=locale)
    shape = f"{'phone' if size == PHONE else 'desk'}-{scheme}"
    chosen(page, "poem")
    page.locator("#message").press("Enter")
    expect(page.locator(".composer button.primary")).to_be_visible(timeout=ANSWER_MS)
    assert serious(page) == []
    assert hanging_over(page) == 0
    picture(page, f"playground-chat-{shape}", whole=False)
    page.locator(".segments button").nth(1).click()
    page.set_input_files("#file", recording)
    page.click(".hearing button.primary")
    expect(page.locator(".transport button").first).to_be_enabled(timeout=ANSWER_MS)
    assert serious(page) == []
    assert hanging_over(page) == 0
    picture(page, f"playground-speech-{shape}")


def test_the_first_page_is_small_and_nothing_waits_for_the_waveform(
    new_page: NewPage, admin_key: str
) -> None:
    page = new_page()
    page.goto(f"/console/sign-in?to={PAGE}")
    page.fill("#key", admin_key)
    sizes: dict[str, int] = {}
    page.on("requestfinished", lambda one: sizes.update({one.url: one.sizes()["responseBodySize"]}))
    page.click("#by-key button")
    expect(page.locator("#message")).to_be_visible()
    page.wait_for_load_state("networkidle")
    print({url.rsplit("/", 1)[1]: size for url, size in sizes.items()}, sum(sizes.values()))
    assert 20_000 < sum(sizes.values()) < FIRST_PAGE_BYTES
    assert not [url for url in sizes if "wavesurfer" in url]
