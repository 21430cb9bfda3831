"""How the comparison with a second solver is shown; `rollproof verify --cross-check` makes it."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from proofs.cross_check import Check, CrossReport, Outcome
from rollproof.output import BROKEN, HELD, UNDECIDED, table

OUTCOMES: tuple[Outcome, ...] = ("agreed", "disagreed", "undecided")


def render(report: CrossReport) -> Table:
    """Return how many obligations of each transition both solvers settle alike, and every one that they do not."""
    shown = table("Second solver", "transition", *OUTCOMES, "seconds", numbers=(*OUTCOMES, "seconds"))
    for name in dict.fromkeys(each.transition for each in report.checks):
        own = CrossReport(tuple(each for each in report.checks if each.transition == name), 0)
        shown.add_row(name, *(str(own.count(outcome)) for outcome in OUTCOMES))
        for check in own.checks:
            if check.outcome != "agreed":
                style = "bold red" if check.outcome == "disagreed" else "yellow"
                shown.add_row(f"  {_told(check)}", style=style)
    total = (str(report.count(outcome)) for outcome in OUTCOMES)
    shown.add_row("all", *total, f"{report.seconds:.1f}", style="bold")
    return shown


def exit_code(report: CrossReport) -> int:
    """Return the exit code that the comparison alone would have: broken, undecided, or held."""
    if report.count("disagreed"):
        return BROKEN
    return UNDECIDED if report.count("undecided") or not report.checks else HELD


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
