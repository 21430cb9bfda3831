"""Everything that a log tells twice is compared: by two peers, or twice by one; and nobody is accused wrongly."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from rollproof.cli import run
from rollproof.conformance.game import START, step
from rollproof.conformance.logs.judge import Finding, LogReport
from rollproof.conformance.logs.record import lines, recorded, recording
from rollproof.conformance.logs.summary import not_judged, tallies
from rollproof.model.sessions.campaign import random_setup
from rollproof.model.sessions.session import run as run_session
from rollproof.reference.protocol import PROTOCOL
from tests.conformance.test_check_log import ALL, faults, first, judged, log_of, only

Json = Any
Rows = list[Json]
Inputs = list[list[int]]

FRAMES = 60


def played(seed: int = 0, players: int = 2, frames: int = FRAMES) -> Inputs:
    """Return the inputs of a session: each player holds an input for a while."""
    random, held, inputs = Random(seed), [0] * players, []
    for _ in range(frames):
        held = [random.randrange(5) if random.random() < 0.3 else value for value in held]
        inputs.append(list(held))
    return inputs


def shifted(inputs: Inputs, by: int = 1) -> Inputs:
    """Return the same inputs, so many frames later."""
    return [[0] * len(inputs[0])] * by + inputs[: len(inputs) - by]


def header(*observes: str, players: str = "ab", **fields: Json) -> Json:
    return {"log": 1, "players": list(players), "game": "suite", "observes": list(observes), **fields}


def advances(inputs: Inputs, **fields: Json) -> Rows:
    state, rows = START, []
    for frame, each in enumerate(inputs):
        state = step(state, each)
        rows.append({"obs": "advance", "frame": frame, "inputs": each, "state": state, **fields})
    return rows


def exported(inputs: Inputs, **fields: Json) -> Json:
    rows = [{"frame": frame, "inputs": each, "unconfirmed": False, **fields} for frame, each in enumerate(inputs)]
    return {"obs": "export", "rows": rows}


def ended(frames: int = FRAMES, kind: str = "agreed") -> Json:
    return {"obs": "episode_end", "frame": frames, "kind": kind}


def by(peer: str, *observations: Json) -> Rows:
    return [{"peer": peer, "obs": each} for each in observations]


def woven(*streams: Rows) -> Rows:
    """Return the lines of several peers in turn."""
    longest = max(map(len, streams))
    return [stream[i] for i in range(longest) for stream in streams if i < len(stream)]


def only_finding(report: LogReport, clause: str) -> Finding:
    return next(each for each in report.findings if each.failure.clause == clause)


def lines_of(finding: Finding) -> set[int]:
    assert finding.other is not None
    return {finding.failure.event, finding.other[1]}


# --- a peer that is shifted by a frame ---


def shifted_log(kind: str, seed: int, players: str = "ab") -> Rows:
    right = played(seed, len(players))
    wrong = shifted(right)
    tails: dict[str, tuple[list[str], Any]] = {
        "timeline": (["advance"], lambda inputs: advances(inputs)),
        "with-end": (["advance", "episode_end"], lambda inputs: [*advances(inputs), ended()]),
        "with-export": (
            ["advance", "episode_end", "export"],
            lambda inputs: [*advances(inputs), ended(), exported(inputs)],
        ),
        "exports-only": (["export"], lambda inputs: [exported(inputs)]),
        "end-and-exports": (["episode_end", "export"], lambda inputs: [ended(), exported(inputs)]),
    }
    observes, told = tails[kind]
    peers = (by(peer, *told(wrong if peer == players[-1] else right)) for peer in players)
    return [header(*observes, players=players, config={"max_steps": FRAMES}), *woven(*peers)]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["timeline", "with-end", "with-export", "exports-only", "end-and-exports"])
def test_two_peers_of_which_one_is_shifted_differ_where_they_do(kind: str, seed: int) -> None:
    rows = shifted_log(kind, seed)
    report = judged(rows)
    right = played(seed)
    wrong = shifted(right)
    frame = next(frame for frame in range(FRAMES) if right[frame] != wrong[frame])
    assert report.failure is not None
    assert report.failure.frame == frame
    if kind in ("timeline", "with-end", "with-export"):
        found = only_finding(report, "one_value")
        told = [i for i, row in enumerate(rows, 1) if i > 1 and row["obs"].get("frame") == frame][:2]
    else:
        found = only_finding(report, "exports_agree")
        told = [i for i, row in enumerate(rows, 1) if i > 1 and row["obs"]["obs"] == "export"]
    assert lines_of(found) == set(told)
    assert found.failure.frame == frame
    if "export" in kind:
        assert only_finding(report, "exports_agree").failure.frame == frame


def test_of_three_peers_one_is_shifted() -> None:
    report = judged(shifted_log("with-export", 5, "abc"))
    assert faults(report) == {"one_value", "exports_agree"}
    assert {finding.failure.peer for finding in report.findings} | {f.other[0] for f in report.findings if f.other} >= {
        "c"
    }


def test_the_command_tells_both_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, out = tmp_path / "log", tmp_path / "out.json"
    log.write_text("".join(json.dumps(row) + "\n" for row in shifted_log("exports-only", 1)))
    assert run(["check-log", str(log), "--json", str(out)]) == 1
    text, told = capsys.readouterr().out, json.loads(out.read_text())
    assert f"{log}:3: b, frame" in text
    assert "as a has it in line 2" in text
    assert (told["divergence"]["line"], told["divergence"]["other"]) == (3, {"peer": "a", "line": 2})
    assert [(each["peer"], each["kind"], each["judged"]) for each in told["values"]] == [
        (peer, kind, number) for peer in "ab" for kind, number in (("export", 1), ("rows", FRAMES))
    ]


# --- what one peer, or two, tell of one thing ---


def two(*extra: Rows, observes: Iterable[str] = ()) -> Rows:
    """Return a right log of two peers, and whatever else they tell."""
    inputs = played()
    kinds = {"advance", "episode_end", "export", *observes}
    streams = (by(peer, *advances(inputs), ended(), exported(inputs)) for peer in "ab")
    return [
        header(*sorted(kinds), config={"max_steps": FRAMES}),
        *woven(*streams),
        *(row for rows in extra for row in rows),
    ]


def changed(rows: Rows, change: dict[str, Json], peer: str = "b", **fields: Json) -> Rows:
    """Return a log in which a peer tells one thing differently."""
    found = [json.loads(json.dumps(row)) for row in rows]
    at = next(i for i, row in enumerate(found[1:], 1) if row["peer"] == peer and fields.items() <= row["obs"].items())
    found[at]["obs"].update(change)
    return found


def with_row(rows: Rows, frame: int, change: dict[str, Json], peer: str = "b") -> Rows:
    found = [json.loads(json.dumps(row)) for row in rows]
    export = next(row["obs"] for row in found[1:] if row["peer"] == peer and row["obs"]["obs"] == "export")
    for each in export["rows"]:
        if each["frame"] == frame:
            each.update(change)
    return found


def test_a_right_log_holds_and_all_of_it_is_judged() -> None:
    report = judged(two())
    assert report.findings == ()
    assert all(each.judged == each.told for each in tallies(report))


@pytest.mark.parametrize(
    ("rows", "clause", "frame"),
    [
        (with_row(two(), 7, {"inputs": [9, 9]}), "row_is_the_record", 7),
        (with_row(two(), 7, {"state": 1}), "row_is_the_record", 7),
        (with_row(with_row(two(), 3, {"returns": [1, 2]}), 3, {"returns": [1, 3]}, "a"), "exports_agree", 3),
        (with_row(two(), 9, {"unconfirmed": True}), "flags_tell_the_end", None),
        (changed(two(), {"frame": 50}, obs="episode_end"), "ends_agree", 50),
        (changed(two(), {"rows": []}, obs="export"), "rows_are_gapless", None),
        (changed(two(), exported(played()[:-1]), obs="export"), "rows_are_gapless", None),
        (two(by("b", ended(59))), "one_end", None),
        (changed(two(), {"kind": "timeout"}, obs="episode_end"), "flags_tell_the_end", None),
    ],
)
def test_what_is_told_twice_is_compared(rows: Rows, clause: str, frame: int | None) -> None:
    found = only_finding(judged(rows), clause)
    assert found.failure.frame == frame
    assert found.other is not None


def test_a_column_that_is_shorter_than_the_rows_is_told() -> None:
    export = {**exported(played()), "columns": {"frame": FRAMES, "action.a": FRAMES - 1}}
    found = only_finding(judged([header("export"), *by("a", export)]), "rectangular")
    assert found.failure.actual.startswith(f"{FRAMES - 1} values in 'action.a'")
    export["columns"] = {"frame": FRAMES, "action.a": FRAMES}
    assert judged([header("export"), *by("a", export)]).findings == ()


def test_what_is_said_not_to_be_predicted_does_not_change() -> None:
    inputs = played()
    own, other = inputs[7]
    again = [*advances(inputs, predicted=False)[:8], *advances([*inputs[:7], [own, other + 1]], predicted=False)[7:8]]
    load = {"obs": "load", "frame": 7, "state": again[6]["state"]}
    told = [header("advance", "load"), *by("a", *again[:8], load, again[8])]
    assert only_finding(judged(told), "one_value").failure.frame == 7
    told[8]["obs"]["predicted"] = True
    assert judged(told).findings == ()


@pytest.mark.parametrize(("kind", "clause"), [("rollback_end", "finish_rollback"), ("save", "saved")])
def test_a_frame_that_cannot_be_is_told(kind: str, clause: str) -> None:
    rows = log_of("active_input_with_latency_100ms")
    at = first(rows, obs=kind)
    rows[at]["obs"]["frame"] += 1
    failure = judged(rows).failure
    assert failure is not None
    assert (failure.clause, failure.event) == (clause, at + 1)


def test_a_state_that_was_not_reached_yet_is_not_saved() -> None:
    inputs = played()
    told = advances(inputs)
    for frame, clauses in ((8, set()), (9, {"order"})):
        save = {"obs": "save", "frame": frame, "state": told[7]["state"]}
        assert faults(judged([header("advance", "save"), *by("a", *told[:8], save, *told[8:])])) == clauses


def test_columns_and_lengths_of_two_exports_alone_are_compared() -> None:
    inputs = played()
    told = [header("export"), *by("a", exported(inputs)), *by("b", exported(inputs, returns=[0, 0]))]
    assert faults(judged(told)) == {"columns_agree"}
    told = [header("export"), *by("a", exported(inputs)), *by("b", exported(inputs[:-1]))]
    assert [finding.failure.frame for finding in judged(told).findings] == [59]
    many = [header("export"), *woven(*(by(peer, *(exported(played(seed)) for seed in range(3))) for peer in "ab"))]
    assert judged(many).findings == ()
    assert faults(judged([*many[:-1], *by("b", exported(played(7)))])) == {"exports_agree"}


def test_hashes_are_compared() -> None:
    told = [{"obs": "hash", "frame": frame, "hash": f"{frame:x}"} for frame in range(0, 60, 10)]
    log = [header("hash"), *by("a", *told), *by("b", *told)]
    assert judged(log).findings == ()
    found = only_finding(judged(changed(log, {"hash": "ff"}, frame=30)), "hashes_agree")
    assert (found.failure.frame, lines_of(found)) == (30, {5, 11})


def test_an_input_told_twice_by_one_peer_is_one_value() -> None:
    log = [header("input_local"), *by("a", *({"obs": "input_local", "frame": 3, "input": value} for value in (1, 2)))]
    found = only_finding(judged(log), "one_value")
    assert (found.failure.frame, lines_of(found)) == (3, {2, 3})


def test_the_same_frame_with_the_same_inputs_is_the_same_state() -> None:
    inputs = played()
    log = two()
    log[0]["game"] = "other"
    first_time = advances(inputs)
    again = [{**each, "state": each["state"] ^ (each["frame"] == 8)} for each in first_time[5:]]
    log = [header("advance", game="other"), *by("a", *first_time, *again)]
    assert "determinism" in faults(judged(log))


# --- desyncs that peers report ---

DESYNC = {"obs": "violation", "kind": "desync", "player": "b", "frame": 40}


def test_a_desync_that_is_true_is_one() -> None:
    rows = two(by("a", DESYNC), observes=["violation"])
    wrong = changed(changed(rows, {"state": 77}, obs="advance", frame=30), {"state": 77}, obs="advance", frame=30)
    wrong[0]["game"] = "other"
    found = only_finding(judged(wrong), "no_desync")
    assert "it is true: the state after it of frame 30" in found.failure.actual
    assert found.other is not None
    assert found.other[0] == "b"


def test_a_desync_that_is_false_is_accused() -> None:
    found = only_finding(judged(two(by("a", DESYNC), observes=["violation"])), "desync_is_real")
    assert "frames 0 to 40 are the same" in found.failure.actual
    assert found.failure.event == len(two()) + 1


@pytest.mark.parametrize("peers", ["a", "ab"])
def test_a_desync_of_which_nothing_else_is_told_is_one(peers: str) -> None:
    reports = [row for peer in peers for row in by(peer, {"obs": "violation", "kind": "desync", "frame": 40})]
    report = judged([header("violation"), *reports])
    assert faults(report) == {"no_desync"}
    assert len(report.findings) == len(peers)
    assert all("cannot be told" in finding.failure.actual for finding in report.findings)


def test_a_desync_told_by_a_variable_is_one() -> None:
    log = [header("advance"), *by("a", *advances(played()))]
    assert faults(judged([*log, {"peer": "a", "vars": {"hash_mismatch": 40}}])) == {"no_desync"}
    assert judged([*log, {"peer": "a", "vars": {"hash_mismatch": None}}]).findings == ()


def test_a_desync_that_nobody_reports_is_missed() -> None:
    wrong = shifted_log("with-export", 1)
    wrong[0]["observes"].append("violation")
    assert "desync_is_reported" in faults(judged(wrong))
    assert "desync_is_reported" not in faults(judged(shifted_log("with-export", 1)))


def test_peers_of_different_settings_may_well_differ() -> None:
    found = only_finding(judged(log_of("end_frames_differ")), "no_desync")
    assert "their settings differ: max_steps is" in found.failure.actual


# --- nobody is accused wrongly ---


def test_a_prediction_that_the_end_of_the_log_leaves_open_is_no_difference() -> None:
    inputs = played()
    guessed = [[own, inputs[39][1]] for own, _ in inputs[40:]]
    assert guessed != inputs[40:]
    log = [header("advance"), *by("a", *advances([*inputs[:40], *guessed])), *by("b", *advances(inputs))]
    report = judged(log)
    assert report.findings == ()
    assert [each.frame for each in report.open] == [next(i for i in range(40, 60) if guessed[i - 40] != inputs[i])]
    assert any("which may be a prediction: record confirm" in line for line in not_judged(report))
    confirmed = [header("advance", "confirm"), *log[1:], *by("a", {"obs": "confirm", "frame": 59})]
    assert judged(confirmed).findings == ()  # it may still be corrected, before the next frame
    assert faults(judged([*confirmed, *by("a", *advances([*inputs[:40], *guessed, [0, 0]])[60:])])) == {"one_value"}


def test_a_rollback_under_way_leaves_the_rest_open() -> None:
    rows = log_of("active_input_with_packet_loss_30pct")
    for kind in ("load", "rollback_begin"):
        at = [i for i, row in enumerate(rows[1:], 1) if row["obs"]["obs"] == kind][5]
        for cut in range(at, at + 8):
            assert judged(only(rows[:cut], kinds=ALL - {"confirm"})).findings == ()


def test_unconfirmed_rows_may_differ_and_others_must_not() -> None:
    inputs = played()
    other = [*inputs[:50], *([9, 9] for _ in range(10))]
    marked = exported(other)
    for row in marked["rows"][50:]:
        row["unconfirmed"] = True
    log = [header("episode_end", "export"), *by("a", ended(), exported(inputs)), *by("b", ended(60, "timeout"), marked)]
    report = judged(log)
    assert report.findings == ()
    assert [each.judged for each in tallies(report) if each.kind == "rows"] == [50, 50]
    assert faults(judged(with_row(log, 20, {"inputs": [9, 9]}))) == {"exports_agree"}


def test_a_partner_that_ended_alone_may_have_ended_elsewhere() -> None:
    inputs = played()
    log = [
        header("episode_end", "export"),
        *by("a", ended(), exported(inputs)),
        *by("b", ended(50, "degraded"), exported(inputs[:50])),
    ]
    log = changed(log, {"confirmed": True}, obs="episode_end")
    assert "ends_agree" not in faults(judged(log))


def test_peers_may_record_different_kinds() -> None:
    inputs = played()
    rows = [*by("a", *advances(inputs)), *by("b", exported(inputs))]
    log = [{**header("advance"), "observes": {"a": ["advance"], "b": ["export"]}}, *rows]
    report = judged(log)
    assert report.findings == ()
    assert {(each.peer, each.kind): each.judged for each in tallies(report)}["b", "rows"] == FRAMES
    assert faults(judged(with_row(log, 7, {"inputs": [9, 9]}))) == {"one_value"}


def test_a_peer_that_tells_none_of_a_kind_is_judged_without(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = log_of("active_input_parity")
    log = tmp_path / "log"
    kept = (row for row in rows[1:] if row["peer"] == "a" or row["obs"]["obs"] not in ("advance", "input_recv"))
    text = [rows[0], *({k: v for k, v in row.items() if k != "seq"} for row in kept)]
    log.write_text("".join(json.dumps(row) + "\n" for row in text))
    assert run(["check-log", str(log)]) == 0
    assert "The header says that advance and input_recv is recorded, and b tells none" in capsys.readouterr().out


@pytest.mark.parametrize("seed", [1, 16, 22, 35])
def test_random_right_sessions_hold_whatever_is_recorded_of_them(seed: int) -> None:
    random = Random(seed)
    rows = [json.loads(line) for line in lines(run_session(recorded(random_setup(seed)), recording(PROTOCOL)))]
    for _ in range(4):
        kinds = {*random.sample(sorted(ALL), random.randrange(1, len(ALL))), "episode_begin"}
        log = only(rows, kinds=frozenset(kinds))
        report = judged(log[: random.randrange(2, len(log) + 1)])
        assert report.findings == (), sorted(kinds)


def test_inputs_that_one_peer_alone_tells_are_counted_as_not_judged() -> None:
    report = judged([header("input_local"), *by("a", {"obs": "input_local", "frame": 0, "input": 1})])
    assert [(each.told, each.judged, each.why) for each in tallies(report)] == [(1, 0, "nothing else tells it")]


def test_a_true_desync_of_a_variant_is_found_with_its_cause() -> None:
    rows = log_of("active_input_parity", "phase_61")
    report = judged(rows)
    assert {"no_desync", "exports_agree", "promoted_is_final", "row_is_the_record"} <= faults(report)
    assert first(rows, obs="violation") > 0
