"""Runs as pictures: what traces and sessions become, cell by cell and packet by packet."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
from attrs import evolve

from rollproof.model.runs import sessions
from rollproof.model.runs.cells import Band, Row
from rollproof.model.runs.page import digest, explorer_page, explorer_script, gallery_page
from rollproof.model.runs.run import document_of
from rollproof.model.runs.sessions import TooLongError, run_of_session
from rollproof.model.runs.stories import run_of_story, under
from rollproof.model.search.search import Refuted, search
from rollproof.model.sessions.scenarios import SCENARIOS
from rollproof.model.sessions.session import run as run_session
from rollproof.model.theorems.properties import PROPERTIES
from rollproof.model.traces.trace import Story, story_of
from rollproof.model.variants.variants import VARIANTS
from rollproof.reference.protocol import PROTOCOL

LOSSY = SCENARIOS["active_input_with_packet_loss_20pct"]


@pytest.fixture(scope="module")
def trace():
    found = search(PROTOCOL.without("promote_frame", "no_rollback_pending"), [PROPERTIES["canonical_is_lockstep"]])
    assert isinstance(found, Refuted)
    return found.trace


@pytest.fixture(scope="module")
def lossy():
    return run_of_session(LOSSY.setup, PROTOCOL, LOSSY.title, LOSSY.promises)


# --- cells ---


def cells(band, known, record):
    return {(cell.row, cell.mark, cell.text) for cell in band.update([0], lambda _: known, lambda _: record)}


def test_the_life_of_a_cell():
    band = Band(("a", "b"), own=0)
    assert cells(band, (1, None), None) == {(0, "known", "1")}
    assert cells(band, (1, None), Row((1, 0), True)) == {
        (1, "predicted", "0"),
        (2, "speculative", ""),
        (0, "known", "1"),
    }
    assert cells(band, (1, 1), Row((1, 0), True)) == {(1, "wrong", "0≠1")}
    assert cells(band, (1, 1), None) == {(0, "known", "1"), (1, "known", "1"), (2, "", "")}
    assert cells(band, (1, 1), Row((1, 1), False)) >= {(1, "corrected", "1"), (2, "speculative", "")}
    assert cells(band, (1, 1), Row((1, 1), False, canonical=True)) == {(2, "canonical", "")}
    assert cells(band, (1, 1), Row((1, 0), False, canonical=True)) == {(1, "wrong", "0≠1"), (2, "wrong", "")}
    assert cells(band, (1, 1), Row((1, 1), False, canonical=True, unconfirmed=True)) >= {(2, "unconfirmed", "")}


def test_equal_for_python_is_not_equal_for_the_data():
    band = Band(("a", "b"), own=0)
    band.update([0], lambda _: (1, True), lambda _: Row((1, 1), False))
    assert band.shown[1, 0].mark == "wrong"


# --- traces ---


def test_a_trace_shows_the_guard_that_is_missing(trace):
    run = run_of_story(story_of(trace), "again")
    last = run.moments[-1]
    assert (last.name, last.without) == ("promote_frame", ("no_rollback_pending",))
    assert [each.mark for each in last.cells] == ["wrong"]
    assert run.verdict.moment == len(run.moments) - 1
    assert run.verdict.name == "canonical_is_lockstep"
    assert [guard.name for guard in run.transitions["promote_frame"].guards] == [
        guard.name for guard in PROTOCOL.transitions["promote_frame"].guards
    ]
    assert all(not each.without for each in run.moments[:-1])
    assert [(each.sender, each.receiver) for each in run.packets] == [("b", "a")]


def test_the_present_protocol_refuses_the_wrong_step(trace):
    present = under(trace, PROTOCOL)
    assert present.verdict is None
    refused = [(each.name, each.refused) for each in present.moments if each.refused]
    assert refused == [("promote_frame", "no_rollback_pending")]
    assert present.moments[-1].cells == ()


def test_under_its_own_protocol_a_trace_is_the_same(trace):
    own = PROTOCOL.without("promote_frame", "no_rollback_pending")
    assert under(trace, own).moments == run_of_story(story_of(trace)).moments


def test_an_effect_that_raises_elsewhere_is_told(trace):
    def broken(peer, *args):
        raise ZeroDivisionError

    changed = evolve(PROTOCOL.transitions["confirm_frame"], effect=broken)
    run = under(trace, PROTOCOL.replace("broken", changed))
    assert [each.refused for each in run.moments if each.name == "confirm_frame"] == ["an error: ZeroDivisionError"]


def test_a_story_without_states_is_drawn():
    story = Story("p", "i", "a", {}, (), None)
    assert json.loads(json.dumps(document_of(run_of_story(story))))["moments"] == []


# --- sessions ---


def test_a_recorded_session_is_the_same_session(lossy):
    result = run_session(LOSSY.setup, PROTOCOL)
    assert len(lossy.packets) == sum(len(each) for each in result.transits.values())
    assert sum(each.fate == "lost" for each in lossy.packets) == sum(
        not fate for each in result.transits.values() for fate in each
    )
    rollbacks = sum(each.name == "begin_rollback" for each in lossy.moments)
    assert rollbacks == sum(export.metrics["rollbacks"] for (export,) in result.exports.values())
    assert lossy.verdict.held


def test_a_session_ends_with_every_record_canonical(lossy):
    last = {}
    for moment in lossy.moments:
        for cell in moment.cells:
            last[moment.peer, cell.row, cell.frame] = cell.mark
    records = Counter(mark for (_, row, _), mark in last.items() if row == 2)
    assert records == {"canonical": 240}
    assert set(last.values()) == {"canonical", "known", "corrected"}
    assert sum(mark == "corrected" for mark in last.values()) > 10


def test_packets_know_the_moments_that_send_them_and_that_they_cause(lossy):
    for packet in lossy.packets:
        assert lossy.moments[packet.sent_by].peer == packet.sender
        for at, number in packet.arrivals:
            assert at >= packet.sent_at
            if number is not None:
                assert lossy.moments[number].peer == packet.receiver
                assert lossy.moments[number].at == at


def test_late_and_doubled_packets_are_seen():
    scenario = SCENARIOS["duplicate_and_reorder"]
    run = run_of_session(scenario.setup, PROTOCOL, "", scenario.promises)
    fates = Counter(each.fate for each in run.packets)
    assert fates["late"] > 0
    assert fates["twice"] > 0


def test_a_wrong_session_says_where():
    scenario = SCENARIOS["active_input_with_latency_100ms"]
    run = run_of_session(scenario.setup, VARIANTS["phase_61"].protocol, "", scenario.promises)
    assert not run.verdict.held
    moment = run.moments[run.verdict.moment]
    assert (moment.peer, moment.name) == (run.verdict.peer, "promote_frame")
    assert "no_rollback_pending" in moment.without or any(cell.mark == "wrong" for cell in moment.cells)


def test_episodes_begin_with_cleared_cells():
    scenario = SCENARIOS["three_episodes_in_a_row"]
    run = run_of_session(scenario.setup, PROTOCOL, "", scenario.promises)
    assert Counter(each.peer for each in run.moments if each.cleared) == {"a": 2, "b": 2}


def test_a_session_that_is_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(sessions, "MOST_MOMENTS", 50)
    with pytest.raises(TooLongError, match="more than 50 moments"):
        run_of_session(LOSSY.setup, PROTOCOL, "")


# --- pages ---


def test_a_page_loads_nothing_and_runs_nothing_of_a_run(trace):
    evil = "</script><script>alert(1)</script>"
    run = run_of_story(evolve(story_of(trace), protocol=evil, instance=evil), evil)
    page = explorer_page([run])
    assert page.count("<script") == 2
    assert not re.search(r"(src|href)=", page)
    assert page.count("http") == page.count("http-equiv") + page.count("http://www.w3.org/2000/svg")
    script = re.search(r'<script type="module">(.*?)</script>', page, re.DOTALL).group(1)
    assert f"script-src 'sha256-{digest(script)}'" in page


def test_the_modules_become_one_script():
    assert not re.search(r"^(import|export)\b", explorer_script(), re.MULTILINE)


def test_a_gallery_shows_each_run_under_its_heading(trace):
    run = run_of_story(story_of(trace))
    page = gallery_page({"one <b>": [run], "two": [run, under(trace, PROTOCOL)]}, "both")
    assert page.count("data-explorer=") >= 2
    assert "one &lt;b&gt;" in page
