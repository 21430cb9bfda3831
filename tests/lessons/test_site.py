"""The site in a real browser, from files and without a network: `make docs-test` makes it first."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rollproof.lessons.chapters.book import CHAPTERS, EXERCISES
from rollproof.lessons.laboratory.edits import source_of
from rollproof.lessons.site.build import PAGES
from tests.browsing import NARROW, ROOT, WIDE, accessibility, chromium, complaints, prefer, size
from tests.lessons.test_exercises import RIGHT, WRONG

SITE = ROOT / os.environ.get("ROLLPROOF_SITE", "build/site")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif("ROLLPROOF_SITE" not in os.environ, reason="make docs-test makes the site, and tests it"),
]
NAMES = [*(name for name, _ in PAGES), *(f"lesson-{number}.html" for number, _ in enumerate(CHAPTERS, 1))]
WRONG_EDIT = source_of("buffers").replace("peer.confirmed + 1 < peer.frame", "peer.confirmed < peer.frame")
LONG_S = 600
"""How long anything may take on a busy machine. Nothing is judged by time here."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        opened.set_script_timeout(LONG_S)
        yield opened


@pytest.fixture(autouse=True)
def nothing_complains(browser: Any) -> Any:
    size(browser, WIDE)
    prefer(browser, color_scheme="light", reduced_motion="no-preference")
    yield
    assert complaints(browser) == []


def visit(browser: Any, name: str) -> None:
    browser.get("about:blank")
    browser.get((SITE / name).as_uri())


def wait(holds: Callable[[], Any]) -> Any:
    end = time.monotonic() + LONG_S
    while time.monotonic() < end:
        found = holds()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("it does not come")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_fits(browser: Any, name: str, scheme: str) -> None:
    prefer(browser, color_scheme=scheme, reduced_motion="reduce")
    visit(browser, name)
    assert browser.execute_script("return document.querySelectorAll('h1').length") == 1
    assert accessibility(browser) == []
    size(browser, NARROW)
    visit(browser, name)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= NARROW[0]


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(browser: Any, name: str) -> None:
    visit(browser, name)
    links = browser.execute_script(
        "return [...document.querySelectorAll('a[href]')].map((a) => a.getAttribute('href'))"
    )
    for link in links:
        target = link.partition("#")[0]
        assert not target or target.startswith("http") or (SITE / target).is_file(), link


# --- the playground ---


@pytest.fixture(scope="module")
def playground(browser: Any) -> Any:
    visit(browser, "playground.html")
    wait(lambda: verdict(browser))
    return browser


def verdict(browser: Any) -> str | None:
    found: str | None = browser.execute_script("return globalThis.playground?.verdict ?? null")
    return found


def said(browser: Any) -> str:
    text: str = browser.execute_script("return document.querySelector('#playground .status-line').textContent")
    return text


def typed(browser: Any, file: str, text: str) -> None:
    browser.execute_script(
        """
        const { playground } = globalThis;
        playground.verdict = null;
        playground.open(arguments[0]);
        playground.editor.value = arguments[1];
        playground.editor.dispatchEvent(new Event("input"));
        """,
        file,
        text,
    )


def reset(browser: Any) -> None:
    browser.execute_script("playground.verdict = null; document.querySelector('[data-do=reset]').click()")


def test_a_removed_guard_is_refuted_and_drawn(playground: Any) -> None:
    assert verdict(playground) == "refuted"
    assert "Refuted after 6 steps" in said(playground)
    told = playground.execute_script("return document.querySelector('.guards .bad').textContent")
    assert "no_rollback_pending would have refused" in told


def test_a_typed_edit_is_refuted_and_kept_on_reload(playground: Any) -> None:
    reset(playground)
    typed(playground, "buffers", WRONG_EDIT)
    wait(lambda: verdict(playground) == "refuted")
    assert "confirmed_prefix_has_no_holes" in said(playground)
    visit(playground, "playground.html")
    wait(lambda: verdict(playground) == "refuted")
    assert playground.execute_script("return playground.editor.value") == WRONG_EDIT


