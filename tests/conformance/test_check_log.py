"""`rollproof check-log`: which logs hold, and which diverge and where."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from rollproof.cli import run
from rollproof.conformance.adapters.reference import Adapter
from rollproof.conformance.cases.case import published_cases
from rollproof.conformance.judge.failure import Failure
from rollproof.conformance.logs.judge import LogReport, judge
from rollproof.conformance.logs.known import Known, load_known
from rollproof.conformance.logs.reading import Log
from rollproof.conformance.logs.record import lines, lines_of_case, recorded, recording
from rollproof.conformance.mutants.catalogue import find_mutant
from rollproof.conformance.runner.play import Adapters, run_case
from rollproof.conformance.schema import SCHEMAS, observation_kinds
from rollproof.model.sessions.campaign import protocol_named
from rollproof.model.sessions.scenarios import SCENARIOS
from rollproof.model.sessions.session import run as run_session
from rollproof.reference.protocol import PROTOCOL
from tests import long_but

Json = Any
Rows = list[Json]
ALL = frozenset(observation_kinds())


def log_of(scenario: str, variant: str = PROTOCOL.name) -> Rows:
    """Return the header and the lines of a simulated session."""
    setup = SCENARIOS[scenario].setup
    result = run_session(recorded(setup), recording(protocol_named(variant)))
    return [json.loads(line) for line in lines(result)]


def judged(rows: Rows, *known: Known) -> LogReport:
    return judge(opened("".join(json.dumps(row) + "\n" for row in rows)), known)


def opened(text: str | bytes) -> Log:
    return Log(Path("log"), BytesIO(text if isinstance(text, bytes) else text.encode()))


def failure_of(rows: Rows) -> Failure:
    failure = judged(rows).failure
    assert failure is not None
    return failure


def only(rows: Rows, *, kinds: frozenset[str] = ALL, peers: tuple[str, ...] | None = None) -> Rows:
    """Return a log with some kinds, and some peers, alone."""
    header = {**rows[0], "observes": sorted(kinds)}
    if peers is not None:
        header["peers"] = list(peers)
    kept = (row for row in rows[1:] if row["obs"]["obs"] in kinds and (peers is None or row["peer"] in peers))
    return [header, *({k: v for k, v in row.items() if k != "seq"} for row in kept)]


def first(rows: Rows, **fields: Json) -> int:
    """Return the index of the first line whose observation has these fields."""
    return next(i for i, row in enumerate(rows[1:], 1) if fields.items() <= row["obs"].items())


# --- logs that hold ---


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_log_of_every_scenario_holds(scenario: str) -> None:
    rows = log_of(scenario)
    report = judged(rows)
    assert faults(report) == true_of(scenario)
    assert len(report.open) == (scenario == "confirmation_timeout_inputs_missing")
    assert report.lines == len(rows) - 1
    told = {peer: sum(row["peer"] == peer for row in rows[1:]) for peer in rows[0]["players"]}
    assert all(told[peer] * 0.9 <= number <= told[peer] for peer, number in report.judged.items())


def test_every_line_fits_the_published_schema() -> None:
    schemas = {path.name: json.loads(path.read_text()) for path in SCHEMAS.glob("*.json")}
    registry = Registry().with_resources([(name, Resource.from_contents(each)) for name, each in schemas.items()])
    validator = jsonschema.Draft7Validator(schemas["log.json"], registry=registry)
    rows = log_of("misprediction_at_frame_0")
    for row in (*rows[:200], *rows[-20:], {"peer": "a", "vars": {"frame": 1, "pending": None}}):
        validator.validate(row)
    assert not validator.is_valid({"peer": "a", "obs": {"obs": "advance", "frame": 0}})
    assert not validator.is_valid({"peer": "a"})


def test_variables_are_compared() -> None:
    rows = log_of("active_input_parity")
    at = first(rows, obs="advance", frame=10)
    peer, now = rows[at]["peer"], rows[at]["now"]
    plain = [rows[0], *({k: v for k, v in row.items() if k != "seq"} for row in rows[1:])]

    def told(**values: Json) -> LogReport:
        return judged([*plain[: at + 1], {"peer": peer, "now": now, "vars": values}, *plain[at + 1 :]])

    assert told(frame=11, rolling_back=False).failure is None
    failure = told(frame=12).failure
    assert failure is not None
    assert (failure.clause, failure.event, failure.peer) == ("variables", at + 2, peer)


# --- logs that diverge ---


@pytest.mark.parametrize(
    ("variant", "scenario", "clause"),
    [
        ("phase_36", "active_input_parity", "promote_frame.no_rollback_pending"),
        ("phase_61", "active_input_parity", "promote_frame.no_rollback_pending"),
        ("phase_73", "three_episodes_in_a_row", "target_is_confirmed"),
        ("confirmed_jumps_gap", "active_input_parity", "confirm_frame.next_frame_is_complete"),
        ("latest_misprediction_wins", "active_input_with_packet_loss_30pct", "begin_rollback"),
        ("counters_not_restored", "active_input_parity", "row_returns"),
        ("forced_rows_unflagged", "confirmation_timeout_inputs_missing", "row_unconfirmed"),
        ("untagged_inputs", "three_episodes_in_a_row", "one_value"),
        ("inputs_survive_reset", "three_episodes_in_a_row", "simulate_frame.local_input_is_scheduled"),
    ],
)
def test_the_log_of_a_variant_diverges_where_it_does_wrong(variant: str, scenario: str, clause: str) -> None:
    rows = log_of(scenario, variant)
    report = judged(rows)
    failure = report.failure
    assert failure is not None
    assert failure.clause == clause
    assert failure.peer == rows[failure.event - 1]["peer"]
    assert judged(rows[: failure.event - 1]).failure is None
    if "." in clause:
        assert clause in report.allowed_by
        assert report.had["epoch"] == rows_before(rows, failure).count("episode_begin")


def rows_before(rows: Rows, failure: Failure) -> list[str]:
    """Return the kinds of what the failing peer did before."""
    return [row["obs"]["obs"] for row in rows[1 : failure.event - 1] if row["peer"] == failure.peer]


@pytest.mark.parametrize(
    ("variant", "case", "clause"),
    [
        ("store_unchecked_in_replay", "recording/interleaved-second-rollback", "drain_input.no_rollback_in_progress"),
        ("partial_replay", "recording/interleaved-delivery", "finish_rollback.replay_is_complete"),
        ("stale_clear", "recording/interleaved-second-rollback", "promote_frame.no_rollback_pending"),
        ("wait_interleaves_with_tick", "recording/interleaved-delivery", "confirm_frame.no_rollback_in_progress"),
    ],
)
def test_the_log_of_a_case_diverges_where_a_variant_does_wrong(variant: str, case: str, clause: str) -> None:
    found = next(each for each in published_cases() if each.id == case)
    right, wrong = (
        [json.loads(line) for line in lines_of_case(run_case(found, Adapters.in_process(make)))]
        for make in (Adapter, find_mutant(f"variant:{variant}").make)
    )
    assert judged(right).failure is None
    report = judged(wrong)
    assert report.failure is not None
    assert (report.failure.clause, report.allowed_by) == (clause, (clause,))
    assert judged(wrong[: report.failure.event - 1]).failure is None


def test_peers_are_judged_by_each_other() -> None:
    rows = log_of("active_input_parity")
    at = first(rows, obs="input_recv", frame=5)
    player = rows[at]["obs"]["player"]
    log = only(rows, kinds=frozenset({"input_local", "input_recv"}))
    at = first(log, obs="input_recv", frame=5, player=player)
    log[at]["obs"] = {**log[at]["obs"], "input": 77}
    failure = failure_of(log)
    assert (failure.clause, failure.event, failure.frame) == ("one_value", at + 1, 5)


def test_a_state_of_another_game_is_a_checksum() -> None:
    rows = log_of("active_input_parity")
    rows[0]["game"] = "other"
    for row in rows[1:]:
        for told in (row["obs"], *row["obs"].get("rows", ())):
            if "state" in told:
                told["state"] ^= 0x55555555
    assert judged(rows).failure is None
    at = first(rows, obs="promote", frames=[7])
    peer = rows[at]["peer"]
    last = max(
        i
        for i in range(1, at)
        if rows[i]["peer"] == peer and {"obs": "advance", "frame": 7}.items() <= rows[i]["obs"].items()
    )
    rows[last]["obs"]["state"] ^= 1
    assert failure_of(rows).clause in ("game", "agreement")


# --- logs that do not tell everything ---

LITTLE = [
    {"advance"},
    {"advance", "save", "load"},
    {"advance", "input_recv", "load"},
    {"advance", "input_recv", "confirm", "promote", "export", "episode_begin"},
    {"advance", "input_recv", "episode_end", "export"},
    {"confirm", "promote"},
    {"input_local", "input_recv"},
]


ENDINGS = ("confirmation_timeout", "end_frames_differ")


@pytest.mark.parametrize("scenario", long_but(ENDINGS, ["active_input_parity", *ENDINGS]))
def test_whatever_is_left_out_of_a_right_log_it_holds(scenario: str) -> None:
    rows = log_of(scenario)
    for kinds in (*(ALL - {kind} for kind in sorted(ALL)), *map(frozenset, LITTLE)):
        for game in ("suite", "other"):
            log = only(rows, kinds=frozenset(kinds))
            log[0]["game"] = game
            report = judged(log)
            assert sum(report.judged.values()) > 100, (kinds, game)
            assert faults(report) <= true_of(scenario), (kinds, game)
    for peer in rows[0]["players"]:
        report = judged(only(rows, peers=(peer,)))
        assert faults(report) <= true_of(scenario)
        assert set(report.judged) == {peer}


def faults(report: LogReport) -> set[str]:
    return {finding.failure.clause for finding in report.findings}


def true_of(scenario: str) -> set[str]:
    """Return what is wrong with a scenario itself: peers of different settings notice that they differ."""
    return {"no_desync"} if scenario == "end_frames_differ" else set()


@pytest.mark.parametrize(
    ("kinds", "variant", "clause"),
    [
        (ALL - {"input_local"}, "phase_61", "promote_frame.no_rollback_pending"),
        (ALL - {"rollback_begin", "rollback_end", "load"}, "latest_misprediction_wins", "begin_rollback"),
        (ALL - {"confirm"}, "phase_61", "promote_frame.no_rollback_pending"),
        (ALL - {"promote"}, "confirmed_jumps_gap", "confirm_frame.next_frame_is_complete"),
        ({"advance", "input_recv"}, "latest_misprediction_wins", "begin_rollback"),
        ({"advance", "load", "promote"}, "phase_61", "begin_rollback"),
    ],
)
def test_little_is_enough_to_see_a_variant_diverge(kinds: frozenset[str], variant: str, clause: str) -> None:
    rows = log_of("active_input_with_packet_loss_30pct", variant)
    assert failure_of(only(rows, kinds=frozenset(kinds), peers=("a",))).clause == clause


# --- known divergences ---


def test_a_known_divergence_is_honoured_and_the_rest_is_judged() -> None:
    rows = log_of("confirmation_timeout_inputs_missing", "forced_rows_unflagged")
    failure = failure_of(rows)
    entry = Known("row_unconfirmed", failure.peer, "told later", (119, 119))
    report = judged(rows, entry, Known("exports_agree", "b", "so the rows differ", (119, 119)))
    assert (report.failure, report.stale, entry.applied) == (None, (), 1)
    for other in (
        Known("row_unconfirmed", "b", ""),
        Known("row_state", "a", ""),
        Known("row_unconfirmed", "a", "", (0, 9)),
    ):
        assert judged(rows, other).failure == failure


def test_past_a_known_refusal_the_model_goes_on_without_the_guard() -> None:
    rows = log_of("active_input_parity", "phase_61")
    entries = [Known("promote_frame.no_rollback_pending", peer, "as in revision 61") for peer in "ab"]
    before, after = judged(rows), judged(rows, *entries)
    assert before.failure is not None
    assert set(before.stopped) == {"a", "b"}
    assert before.stopped.keys() - after.stopped.keys() or after.stopped["b"] > before.stopped["b"]
    assert any(entry.applied for entry in entries)
    assert after.failure is not None or set(after.lost) == {"a", "b"}


def test_a_known_divergence_that_is_gone_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, known = tmp_path / "log", tmp_path / "known.json"
    run(["simulate", "idle_parity", "--save-log", str(log)])
    known.write_text('[{"clause": "game", "peer": "a", "frames": [3, 9], "reason": "flickers", "issue": "#12"}]')
    capsys.readouterr()
    assert run(["check-log", str(log), "--known", str(known), "--json", str(tmp_path / "out.json")]) == 1
    assert "no longer there: game: a, frames 3 to 9: flickers (#12)" in capsys.readouterr().out
    document = json.loads((tmp_path / "out.json").read_text())
    assert (document["outcome"], document["divergence"], len(document["stale"])) == ("diverges", None, 1)
    known.write_text('[{"clause": "game"}]')
    assert run(["check-log", str(log), "--known", str(known)]) == 2
    assert run(["check-log", str(log), "--known", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.count("\n") == 2


# --- the command ---


def test_the_command_tells_all_of_a_divergence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, out = tmp_path / "log", tmp_path / "out.json"
    assert run(["simulate", "active_input_parity", "--variant", "phase_61", "--save-log", str(log)]) == 1
    capsys.readouterr()
    assert run(["check-log", str(log), "--json", str(out)]) == 1
    text, told = capsys.readouterr().out, json.loads(out.read_text())["divergence"]
    assert f"{log}:{told['line']}: {told['peer']}, frame 0: promote_frame.no_rollback_pending" in text
    assert "No rollback is pending." in text
    assert "without the guard promote_frame.no_rollback_pending" in text
    assert (told["model"]["pending"], told["allowed_by"]) == (0, ["promote_frame.no_rollback_pending"])


def test_the_command_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log"
    assert run(["simulate", "idle_parity", "--save-log", str(log)]) == 0
    assert run(["check-log", str(log)]) == 0
    assert "The log holds." in capsys.readouterr().out


HEADER = {"log": 1, "players": ["a", "b"]}


@pytest.mark.parametrize("rows", [[HEADER], [HEADER, {"peer": "a", "obs": {"obs": "violation", "kind": "oops"}}]])
def test_where_nothing_is_judged_nothing_holds(rows: Rows, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(["check-log", str(log)]) == 3


def test_only_one_session_is_saved_as_a_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log"
    assert run(["simulate", "idle_parity", "three_peers", "--save-log", str(log)]) == 2
    assert run(["simulate", "--campaign", "2", "--save-log", str(log)]) == 2
    assert not log.exists()
    assert capsys.readouterr().err.count("\n") == 2


def test_the_examples_of_the_documentation_are_as_documented(tmp_path: Path) -> None:
    blocks = (SCHEMAS.parent / "logs" / "README.md").read_text(encoding="utf-8").split("```")[1::2]
    header, rows, known = blocks[1], blocks[2], next(each for each in blocks if each.startswith("\n[{"))
    log = opened("\n".join((header.strip(), rows.strip(), "")))
    assert [line.peer for line in log] == ["a", "a"]
    assert log.header.players == ("a", "b")
    (tmp_path / "known.json").write_text(known)
    assert [entry.frames for entry in load_known(tmp_path / "known.json")] == [(120, 180)]
