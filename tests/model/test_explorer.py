"""The explorer in a real browser: steps, jumps, comparisons, links, the keyboard, and that nothing complains."""

from __future__ import annotations

import json

import pytest

from rollproof.model.runs.page import explorer_page, gallery_page
from rollproof.model.runs.run import Moment, Run
from rollproof.model.runs.sessions import run_of_session
from rollproof.model.runs.stories import run_of_story, under
from rollproof.model.search.search import search
from rollproof.model.sessions.scenarios import SCENARIOS
from rollproof.model.theorems.properties import PROPERTIES
from rollproof.model.traces.trace import story_of
from rollproof.model.variants.variants import VARIANTS
from rollproof.reference.protocol import PROTOCOL
from tests.browsing import NARROW, WIDE, accessibility, chromium, complaints, prefer, size

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    found = search(PROTOCOL.without("promote_frame", "no_rollback_pending"), [PROPERTIES["canonical_is_lockstep"]])
    runs = [run_of_story(story_of(found.trace), "rollproof again"), under(found.trace, PROTOCOL)]
    scenario = SCENARIOS["active_input_with_packet_loss_20pct"]
    old = VARIANTS["phase_61"].protocol
    sessions = [run_of_session(scenario.setup, each, scenario.title, scenario.promises) for each in (old, PROTOCOL)]
    made = {
        "trace": explorer_page(runs[:1]),
        "pair": explorer_page(runs),
        "session": explorer_page(sessions[1:]),
        "sessions": explorer_page(sessions),
        "gallery": gallery_page({"first": runs[:1], "second": runs}, "gallery"),
    }
    for name, text in made.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def nothing_complains(browser):
    size(browser, WIDE)
    prefer(browser, color_scheme="light", reduced_motion="no-preference")
    yield
    assert complaints(browser) == []


def open_page(browser, pages, name, place=""):
    browser.get("about:blank")
    browser.get(f"{(pages / f'{name}.html').as_uri()}{place}")


def do(browser, name):
    browser.execute_script(f"document.querySelector('[data-do={name}]').click()")


def text(browser, selector):
    return browser.execute_script("return document.querySelector(arguments[0])?.textContent ?? null", selector)


def cell(browser, label):
    return browser.execute_script(
        "return document.querySelector(`td[aria-label^='${arguments[0]}']`)?.className", label
    )


def test_steps_forward_and_back(browser, pages):
    open_page(browser, pages, "trace", "#step=0")
    assert text(browser, ".counter") == "step 0 of 6"
    for _ in range(4):
        do(browser, "step")
    assert text(browser, ".counter") == "step 4 of 6"
    assert "wrong" in cell(browser, "peer a, input of b, frame 0: wrong 0≠1")
    assert "drain_input" in text(browser, ".details .moment")
    assert "queue_has_input" in text(browser, ".guards")
    do(browser, "back")
    assert "predicted" in cell(browser, "peer a, input of b, frame 0: predicted 0")
    do(browser, "end")
    do(browser, "start")
    assert cell(browser, "peer a, input of b, frame 0").split() == ["cell", "none", "at-frame"]


def test_going_back_undoes_everything(browser, pages):
    open_page(browser, pages, "session")
    told = browser.execute_script(
        """
        const { timeline } = document.querySelector("[data-explorer]").explorer.sides[0];
        const marked = (cells) => [...cells].filter(([, cell]) => cell[0]).sort();
        const cells = () => [...timeline.cells].map(([peer, cells]) => [peer, marked(cells)]);
        const shown = () => JSON.stringify([cells(), [...timeline.values]]);
        timeline.seek(700); const one = shown();
        timeline.seek(timeline.length); timeline.seek(700); const other = shown();
        timeline.seek(0); const start = shown();
        return [one === other, one.length > 5000, start.includes("canonical")];
        """
    )
    assert told == [True, True, False]


def test_jumps(browser, pages):
    open_page(browser, pages, "session", "#step=0")
    do(browser, "rollback")
    assert "begin_rollback" in text(browser, ".details .moment")
    first = text(browser, ".counter")
    do(browser, "rollback")
    assert text(browser, ".counter") != first
    do(browser, "loss")
    assert browser.execute_script("return document.querySelectorAll('.chart .lost').length") > 0
    open_page(browser, pages, "trace", "#step=0")
    do(browser, "violation")
    assert text(browser, ".counter") == "step 6 of 6"
    assert "would have refused" in text(browser, ".guards .bad")
    assert "Here something is violated" in text(browser, ".live")


def test_two_runs_in_step(browser, pages):
    open_page(browser, pages, "pair", "#step=0")
    do(browser, "differ")
    sides = browser.execute_script("return [...document.querySelectorAll('.side .details')].map((e) => e.textContent)")
    assert text(browser, ".counter") == "step 6 of 6"
    assert "would have refused, and is not there" in sides[0]
    assert "Refused by no_rollback_pending: nothing happens" in sides[1]
    assert browser.execute_script("return document.querySelectorAll('td.differs').length") == 2


