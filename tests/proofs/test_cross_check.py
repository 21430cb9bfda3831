"""Both solvers get the same obligations, and every way in which they may differ is told apart."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import cvc5
import pytest
import z3
from rich.console import Console

from rollproof.model.variants.edits import unguarded
from rollproof.proofs.cross_check import (
    SOLVERS,
    Answer,
    Check,
    CrossCheckError,
    CrossReport,
    MissingSolverError,
    Query,
    checked,
    cross_check,
    cvc5_answer,
    document,
    queries,
    rendered,
    smt2,
    z3_answer,
)
from rollproof.proofs.induction import cases, prove_transition
from rollproof.proofs.obligations import before
from rollproof.reference.buffers import promote_frame
from rollproof.reference.guards import no_rollback_pending
from rollproof.reference.protocol import PROTOCOL

SOME = ["confirm_frame", "finish_rollback", "begin_tick"]
X = z3.Int("peer.frame")
GOAL = ("some_theorem", "clause")


def query(goal: z3.BoolRef, *more: z3.BoolRef) -> Query:
    """Return the query whether a goal may fail where a frame is positive; with more goals, all together."""

    def parts() -> Iterator[Query]:
        return (query(each) for each in (goal, *more))

    goals = tuple((GOAL[0], str(number)) for number in range(1 + len(more)))
    return Query("some_transition", "path 1 of 1", goals, smt2([X > 0], [goal, *more], "a test"), parts)


def test_both_solvers_prove_the_present_protocol(tmp_path: Path) -> None:
    report = cross_check(PROTOCOL, SOME, jobs=1, directory=tmp_path / "obligations")
    assert report.count("agreed") > 60
    assert not report.of("disagreed")
    assert not report.of("undecided")
    assert {each.transition for each in report.checks} == set(SOME)
    assert {answer for each in report.checks for answer in each.answers.values()} == {"unsat"}
    assert report.agreed
    files = sorted((tmp_path / "obligations").iterdir())
    assert len(files) == len(report.checks)
    assert [each.name for each in tmp_path.iterdir()] == ["obligations"]
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert cvc5_answer(text) == "unsat"
        assert text.count("(set-logic UFLIA)") == text.count("(check-sat)") == 1


def test_every_goal_that_is_proved_is_asked_of_both() -> None:
    queried = list(queries(PROTOCOL, "confirm_frame"))
    asked = [goal for each in queried for goal in each.goals]
    trivial = {(each.property, each.clause) for each in prove_transition(PROTOCOL, "confirm_frame")} - set(asked)
    assert all(len(each.goals) == len(set(each.goals)) for each in queried)
    goals = [case.goals for case in cases(PROTOCOL, before(PROTOCOL), "confirm_frame")]
    by_form = {key for some in goals for key, goal in some.items() if z3.is_true(goal)}
    assert trivial <= by_form, "only what is true by its form is left out"


def test_the_text_is_standard() -> None:
    """It parses where nothing but the standard is accepted, and has no conjunction of nothing."""
    for each in queries(PROTOCOL, "export_episode"):
        solver = cvc5.Solver(cvc5.TermManager())
        solver.setOption("strict-parsing", "true")
        parser = cvc5.InputParser(solver)
        parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, each.text, "obligation")
        commands = []
        while not (command := parser.nextCommand()).isNull():
            commands.append(command.getCommandName())
            command.invoke(solver, parser.getSymbolManager()) if command.getCommandName() != "check-sat" else None
        assert commands[-1] == "check-sat"
        assert "(push" not in each.text
    assert z3_answer(smt2([z3.And()], [z3.Or()], "nothing follows")) == "sat"
    assert cvc5_answer(smt2([z3.And()], [z3.Or()], "nothing follows")) == "sat"


def test_a_false_obligation_is_refuted_by_both() -> None:
    (check,) = checked(query(X > 1))
    assert check.answers == {"z3": "sat", "cvc5": "sat"}
    assert check.outcome == "agreed"
    (check,) = checked(query(X > -1))
    assert check.answers == {"z3": "unsat", "cvc5": "unsat"}


@pytest.mark.parametrize(
    ("z3_says", "goal", "cvc5_says", "outcome"),
    [
        ("unsat", X > 1, "sat", "disagreed"),
        ("sat", X > -1, "unsat", "disagreed"),
        ("unknown", X > -1, "unsat", "undecided"),
        ("unknown", X > 1, "sat", "undecided"),
        ("unsat", X > -1, "unsat", "agreed"),
    ],
)
def test_a_disagreement_is_told_and_silence_is_no_agreement(
    z3_says: Answer, goal: z3.BoolRef, cvc5_says: Answer, outcome: str
) -> None:
    (check,) = checked(query(goal), {**SOLVERS, "z3": lambda text: z3_says})
    assert check.answers == {"z3": z3_says, "cvc5": cvc5_says}
    assert check.outcome == outcome
    report = CrossReport((check,), 1.0)
    assert report.agreed == (outcome == "agreed")
    assert len(document(report)["open"]) == (outcome != "agreed")
    console = Console(file=io.StringIO(), width=200)
    console.print(rendered(report))
    assert isinstance(console.file, io.StringIO)
    told = console.file.getvalue()
    assert (f"z3: {z3_says}, cvc5: {cvc5_says}" in told) == (outcome != "agreed")


def test_two_silent_solvers_do_not_agree() -> None:
    assert Check("t", "p", (GOAL,), {"z3": "unknown", "cvc5": "unknown"}).outcome == "undecided"
    assert not CrossReport((), 0.0).agreed


def test_goals_are_asked_one_by_one_where_they_do_not_hold_together() -> None:
    checks = list(checked(query(X > -1, X > 1, X > 0)))
    assert [each.answers["cvc5"] for each in checks] == ["unsat", "sat", "unsat"]
    assert [len(each.goals) for each in checks] == [1, 1, 1]


def test_neither_solver_proves_a_protocol_without_a_needed_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rollproof.proofs.cross_check.EFFORT", 300_000)
    monkeypatch.setattr("rollproof.proofs.cross_check.CVC5_EFFORT", 300_000)
    broken = unguarded(promote_frame, no_rollback_pending)(PROTOCOL)
    checks = [
        check
        for whole in queries(broken, "promote_frame")
        for part in whole.parts()
        if part.goals[0][0] == "never_promote_during_rollback"
        for check in checked(part)
    ]
    assert [each.answers for each in checks if "unsat" not in each.answers.values()] != []


def test_nothing_is_written_over_and_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(CrossCheckError, match="not an empty directory"):
        cross_check(PROTOCOL, ["begin_tick"], jobs=1, directory=tmp_path / "full")
    with pytest.raises(CrossCheckError, match="cannot be written"):
        cross_check(PROTOCOL, ["begin_tick"], jobs=1, directory=tmp_path / "none" / "new")
    monkeypatch.setattr("rollproof.proofs.cross_check.checked", None)
    with pytest.raises(TypeError):
        cross_check(PROTOCOL, ["begin_tick"], jobs=1, directory=tmp_path / "new")
    assert [each.name for each in tmp_path.iterdir()] == ["full"]


def test_without_the_second_solver_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cvc5", None)
    with pytest.raises(MissingSolverError, match=r"rollproof\[cross-check\]"):
        cross_check(PROTOCOL, ["begin_tick"])
