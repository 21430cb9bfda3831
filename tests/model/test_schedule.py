"""Schedules: written out, read back, replayed to the byte, refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from rollproof.model.documents import DocumentError, parse
from rollproof.model.sessions.campaign import protocol_named, random_setup
from rollproof.model.sessions.network import Faults
from rollproof.model.sessions.report import rows_of
from rollproof.model.sessions.schedule import (
    Schedule,
    ScheduleError,
    dumps,
    from_document,
    load,
    schedule_of,
    to_document,
)
from rollproof.model.sessions.session import Result, run
from rollproof.model.sessions.setup import Call, PathLoss, Refusal, Settings, Setup
from rollproof.model.sessions.worlds import Checked
from rollproof.model.variants.variants import VARIANTS
from rollproof.reference import messages
from rollproof.reference.config import Config
from rollproof.reference.events import RollbackBegun
from rollproof.reference.protocol import PROTOCOL

SETUP = Setup(
    Settings(
        Config("a", ("a", "b", "c"), max_steps=40, input_delay=1),
        episodes=2,
        refusals=(Refusal("a", "b", 100, 300),),
        path_losses=(PathLoss(500, "b", "c"),),
        overrides={"c": {"redundancy": 1}},
    ),
    p2p=Faults(latency_ms=40, jitter_ms=40, loss=0.1, duplicate=0.1, reorder=0.1),
    relay=Faults(latency_ms=90),
    pauses={"a": ((200, 400),)},
)


def document() -> dict[str, Any]:
    return json.loads(dumps(schedule_of(run(SETUP, PROTOCOL, keep_events=False), "three peers")))


DOCUMENT = document()


def changed(**parts: Any) -> dict[str, Any]:
    return {**DOCUMENT, **parts}


def as_bytes(result: Result) -> bytes:
    exports = {player: [attrs.asdict(export) for export in exports] for player, exports in result.exports.items()}
    return repr((json.dumps(exports), result.events, result.submitted, result.ended_ms)).encode()


def refused(value: Any) -> str:
    with pytest.raises(ScheduleError) as caught:
        from_document(value)
    line = str(caught.value)
    assert line
    assert "\n" not in line
    assert len(line) <= 300
    return line


def test_a_replay_is_the_same_to_the_byte() -> None:
    first = run(SETUP, PROTOCOL)
    text = dumps(schedule_of(first, "again"))
    schedule = from_document(parse(text.encode()))
    again = run(schedule, PROTOCOL)
    assert as_bytes(again) == as_bytes(first)
    assert dumps(schedule_of(again, "again")) == text
    assert schedule == schedule_of(first, "again")


PLAYED = [*((seed, "present") for seed in (*range(8), 41, 47)), (3, "phase_61")]
"""Among them sessions in which a peer falls silent between two calls."""


@pytest.mark.parametrize(("seed", "name"), PLAYED)
def test_every_random_session_can_be_written_out_and_replayed(seed: int, name: str) -> None:
    protocol = protocol_named(name)
    first = run(random_setup(seed), protocol)
    schedule = from_document(parse(dumps(schedule_of(first)).encode()))
    second = run(schedule, protocol)
    assert as_bytes(second) == as_bytes(first)
    assert second.events == first.events


def test_every_call_and_every_packet_is_written_down() -> None:
    result = run(SETUP, PROTOCOL)
    calls = DOCUMENT["calls"]["a"]
    assert len(calls) == len(result.calls["a"]) + ("a" in result.due)
    assert {len(call) for call in calls} == {3}
    assert any(not focused for _, _, focused in calls)
    fates = [transits for packets in DOCUMENT["packets"] for transits in packets["transits"]]
    assert {0, 1, 2} <= {len(transits) for transits in fates}
    assert {packets["path"] for packets in DOCUMENT["packets"]} == {"p2p", "relay"}


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_a_schedule_can_be_replayed_under_every_variant(variant: str) -> None:
    schedule = from_document(DOCUMENT)
    protocol = VARIANTS[variant].protocol
    assert as_bytes(run(schedule, protocol)) == as_bytes(run(schedule, protocol))


def test_what_was_not_written_down_goes_by_the_clock() -> None:
    schedule = Schedule(Settings(Config("a", ("a", "b"), max_steps=30)), {}, {}, default_transit_ms=20)
    result = run(schedule, PROTOCOL)
    assert [len(result.exports[player][0].rows) for player in ("a", "b")] == [30, 30]
    assert [call.at_ms for call in result.calls["a"][:30]] == [frame * 1000 // 60 for frame in range(30)]
    assert {transits for link in result.transits.values() for transits in link} == {(20,)}
    assert {action for call in result.calls.values() for _, action, _ in call} == {0, None}


def test_calls_go_on_at_the_frame_rate_after_the_last_one_written_down() -> None:
    caller = Schedule(SETUP.settings, {"a": (Call(500, 3, True),)}, {}).caller("a")
    times = [caller.next(0, True).at_ms]
    while len(times) < 5:
        times.append(caller.next(times[-1], True).at_ms)
    assert times == [500, 502, 516, 533, 550]


def test_the_fate_that_is_written_down_is_the_fate_of_the_packet() -> None:
    calls = tuple(Call(frame * 1000 // 60, 1 if frame == 5 else 0, True) for frame in range(10))
    settings = Settings(Config("a", ("a", "b"), max_steps=10))
    schedule = Schedule(settings, {"a": tuple(Call(at + 1, 0, True) for at, _, _ in calls), "b": calls}, {}, "", 0)
    prompt = run(schedule, PROTOCOL)
    assert not any(isinstance(event, RollbackBegun) for _, event in prompt.events["a"])
    late = run(evolve(schedule, transits={("b", "a", messages.Path.P2P): ((0,),) * 5 + ((),) * 2}), PROTOCOL)
    targets = [event.target for _, event in late.events["a"] if isinstance(event, RollbackBegun)]
    assert targets[0] == 5
    assert rows_of(late.exports["a"][0]) == rows_of(prompt.exports["a"][0])


def test_a_file_survives(tmp_path: Path) -> None:
    path = tmp_path / "schedule.json"
    path.write_text(json.dumps(DOCUMENT))
    assert to_document(load(path)) == DOCUMENT


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "$"),
        (None, "$"),
        ({}, "required"),
        (changed(format="other"), "$.format"),
        (changed(version=2), "$.version"),
        (changed(extra=1), "extra"),
        (changed(players=[]), "$.players"),
        (changed(players=["a", "a"]), "players"),
        (changed(players=["a", "b"]), "no player 'c'"),
        (changed(config={"redundancy": 0}), "redundancy"),
        (changed(config={"redundancy": True}), "redundancy"),
        (changed(config={"input_confirmation_timeout_ms": -1}), "input_confirmation_timeout_ms"),
        (changed(config={"player": "b"}), "player"),
        (changed(config={"unknown": 1}), "unknown"),
        (changed(config={"max_steps": 10.0}), "max_steps"),
        (changed(config={"default_action": None}), "default_action"),
        (changed(config={"actions": "numbers"}), "actions must be any, bool, int, float, text, or a tuple"),
        (changed(config={"actions": []}), "actions must be any, bool, int, float, text, or a tuple"),
        (changed(config={"actions": [1.5]}), "$.config.actions[0]"),
        (changed(config={"actions": [5]}), "default_action must be one of the actions"),
        (changed(overrides={"a": {"prediction": "oracle"}}), "prediction"),
        (changed(overrides={"z": {}}), "$.overrides: there is no player 'z'"),
        (changed(world={"modulus": 0, "end_when": None}), "$.world.modulus"),
        (changed(episodes=10**9), "$.episodes"),
        (changed(limit_ms=1e400), "$.limit_ms"),
        (changed(silent={"z": 1}), "$.silent"),
        (changed(refusals=[{"player": "a", "partner": "a", "from_ms": 0, "until_ms": 1}]), "$.refusals"),
        (changed(path_losses=[{"at_ms": 0, "player": "a"}]), "$.path_losses[0]"),
        (changed(calls={"a": [[0, 0]]}), "$.calls.a[0]"),
        (changed(calls={"a": [[0, "x", True]]}), "$.calls.a[0][1]"),
        (changed(calls={"a": [[0, 10**30, True]]}), "$.calls.a[0][1]"),
        (changed(calls={"a": [[5, 0, True], [5, 0, True]]}), "$.calls.a[1]"),
        (changed(calls={"z": []}), "$.calls"),
        (changed(packets=[{"from": "a", "to": "z", "path": "p2p", "transits": []}]), "$.packets"),
        (changed(packets=[{"from": "a", "to": "b", "path": "mail", "transits": []}]), "$.packets[0].path"),
        (changed(packets=[{"from": "a", "to": "b", "path": "p2p", "transits": [[-1]]}]), "transits[0][0]"),
        (changed(packets=[{"from": "a", "to": "b", "path": "p2p", "transits": [[0] * 9]}]), "transits[0]"),
        (changed(packets=[{"from": "a", "to": "b", "path": "p2p", "transits": []}] * 2), "occurs twice"),
    ],
)
def test_what_is_wrong_is_said(value: Any, said: str) -> None:
    assert said in refused(value)


@pytest.mark.parametrize("actions", ["any", "int", [0, 1, 2]])
def test_what_an_action_is_comes_back_as_it_was(actions: Any) -> None:
    document = changed(config={**DOCUMENT["config"], "actions": actions, "default_action": 0})
    assert to_document(from_document(document))["config"]["actions"] == actions


@given(
    st.sampled_from(sorted(DOCUMENT)),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
        lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.sampled_from(["a", "b", "modulus"]), inner)),
        max_leaves=6,
    ),
)
def test_hostile_documents_are_refused_in_one_line(part: str, value: Any) -> None:
    try:
        schedule = from_document(changed(**{part: value}))
    except ScheduleError as error:
        line = str(error)
    else:
        line = json.dumps(to_document(schedule)[part])
    assert line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"\xff", "UTF-8"),
        (b"[" * 100_000, "nested"),
        (b"1" * 10_000, "not JSON"),
        (b'{"a":1,"a":2}', "twice"),
        (b"NaN", "NaN"),
        (b"{}", "required"),
    ],
)
def test_a_file_that_is_no_schedule_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "schedule.json"
    path.write_bytes(content)
    with pytest.raises(ScheduleError, match=said) as caught:
        load(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rollproof.model.sessions.schedule.MOST_BYTES", 10)
    path = tmp_path / "schedule.json"
    path.write_text(json.dumps(DOCUMENT))
    with pytest.raises(ScheduleError, match="at most 10 bytes"):
        load(path)
    with pytest.raises(ScheduleError, match="cannot be read"):
        load(tmp_path)


def test_only_a_world_of_ours_can_be_written_down() -> None:
    world = Checked(SETUP.settings.world)
    result = run(evolve(SETUP, settings=evolve(SETUP.settings, world=world)), PROTOCOL)
    with pytest.raises(ScheduleError, match="Checked"):
        dumps(schedule_of(result))


def test_errors_of_documents_have_one_short_line() -> None:
    assert str(DocumentError("a\nb" + "x" * 1000)).startswith("a bxxx")
    assert len(str(DocumentError("x" * 1000))) == 300
