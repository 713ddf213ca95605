"""The page that a person gets: complete, escaped, from nowhere else, and on A4."""

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sayso.billing.invoice_html import as_html
from sayso.billing.invoices import Invoice, InvoiceLine, Month, Party, UnitPrice, compose

TOKENS = UnitPrice(2_000_000, 1_000)
MINUTES = UnitPrice(6_000_000, 60_000)
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=1</script>'


def invoice(**changes: str) -> Invoice:
    lines = [
        InvoiceLine("proj_1", "gpt-3.5-turbo", "prompt_tokens", "launch", TOKENS, 12_345_678, 24_691_356_000),
        InvoiceLine("proj_1", "whisper-1", "audio_milliseconds", "launch", MINUTES, 3_661_400, 366_100_000),
        InvoiceLine("proj_2", HOSTILE, "completion_tokens", "launch", TOKENS, 1_777, 3_554_000),
    ]
    drafted = compose(
        Month(2026, 10),
        Party("org_1", f"Buyer & Söhne {HOSTILE}", (("proj_1", "Website"), ("proj_2", HOSTILE))),
        lines,
        credit_nano_usd=5_000_000_000,
        seller=f"Seller Ltd\n1 Street\n{HOSTILE}",
        note=f"Pay within 30 days.\n{HOSTILE}",
    )
    return replace(drafted, number="INV-000042", issued_at=1_793_900_000_000_000)


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data.split()

    @property
    def text(self) -> str:
        return " ".join(self.words)


def test_everything_is_on_the_page() -> None:
    text = Page(as_html(invoice())).text
    for part in (
        *("INV-000042", "2026-11-05", "October 2026", "2026-10-01 – 2026-10-31", "Seller Ltd", "1 Street"),
        *("Buyer & Söhne", "org_1", "Website", "12,345,678 tokens", "$0.002 per 1,000 tokens", "$24.69"),
        *("3,661 s", "$0.006 per minute", "$0.37", "1,777 tokens", "Credits and refunds −$5.00"),
        *("Sum $25.06", "Total $20.06", "Pay within 30 days."),
    ):
        assert part in text, part
    assert "Draft" not in text


def test_a_draft_says_so_and_has_no_number() -> None:
    text = Page(as_html(replace(invoice(), number=None, issued_at=None))).text
    assert "Draft: not issued, still changing" in text
    assert "Invoice number" not in text


def test_a_month_without_use_and_without_seller() -> None:
    text = Page(as_html(compose(Month(2026, 10), Party("org_1", "B"), []))).text
    assert "Nothing was used in this period." in text
    assert "Total $0.00" in text


def test_names_are_text_and_nothing_is_loaded() -> None:
    source = as_html(invoice())
    page = Page(source)
    assert not {"script", "img", "link", "iframe"} & {tag for tag, _ in page.tags}
    assert not [attributes for _, attributes in page.tags if attributes.keys() & {"src", "href", "onerror"}]
    assert "url(" not in source
    assert "://" not in source
    assert page.text.count("<script>document.title=1</script>") == 6


BROWSER = shutil.which("chromium")


def browse(page: Path, *options: str) -> str:
    assert BROWSER is not None
    command = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={page.parent / 'profile'}",
    ]
    done = subprocess.run(
        [*command, *options, page.as_uri()], capture_output=True, text=True, timeout=100, check=True
    )
    return done.stdout


@pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")
def test_a_browser_shows_it_and_prints_one_page_of_a4(tmp_path: Path) -> None:
    page = tmp_path / "invoice.html"
    page.write_text(as_html(invoice()), "utf-8")
    shown = Page(browse(page, "--dump-dom"))
    assert "Total $20.06" in shown.text
    assert "Invoice INV-000042 · October 2026" in shown.text, "the title is still the page's own"
    browse(page, f"--print-to-pdf={tmp_path / 'invoice.pdf'}", "--no-pdf-header-footer")
    pdf = (tmp_path / "invoice.pdf").read_bytes()
    boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", pdf)
    assert len(boxes) == 1
    width, height = (float(side) for side in boxes[0])
    assert (width, height) == pytest.approx((595, 842), abs=1.5)  # points
