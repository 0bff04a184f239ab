"""A real, headless Chromium."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")

HOW_TO_GET = "these tests need a browser: `apt install chromium`, or `.venv/bin/playwright install chromium`"


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's browser, else Playwright's own. Without one the test fails: it must not pass unnoticed."""
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, NAMES)), None) or playwright.chromium.executable_path
        if not Path(found).exists():
            pytest.fail(HOW_TO_GET)
        # Containers, as CI uses them, give Chromium no sandbox of its own; the pages are ours.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()
