"""A second solver: every obligation as SMT-LIB 2, given to Z3 and to cvc5 alike.

Both read the same text, so neither relies on the other's library. A word of one against a word of the other is a
disagreement; where one gives no word the obligation is undecided, never agreed upon.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path as File
from typing import Any, Literal

import z3
from attrs import field, frozen
from rich.table import Table

from rollproof.model.symbolic.formulas import conjunction, negation
from rollproof.model.theorems.properties import is_trusting
from rollproof.model.workers import in_parallel
from rollproof.proofs.induction import EFFORT, cases, premises_of, solver_with
from rollproof.proofs.obligations import Before, Case, before
from rollproof.reference.transition import Protocol

CVC5_EFFORT = 5_000_000
"""How many of its own units of work cvc5 may spend on one query; Z3 may spend `EFFORT` of its own."""
LOGIC = "UFLIA"
"""The standard's name for what the obligations are written in: quantifiers, uninterpreted sorts, linear integers."""
CVC5_OPTIONS = {"prenex-quant-user": "true", "full-saturate-quant": "true"}
"""Nested quantifiers are taken as one, as Z3 does, so that the trigger of the inner one serves both: without it nothing
that speaks of all players at all frames is decided. Where triggers find nothing more, ground terms are tried."""

Answer = Literal["unsat", "sat", "unknown"]
"""What a solver says of premises and the negation of a goal; it is proved if they are unsatisfiable."""
Outcome = Literal["agreed", "disagreed", "undecided"]
OUTCOMES: tuple[Outcome, ...] = ("agreed", "disagreed", "undecided")


class CrossCheckError(Exception):
    """The obligations cannot be checked, or not be written. Its text is one line."""


class MissingSolverError(CrossCheckError):
    """The second solver is not installed."""


@frozen
class Query:
    """Goals of one case with the same premises, as SMT-LIB 2."""

    transition: str
    path: str
    goals: tuple[tuple[str, str], ...]
    """By (property, clause); the query asks whether one of them can fail."""
    text: str = field(repr=False)
    parts: Callable[[], Iterator[Query]] = field(repr=False)
    """Return the same, goal by goal: asked if the solvers do not both answer for all of them together."""


@frozen
class Check:
    """What the solvers said of one query."""

    transition: str
    path: str
    goals: tuple[tuple[str, str], ...]
    answers: Mapping[str, Answer]
    """By solver."""

    @property
    def outcome(self) -> Outcome:
        """Whether they agree, disagree, or have not both answered."""
        given = set(self.answers.values())
        if {"unsat", "sat"} <= given:
            return "disagreed"
        return "agreed" if len(given) == 1 and "unknown" not in given else "undecided"


@frozen
class CrossReport:
    """The obligations of a protocol, as two solvers see them."""

    checks: tuple[Check, ...]
    seconds: float

    def count(self, outcome: Outcome) -> int:
        """Return how many obligations had this outcome."""
        return sum(len(each.goals) for each in self.of(outcome))

    @property
    def agreed(self) -> bool:
        """Whether both solvers say the same of every obligation, and there are some."""
        return bool(self.checks) and all(each.outcome == "agreed" for each in self.checks)

    def of(self, outcome: Outcome) -> tuple[Check, ...]:
        """Return the checks with this outcome."""
        return tuple(each for each in self.checks if each.outcome == outcome)


def cross_check(
    protocol: Protocol,
    transitions: Iterable[str] | None = None,
    jobs: int | None = None,
    directory: File | None = None,
) -> CrossReport:
    """Give every obligation of a protocol to both solvers; of the given transitions only, if there are any.

    With a `directory` the queries are written to it as well, whole or not at all.

    Raises:
        MissingSolverError: if cvc5 is not installed.
        CrossCheckError: if the directory is not empty, or cannot be written.
    """
    _cvc5()
    started = time.perf_counter()
    names = ["(start)", "(consequences)", *protocol.transitions] if transitions is None else list(transitions)

    def check(name: str) -> list[Check]:
        return [each for query in _written(queries(protocol, name), beside) for each in checked(query)]

    beside = None if directory is None else _beside(directory)
    try:
        found = [each for some in in_parallel(check, names, jobs) for each in some]
        if directory is not None and beside is not None:
            beside.chmod(0o755)
            beside.replace(directory)
    except OSError as error:
        raise CrossCheckError(f"{directory}: cannot be written: {error.strerror}") from None
    finally:
        if beside is not None:
            shutil.rmtree(beside, ignore_errors=True)
    return CrossReport(tuple(found), time.perf_counter() - started)


def check_possible(directory: File | None) -> None:
    """Check before a long proof that a cross-check could be made after it.

    Raises:
        CrossCheckError: as `cross_check` does.
    """
    _cvc5()
    if directory is not None:
        _beside(directory).rmdir()


def queries(protocol: Protocol, name: str) -> Iterator[Query]:
    """Yield the queries of one transition, of the start, or of the consequences."""
    state: Before = before(protocol)
    for case in cases(protocol, state, name):
        for trusting in (True, False):
            goals = {
                key: goal
                for key, goal in case.goals.items()
                if is_trusting(key[0]) == trusting and not z3.is_true(goal)
            }
            if goals:
                yield _query(case, premises_of(case, trusting), goals)


