"""A page in headless Chromium; a test that fails leaves a picture of it under build/."""

import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from local.azurite import ROOT

PICTURES = ROOT / "build" / "browser"

QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
)
"""So that Chromium asks nobody but the pages under test."""

TIMEOUT = 120_000
"""Milliseconds for anything that a test waits for: programs that start for the first time on a busy machine."""


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium of the system's; Playwright's own would have to be downloaded."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert found, "there is no chromium, chromium-browser or google-chrome on the PATH: make browser"
    return found


@pytest.fixture
def page(chromium: str) -> Iterator[Page]:
    """Of a browser of its own, without cookies. Ended with the test: Playwright's event loop must not outlive it."""
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=QUIET) as browser,
        browser.new_context(viewport={"width": 1280, "height": 800}) as context,
    ):
        context.set_default_timeout(TIMEOUT)
        expect.set_options(timeout=TIMEOUT)
        yield context.new_page()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Takes the picture while the page is still there, before the fixtures end."""
    report = yield
    page = getattr(item, "funcargs", {}).get("page")
    if report.when == "call" and report.failed and isinstance(page, Page):
        PICTURES.mkdir(parents=True, exist_ok=True)
        picture = PICTURES / f"{re.sub(r'\W+', '-', item.name)}.png"
        page.screenshot(path=picture)
        report.sections.append(("page", f"{page.url}\n{picture}"))
    return report
