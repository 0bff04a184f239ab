"""A real, headless Chromium. `python -m tests.support.browser` gets one, which `make test` does first."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")

HOW_TO_GET = "no Chromium that starts; as root: apt install chromium"

APT = (["apt-get", "update"], ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"])

PLAYWRIGHT = ([sys.executable, "-m", "playwright", "install", "--no-shell", "chromium"],)

TIMEOUT_S = 600
"""Of one command; about 200 MB are downloaded."""


def find_browser() -> str | None:
    """The system's Chromium, else Playwright's own; None where neither starts, say for want of a library."""
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return next((path for path in [*map(shutil.which, NAMES), own] if path and _succeeds([path, "--version"])), None)


def get_browser() -> str | None:
    """The browser that is there, else Debian's where this may install it, else Playwright's; None without success."""
    ways = [PLAYWRIGHT]
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        ways.insert(0, APT)
    while not (found := find_browser()) and ways:
        for command in ways.pop(0):
            sys.stderr.write(f"+ {shlex.join(command)}\n")
            if not _succeeds(command):
                break
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; without one the tests are skipped, and pytest's summary names each of them."""
    if not (found := find_browser()):
        pytest.skip(HOW_TO_GET)
    with sync_playwright() as playwright:
        # Containers, as CI uses them, give Chromium no sandbox of its own; the pages are ours.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


def _succeeds(command: list[str]) -> bool:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


if __name__ == "__main__":
    if not get_browser():
        sys.stderr.write(f"warning: the tests of the live page are left out: {HOW_TO_GET}\n")
