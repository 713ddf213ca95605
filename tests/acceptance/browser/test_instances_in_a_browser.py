"""A dedicated instance with the real model, made and stopped in the console."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.acceptance.browser.conftest import NewPage
from tests.acceptance.browser.consoles import open_page, sign_in
from tests.acceptance.browser.looking import hanging_over, picture, serious
from tests.acceptance.commands import new_admin_key
from tests.acceptance.dedicated_servers import write_settings
from tests.acceptance.running_server import RunningServer, start_server

PATIENCE = 120_000  # milliseconds


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One with a core for instances."""
    folder = tmp_path_factory.mktemp("instances")
    write_settings(folder)
    running = start_server(folder)
    try:
        yield running
    finally:
        running.stop()


@pytest.mark.long
@pytest.mark.timeout(400)
def test_an_instance_is_made_looked_at_and_stopped(new_page: NewPage, server: RunningServer) -> None:
    page = new_page()
    sign_in(page, new_admin_key(server.folder, "browser"))
    open_page(page, "instances")
    expect(page.get_by_role("heading", name="There are no dedicated instances")).to_be_visible()
    page.get_by_role("button", name="Create instance").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("mine")
    dialog.get_by_label("Model").select_option("gpt-3.5-turbo")
    dialog.get_by_label("Memory in MiB").fill("4096")
    assert serious(page) == []
    dialog.get_by_role("button", name="Create instance").click()
    row = page.get_by_role("row").filter(has_text="mine").first
    expect(row.locator(".tag")).to_have_text("ready", timeout=PATIENCE)
    expect(row).to_contain_text("0 of 8")
    expect(page.get_by_role("heading", name="Break-even")).to_be_visible()
    expect(page.get_by_role("heading", name="Time that is paid for")).to_be_visible()
    expect(page.get_by_role("heading", name="In use, the last 24 hours")).to_be_visible()
    expect(page.get_by_text(re.compile("on average, 0% at most"))).to_be_visible(timeout=PATIENCE)
    assert serious(page) == []
    assert hanging_over(page) == 0
    picture(page, "console-instance-ready")
    row.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(row.locator(".tag")).to_have_text("stopped", timeout=PATIENCE)
    expect(row.get_by_role("button", name="Start")).to_be_visible()
    row.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="There are no dedicated instances")).to_be_visible(
        timeout=PATIENCE
    )
