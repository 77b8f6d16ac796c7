"""`python -m tests.browser.pictures`: take the README's pictures anew, from an incident that is answered in a browser.

It needs a Chromium on the path and about half a minute, and writes `docs/images/sandbox.png` and `temporal-ui.png`.
Look at them before they are committed.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser import chromium
from tests.browser.scenes import PATIENCE, answer_the_phone, open_details, open_incident
from tocsin.embedded.demo import PAYLOAD
from tocsin.embedded.play import Play
from tocsin.embedded.stack import ROOT, Ports, Stack
from tocsin.settings import environment

IMAGES = ROOT / "docs" / "images"
SPEED = 120
"""Ten minutes until the phone rings are five seconds."""

MOST_BYTES = 250_000
COLOURS = 96
"""A page has few; so many are enough for the edges of its letters."""


def main() -> int:
    """Take both pictures; the exit status."""
    path = chromium.executable()
    if path is None:
        print(f"no Chromium on the path (none of {', '.join(chromium.NAMES)})", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="tocsin-pictures-") as folder:
        stack = Stack(Path(folder), environment(), Ports.free(), drill_speed=SPEED)
        stack.start()  # before the browser: Playwright keeps an event loop running in this thread
        try:
            with chromium.opened(path) as browser:
                take_pictures(browser, stack)
        finally:
            stack.stop()
    return 0


def take_pictures(browser: Browser, stack: Stack) -> None:
    """An alert; the call is answered on the sandbox's page; Temporal's UI shows who answered."""
    page = browser.new_page(viewport={"width": 1400, "height": 860}, locale="en-GB", device_scale_factor=1.5)
    play = Play(stack)
    workflow = play.alert(json.loads(PAYLOAD.read_text()))["workflow"]
    play.close()
    answer_the_phone(page, stack)
    expect(page.locator("#mails > .card").nth(2)).to_be_visible(timeout=PATIENCE)
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    keep(page.screenshot(), "sandbox.png")
    picture_of_incident(page, stack, workflow)


def picture_of_incident(page: Page, stack: Stack, workflow: str) -> None:
    """The incident's own words in Temporal's UI, without the UI's menus."""
    page.set_viewport_size({"width": 1400, "height": 1200})
    open_incident(page, stack, workflow)
    details = open_details(page)
    expect(details.get_by_role("row").filter(has_text="acknowledged by @kim")).to_be_visible(timeout=PATIENCE)
    keep(page.locator("main").screenshot(), "temporal-ui.png")


def keep(png: bytes, name: str) -> None:
    """Write a picture with few colours. Raises `ValueError` when it is too large for a README."""
    small = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS).save(small, "PNG", optimize=True)
    if small.tell() > MOST_BYTES:
        raise ValueError(f"{name} has {small.tell()} bytes; a README's picture has at most {MOST_BYTES}")
    (IMAGES / name).write_bytes(small.getvalue())
    print(f"docs/images/{name}: {small.tell():,} bytes")


if __name__ == "__main__":
    sys.exit(main())
