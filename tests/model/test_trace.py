"""Traces: told as text, diagram and ITF (read back by a reader that is not ours), saved, loaded, and refused."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import itf_py
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from rollproof.cli import run
from rollproof.model.documents import DocumentError
from rollproof.model.search.agreement import search_pairs
from rollproof.model.search.instances import INSTANCES
from rollproof.model.search.search import Refuted, search
from rollproof.model.theorems.properties import NEVER_CRASHES, of_scope
from rollproof.model.theorems.property import Property
from rollproof.model.traces import itf
from rollproof.model.traces.itf import Map
from rollproof.model.traces.rendering import LABEL_WIDTH, as_itf, as_mermaid, as_text
from rollproof.model.traces.trace import DEEPEST, MOST_STEPS, Story, document_of, dumps, load, story_of
from rollproof.model.variants.variants import VARIANTS
from rollproof.proofs.necessity import HARM
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.transition import Protocol

THEOREMS: list[Any] = [each for each in HARM if isinstance(each, Property)]


def story(protocol: Protocol) -> Story:
    result = search(protocol, [*THEOREMS, NEVER_CRASHES])
    assert isinstance(result, Refuted)
    return story_of(result.trace)


def pair() -> Story:
    result = search_pairs(VARIANTS["phase_36"].protocol, of_scope("pair"), INSTANCES["ending"])
    assert isinstance(result, Refuted)
    return story_of(result.trace)


STORIES: dict[str, Callable[[], Story]] = {
    "pair": pair,
    "race": partial(story, PROTOCOL.without("promote_frame", "no_rollback_pending")),
    "crash": partial(story, PROTOCOL.without("promote_frame", "next_record_is_confirmed")),
    "end": partial(story, VARIANTS["end_on_predicted_state"].protocol),
    "reset": partial(story, VARIANTS["inputs_survive_reset"].protocol),
    "send": partial(story, VARIANTS["both_paths"].protocol),
}


@cache
def known(name: str) -> Story:
    return STORIES[name]()


@pytest.fixture
def told(request: pytest.FixtureRequest) -> Story:
    return known(request.param)


@pytest.fixture
def race() -> Story:
    return known("race")


pytestmark = pytest.mark.xdist_group("stories")
each_story = pytest.mark.parametrize("told", STORIES, indirect=True)


# --- text ---


def test_text_tells_each_step_and_only_what_it_changed(race: Story) -> None:
    text = as_text(race).plain
    assert text == RACE_TEXT


RACE_TEXT = """\
A run of peer a under the protocol 'present without promote_frame.no_rollback_pending' (instance 'core')

  1. schedule_input(action 1)
     The local input sampled at a frame is scheduled for `input_delay` frames later, for good.
       input of a in frame 0: — → 1

  2. receive_input(player b, epoch 0, path p2p, frame 0, action 1, game game)
     A remote input that arrives, at any moment, is appended to the queue of its path and does nothing else.
       peer-to-peer queue: empty → b did 1 in frame 0

  3. simulate_frame(now 0, focused yes)
     The next frame is simulated with known or predicted inputs, and its record is speculative.
       frame: 0 → 1
       simulation state: 1 → 12
       simulation returns: — → a 12
       simulation steps: 0 → 1
       speculative record 0: — → actions 1 0, predicted

  4. drain_input(path p2p, now 0)
     The oldest queued input is taken out and stored; if its frame was mispredicted, a rollback becomes pending.
       pending rollback: — → 0
       input of b in frame 0: — → 1
       peer-to-peer queue: b did 1 in frame 0 → empty

  5. confirm_frame()
     The confirmed frame advances by one.
       confirmed: −1 → 0

  6. promote_frame()
     The record of the lowest unpromoted frame becomes canonical; its snapshot is never needed again.
       promoted: 0 → 1
       speculative record 0: actions 1 0, predicted → —
       canonical record 0: — → actions 1 0, predicted