def test_two_sessions_in_step(browser, pages):
    open_page(browser, pages, "sessions", "#step=0")
    do(browser, "differ")
    place = browser.execute_script(
        "const e = document.querySelector('[data-explorer]').explorer; return [e.position, e.pairs[e.position - 1]]"
    )
    assert place[1][0] == place[1][1] == place[0] - 1
    times = browser.execute_script(
        "const { explorer } = document.querySelector('[data-explorer]');"
        "explorer.go(900); return explorer.sides.map((side) => side.timeline.now)"
    )
    assert abs(times[0] - times[1]) <= 20


def test_the_place_is_in_the_address(browser, pages):
    open_page(browser, pages, "trace", "#step=3&cell=0.1.0")
    assert text(browser, ".counter") == "step 3 of 6"
    assert "the prediction that b does 0" in text(browser, ".cell-told")
    do(browser, "step")
    assert browser.current_url.endswith("#step=4&cell=0.1.0")
    browser.execute_script("location.hash = 'step=2'")
    browser.execute_async_script("setTimeout(arguments[0], 50)")
    assert text(browser, ".counter") == "step 2 of 6"
    for nonsense in ("#step=-1", "#step=99999999", "#step=1&cell=9.9.9", "#%zz", "#step=1e9"):
        open_page(browser, pages, "trace", nonsense)
        assert "of 6" in text(browser, ".counter")
    open_page(browser, pages, "gallery", "#of=run-2&step=5")
    assert (
        browser.execute_script(
            "return document.querySelectorAll('details.group[open] .explorer .counter')[0].textContent"
        )
        == "step 5 of 6"
    )


def test_the_keyboard_is_enough(browser, pages):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    open_page(browser, pages, "trace", "#step=3")
    grid = browser.find_element(By.CSS_SELECTOR, "td[tabindex='0']")
    assert browser.execute_script("return document.querySelectorAll('td[tabindex=\"0\"]').length") == 1
    browser.execute_script("arguments[0].focus()", grid)
    browser.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    assert browser.switch_to.active_element.get_attribute("aria-label") == "peer a, input of b, frame 0: predicted 0"
    for _ in range(2):
        browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    assert browser.switch_to.active_element.get_attribute("aria-label").startswith("peer a, input of b, frame 2")
    browser.switch_to.active_element.send_keys(".")
    assert text(browser, ".counter") == "step 4 of 6"
    browser.switch_to.active_element.send_keys("v")
    assert text(browser, ".counter") == "step 6 of 6"
    browser.switch_to.active_element.send_keys(",")
    assert text(browser, ".counter") == "step 5 of 6"


def test_playing_and_pausing(browser, pages):
    open_page(browser, pages, "trace", "#step=0")
    browser.execute_script(
        "const e = document.querySelector('[data-explorer]').explorer; e.speed.value = 100; e.toggle()"
    )
    browser.execute_async_script("setTimeout(arguments[0], 2500)")
    assert text(browser, ".counter") == "step 6 of 6"
    assert text(browser, "[data-do=play]") == "▶ play"


@pytest.mark.parametrize("name", ["trace", "pair", "session", "gallery"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_inaccessible(browser, pages, name, scheme):
    prefer(browser, color_scheme=scheme, reduced_motion="reduce")
    open_page(browser, pages, name, "#step=5")
    assert accessibility(browser) == []


@pytest.mark.parametrize("name", ["trace", "pair", "session", "gallery"])
def test_a_narrow_page_fits(browser, pages, name):
    size(browser, NARROW)
    open_page(browser, pages, name, "#step=5")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= NARROW[0]


def test_many_moments_are_no_burden(browser, tmp_path):
    run = Run("long", "", "present", "ms", ("a", "b"), ("a", "b"), start={"a": {"frame": 0}, "b": {"frame": 0}})
    scenario = SCENARIOS["active_input_with_packet_loss_20pct"]
    short = run_of_session(scenario.setup, PROTOCOL, scenario.title)
    run.moments = [*short.moments] * (20_000 // len(short.moments) + 1)
    run.packets, run.transitions = short.packets, short.transitions
    assert all(isinstance(each, Moment) for each in run.moments)
    page = tmp_path / "long.html"
    page.write_text(explorer_page([run]), encoding="utf-8")
    browser.get(f"{page.as_uri()}#step=20000")
    assert text(browser, ".counter").startswith("step 20000")
    # Work is counted, not timed: a step touches the cells in view, whatever the length of the run.
    told = json.loads(
        browser.execute_script(
            """
            const e = document.querySelector("[data-explorer]").explorer;
            let touched = 0;
            const seen = new MutationObserver((list) => (touched += list.length));
            const what = { attributes: true, childList: true, subtree: true, characterData: true };
            seen.observe(e.sides[0].grid.table, what);
            e.go(e.position - 1);
            touched += seen.takeRecords().length;
            return JSON.stringify([touched, e.sides[0].grid.table.querySelectorAll("td").length]);
            """
        )
    )
    assert told[0] < 300
    assert told[1] < 400