def test_nonsense_is_told_with_its_line(playground: Any) -> None:
    reset(playground)
    typed(playground, "guards", source_of("guards") + "\ndef f(:\n")
    wait(lambda: verdict(playground) == "unusable")
    line = source_of("guards").count("\n") + 2
    assert f"guards.py, line {line}" in said(playground)


def test_an_endless_loop_is_stopped_and_nothing_is_lost(playground: Any) -> None:
    reset(playground)
    looping = "    frame = peer.confirmed + 1\n    while True:\n        frame += 0\n    return evolve"
    text = source_of("buffers").replace("    frame = peer.confirmed + 1\n    return evolve", looping)
    assert text != source_of("buffers")
    playground.execute_script("playground.patience = 20000")
    typed(playground, "buffers", text)
    wait(lambda: verdict(playground) == "stopped")
    assert f"buffers.py, line {text[: text.index('while')].count(chr(10)) + 1}" in said(playground)
    assert playground.execute_script("return playground.editor.value") == text
    typed(
        playground,
        "buffers",
        source_of("buffers").replace("peer.confirmed + 1 < peer.frame", "peer.confirmed < peer.frame"),
    )
    wait(lambda: verdict(playground) == "refuted")


def test_the_page_stays_responsive_and_proves_everything(playground: Any, tmp_path: Path) -> None:
    from rollproof.cli import run

    reset(playground)
    wait(lambda: playground.execute_script("return document.querySelector('progress') !== null"))
    beats = playground.execute_async_script(
        "const done = arguments[0]; let beats = 0;"
        "const timer = setInterval(() => { beats += 1; if (beats === 20) { clearInterval(timer); done(beats); } }, 20);"
    )
    assert beats == 20
    wait(lambda: verdict(playground) == "proved")
    report = tmp_path / "report.json"
    assert run(["verify", "--proof-only", "--json", str(report)]) == 0
    import json

    total = sum(each["obligations"] for each in json.loads(report.read_text())["theorems"])
    assert playground.execute_script("return playground.total") == total


def test_a_live_session_with_a_lost_packet_ends_with_equal_exports(playground: Any) -> None:
    playground.execute_async_script(
        "const done = arguments[0]; live.numbers.loss_percent.value = 0; live.begin({ frames: 60, seed: 3 }).then(done)"
    )
    wait(
        lambda: playground.execute_script(
            "live.press('a', 3); return live.run.packets.some((p) => p.fate === 'under way')"
        )
    )
    playground.execute_async_script(
        "const done = arguments[0]; live.pause();"
        "live.alter(live.run.packets.findIndex((p) => p.fate === 'under way')).then(done)"
    )
    assert playground.execute_script("return live.run.packets.filter((p) => p.fate === 'lost').length") == 1
    playground.execute_script("document.getElementById('live-speed').value = 1; live.play()")
    wait(lambda: playground.execute_script("return live.over"))
    assert playground.execute_script("return [live.differing, live.status.textContent]") == [
        0,
        "✓ No cell differs between the exports.",
    ]
    assert accessibility(playground) == []


# --- the exercises ---


@pytest.mark.parametrize("number", EXERCISES)
def test_an_exercise_is_checked_in_the_page(browser: Any, number: str) -> None:
    visit(browser, f"lesson-{number.partition('.')[0]}.html")
    script = """
        const done = arguments[2];
        const { box } = document.querySelector(`[data-exercise="${arguments[0]}"]`);
        box.input.value = arguments[1];
        box.input.dispatchEvent(new Event("input"));
        box.check().then(() => done([box.passed, box.status.textContent]));
    """
    wrong, told = WRONG[number][0]
    passed, text = browser.execute_async_script(script, number, wrong)
    assert not passed
    assert told in text
    passed, text = browser.execute_async_script(script, number, RIGHT[number])
    assert passed, text
    browser.refresh()
    kept = browser.execute_script(
        "return document.querySelector(`[data-exercise='${arguments[0]}'] textarea`).value", number
    )
    assert kept == RIGHT[number]