def _query(case: Case, premises: list[Any], goals: Mapping[tuple[str, str], Any]) -> Query:
    def parts() -> Iterator[Query]:
        return (_query(case, premises, {key: goal}) for key, goal in goals.items())

    return Query(case.transition, case.path, tuple(goals), smt2(premises, goals.values(), _title(case, goals)), parts)


def smt2(premises: Iterable[Any], goals: Iterable[Any], title: str) -> str:
    """Return as SMT-LIB 2 the question whether one of the goals can fail where all premises hold."""
    solver = z3.Solver()
    solver.add(*map(_standard, (*premises, negation(conjunction(goals)))))
    lines = solver.to_smt2().splitlines()
    body = [line for line in lines if not line.startswith((";", "(set-info"))]
    return "\n".join((f"; {title}", "(set-info :smt-lib-version 2.6)", f"(set-logic {LOGIC})", *body, ""))


def _standard(formula: Any) -> Any:
    """Return a formula without conjunctions and disjunctions of nothing, which the standard does not know."""
    return z3.substitute(formula, (z3.And(), z3.BoolVal(True)), (z3.Or(), z3.BoolVal(False)))


def _title(case: Case, goals: Iterable[tuple[str, str]]) -> str:
    names = ", ".join(sorted({name for name, _ in goals}))
    return f"{case.transition}, {case.path}: unsatisfiable if these hold after it: {names}"


def z3_answer(text: str) -> Answer:
    """Return what Z3 says of a query."""
    solver = solver_with(EFFORT)
    solver.from_string(text)
    return _answer(str(solver.check()))


def cvc5_answer(text: str) -> Answer:
    """Return what cvc5 says of a query."""
    cvc5 = _cvc5()
    solver = cvc5.Solver(cvc5.TermManager())
    for name, value in {**CVC5_OPTIONS, "rlimit-per": str(CVC5_EFFORT)}.items():
        solver.setOption(name, value)
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "obligation")
    said = ""
    while not (command := parser.nextCommand()).isNull():
        said += command.invoke(solver, parser.getSymbolManager())
    return _answer(said.strip())


SOLVERS: dict[str, Callable[[str], Answer]] = {"z3": z3_answer, "cvc5": cvc5_answer}


def checked(query: Query, solvers: Mapping[str, Callable[[str], Answer]] = SOLVERS) -> Iterator[Check]:
    """Yield what the solvers say of a query: of all its goals together if both answer, else of each."""
    check = Check(query.transition, query.path, query.goals, {name: ask(query.text) for name, ask in solvers.items()})
    if len(query.goals) > 1 and set(check.answers.values()) != {"unsat"}:
        for part in query.parts():
            yield from checked(part, solvers)
    else:
        yield check


def _answer(said: str) -> Answer:
    return "unsat" if said == "unsat" else "sat" if said == "sat" else "unknown"


def _cvc5() -> Any:
    try:
        import cvc5
    except ImportError:
        raise MissingSolverError("the second solver is not installed; it comes with rollproof[cross-check]") from None
    return cvc5


def _beside(directory: File) -> File:
    try:
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise CrossCheckError(f"{directory} is not an empty directory")
        return File(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.resolve().parent))
    except OSError as error:
        raise CrossCheckError(f"{directory}: cannot be written: {error.strerror}") from None


def _written(found: Iterable[Query], directory: File | None) -> Iterator[Query]:
    """Pass queries on, and write each to a directory if there is one."""
    for number, query in enumerate(found, 1):
        if directory is not None:
            name = query.transition.strip("()").replace(" ", "_")
            (directory / f"{name}.{number:03}.smt2").write_text(query.text, encoding="utf-8")
        yield query


def rendered(report: CrossReport) -> Table:
    """Return how many obligations of each transition both solvers settle alike, and every one that they do not."""
    shown = Table(title="Second solver", title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in ("transition", *OUTCOMES, ""):
        shown.add_column(column, justify="right" if column in OUTCOMES else "left", overflow="fold")
    for name in dict.fromkeys(each.transition for each in report.checks):
        own = CrossReport(tuple(each for each in report.checks if each.transition == name), 0)
        told = [_told(each) for each in own.checks if each.outcome != "agreed"]
        shown.add_row(name, *(str(own.count(outcome)) for outcome in OUTCOMES), "\n".join(told))
    total = (str(report.count(outcome)) for outcome in OUTCOMES)
    shown.add_row("all", *total, f"in {report.seconds:.1f} s", style="bold")
    return shown


def document(report: CrossReport) -> dict[str, Any]:
    """Return the comparison as JSON: the counts, and every obligation that is not agreed upon."""
    return {
        "seconds": round(report.seconds, 3),
        **{outcome: report.count(outcome) for outcome in OUTCOMES},
        "open": [
            {
                "transition": each.transition,
                "path": each.path,
                "goals": [{"property": name, "clause": clause} for name, clause in each.goals],
                "answers": dict(each.answers),
                "outcome": each.outcome,
            }
            for each in report.checks
            if each.outcome != "agreed"
        ],
    }


def _told(check: Check) -> str:
    goals = ", ".join(f"{name} ({clause})" for name, clause in check.goals)
    answers = ", ".join(f"{solver}: {answer}" for solver, answer in check.answers.items())
    return f"{check.path}: {goals}: {answers}"
