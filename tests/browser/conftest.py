"""A browser, and a sandbox to look at.

Playwright keeps an event loop running in this thread while it is open, and two loops in one thread are one too many: so
a browser is open for one module at a time, and what runs a loop of its own (`Stack.start`) is started before it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser import chromium
from tocsin.sandbox.config import SandboxConfig
from tocsin.sandbox.server import Sandbox


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Skip where there is no Chromium."""
    path = chromium.executable()
    if path is None:
        pytest.skip(
            f"no Chromium on the path (none of {', '.join(chromium.NAMES)}); Debian: apt-get install chromium"
        )
    return path


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with chromium.opened(chromium_path) as browser:
        yield browser


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile, wide enough for three columns."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, locale="en-GB")
    context.set_default_timeout(20_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxConfig(seconds_per_word=0, callback_waits=())) as sandbox:
        yield sandbox