This violates never_promote_during_rollback: Nothing becomes canonical while a rollback is pending or in progress.
  Clause 'pending', frame 0, rules BUF-4.
  after.buffers.canonical[0] is actions 1 0; expected: not there.
"""


@each_story
def test_text_ends_with_the_theorem(told: Story) -> None:
    assert told.verdict is not None
    end = as_text(told).plain.split("\n\n")[-1]
    assert end.startswith(f"This violates {told.verdict.property}: {told.verdict.sentence}")
    assert f"Clause '{told.verdict.clause}'" in end


def test_a_crash_is_told_with_what_was_raised() -> None:
    crash = known("crash")
    assert crash.verdict is not None
    assert crash.verdict.property == NEVER_CRASHES
    assert "KeyError" in as_text(crash).plain


def test_colours_only_on_a_terminal(race: Story) -> None:
    def printed(terminal: bool) -> str:
        out = io.StringIO()
        Console(file=out, force_terminal=terminal, color_system="standard" if terminal else None).print(as_text(race))
        return out.getvalue()

    assert "\x1b[" in printed(True)
    assert "\x1b[" not in printed(False)


# --- diagrams ---


@each_story
def test_a_diagram_has_a_line_for_each_step(told: Story) -> None:
    lines = as_mermaid(told).splitlines()
    assert lines[0] == "sequenceDiagram"
    for number, step in enumerate(told.steps, 1):
        assert any(f": {number}. {step.transition}(" in line for line in lines)
    for line in lines[1:]:
        mark = line.split(":", 1)[1] if ":" in line else ""
        assert ";" not in mark.replace("#35;", "").replace("#59;", "").replace("#lt;", "").replace("#gt;", "")


@each_story
def test_no_line_of_a_label_is_cut_off(told: Story) -> None:
    for line in as_mermaid(told).splitlines():
        for part in line.partition(":")[2].split("<br/>"):
            shown = re.sub(r"#(35|59|37|lt|gt);", "#", part.strip())
            assert len(shown.replace("(end)", "end")) <= LABEL_WIDTH or " " not in shown


# --- ITF ---


@each_story
def test_another_reader_reads_what_we_write(told: Story) -> None:
    document = json.loads(json.dumps(as_itf(told)))
    trace = itf_py.trace_from_json(document)
    assert trace.vars == document["vars"]
    assert len(trace.states) == len(told.steps) + 1
    for at, state in enumerate(trace.states):
        assert state.meta == {"index": at}
        wanted: Any = told.start if at == 0 else told.steps[at - 1].state
        if told.others:
            assert set(state.values["frame"]) == set(told.starts)
            continue
        assert state.values["frame"] == wanted["frame"]
        assert state.values["known_inputs"] == wanted["known_inputs"]
        assert state.values["snapshots"] == wanted["snapshots"]
        assert set(state.values["canonical"]) == set(wanted["canonical"])


@each_story
def test_itf_has_no_null_no_number_and_an_index_per_state(told: Story) -> None:
    def check(value: Any) -> None:
        assert value is None or not isinstance(value, float)
        assert isinstance(value, bool | str | dict | list)
        for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            check(each)

    for at, state in enumerate(as_itf(told)["states"]):
        assert state["#meta"] == {"index": at}
        check({name: value for name, value in state.items() if name != "#meta"})


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.integers() | st.text() | st.tuples(st.text(), st.integers()), inner, max_size=3).map(Map)
        | st.dictionaries(st.from_regex("[a-z]{2,5}", fullmatch=True).filter(lambda n: n != "tag"), inner, max_size=3)
        | st.frozensets(st.integers(), max_size=3)
    ),
    max_leaves=8,
)


@given(plain_values)
def test_values_come_back_as_they_were(value: Any) -> None:
    if isinstance(value, int) and len(str(abs(value))) > 40:
        return
    assert itf.decode(json.loads(json.dumps(itf.encode(value)))) == value


@pytest.mark.parametrize(
    "value",
    [
        None,
        1,
        1.5,
        [1],
        {"#bigint": 1},
        {"#bigint": "1" * 50},
        {"#bigint": "1", "more": True},
        {"#map": [["a"]]},
        {"#map": [[{"#map": []}, True]]},
        {"#set": [{"field": True}]},
        {"#unserializable": "x"},
        {"tag": "Fraction", "value": "nonsense"},
    ],
)
def test_what_is_no_value_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"value|map|key|float|hash"):
        itf.decode(value)


# --- documents ---


@each_story
def test_a_saved_story_is_the_same_story(told: Story, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    file.write_text(dumps(told))
    assert load(file) == told


def edited(change: Any) -> Any:
    document = json.loads(dumps(known("race")))
    change(document)
    return document


def nested(depth: int) -> Any:
    value: Any = True
    for _ in range(depth):
        value = {"inner": value}
    return value


BAD = {
    "another format": edited(lambda d: d.update(format="other")),
    "another version": edited(lambda d: d.update(version=2)),
    "more fields": edited(lambda d: d.update(more=1)),
    "no steps": edited(lambda d: d.pop("steps")),
    "too many steps": edited(lambda d: d.update(steps=d["steps"][:1] * (MOST_STEPS + 1))),
    "a number as a state": edited(lambda d: d["steps"][0].update(state=1)),
    "a bare number in a state": edited(lambda d: d["steps"][0]["state"].update(frame=1)),
    "a null in a state": edited(lambda d: d["start"].update(frame=None)),
    "deep nesting": edited(lambda d: d["start"].update(frame=nested(DEEPEST))),
    "a wrong comparison": edited(lambda d: d["verdict"].update(compared=[1])),
    "a step of nobody": edited(lambda d: d["steps"][0].update(player="nobody")),
    "others that are no states": edited(lambda d: d.update(others={"#map": [["b", True]]})),
    "no object": [],
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_trace_is_refused_in_one_line(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "run.json"
    file.write_text(json.dumps(BAD[name]))
    with pytest.raises(DocumentError, match=r"run\.json"):
        load(file)
    assert run(["trace", str(file)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b"NaN"])
def test_what_is_no_json_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    file.write_bytes(content)
    with pytest.raises(DocumentError):
        load(file)


def test_nothing_in_a_trace_can_move_the_cursor(tmp_path: Path) -> None:
    document = edited(lambda d: d["steps"][0].update(transition="\x1b[2Jgone", sentence="a\rb"))
    document["start"]["phase"] = "\x1b]0;title\x07"
    document["protocol"] = "\x1b[31m"
    file = tmp_path / "run.json"
    file.write_text(json.dumps(document))
    for text in (as_text(load(file)).plain, as_mermaid(load(file))):
        assert all(mark.isprintable() or mark == "\n" for mark in text)


# --- the command ---


@pytest.mark.parametrize("form", ["text", "mermaid", "itf", "json"])
def test_the_command_shows_each_form(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], race: Story
) -> None:
    file, copy, out = tmp_path / "run.json", tmp_path / "copy.json", tmp_path / "out"
    file.write_text(dumps(race))
    assert run(["trace", str(file), "--format", form, "--json", str(copy)]) == 0
    printed = capsys.readouterr().out
    expected = {
        "text": as_text(race).plain,
        "mermaid": as_mermaid(race),
        "itf": json.dumps(as_itf(race), indent=1) + "\n",
        "json": dumps(race),
    }[form]
    assert printed == expected
    assert json.loads(copy.read_text()) == document_of(race)
    assert run(["trace", str(file), "--format", form, "--output", str(out)]) == 0
    assert out.read_text() == expected


def test_an_unknown_form_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str], race: Story) -> None:
    file = tmp_path / "run.json"
    file.write_text(dumps(race))
    assert run(["trace", str(file), "--format", "poem"]) == 2
    assert run(["trace", str(tmp_path / "missing.json")]) == 2
    assert "Traceback" not in capsys.readouterr().err
