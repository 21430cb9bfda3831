"""A real browser for tests of pages: Debian's Chromium, headless, from files, without a network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
AXE = ROOT / "build" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
"""The accessibility checker, which `make docs` sets up."""
WIDE, NARROW = (1440, 1000), (390, 844)


@contextmanager
def chromium(profile: Path) -> Iterator[Any]:
    """Yield a browser that reaches no network, and end it."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("Chromium is not installed")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--proxy-server=socks5://127.0.0.1:9",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        browser.execute_cdp_cmd("Network.enable", {})
        offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        browser.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
        size(browser, WIDE)
        yield browser
    finally:
        browser.quit()


def size(browser: Any, wanted: tuple[int, int]) -> None:
    """Give the page a size, in pixels."""
    width, height = wanted
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def prefer(browser: Any, **features: str) -> None:
    """Say what the reader prefers: `color_scheme`, `reduced_motion`."""
    wanted = [{"name": f"prefers-{name.replace('_', '-')}", "value": value} for name, value in features.items()]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": wanted})


def complaints(browser: Any) -> list[str]:
    """Return what the page has written to the console since the last time."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def accessibility(browser: Any) -> list[str]:
    """Return what the accessibility checker finds wrong with the page."""
    if not AXE.is_file() and "ROLLPROOF_SITE" not in os.environ:
        pytest.skip("the accessibility checker is not set up: make docs does it")
    browser.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
    browser.execute_script(AXE.read_text(encoding="utf-8"))
    found = browser.execute_async_script("const done = arguments[0]; axe.run(document).then(done);")
    return [f"{each['id']}: {each['nodes'][0]['html'][:160]}" for each in found["violations"]]
