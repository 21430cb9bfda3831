"""What an exercise is, and what its checker says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from attrs import field, frozen

from rollproof.model.runs.run import Run, document_of

LONGEST = 60_000
"""How long an attempt may be, in characters."""
Kind = Literal["answer", "steps", "losses", "edit", "invariant"]


@frozen
class Outcome:
    """What is said of an attempt."""

    passed: bool
    told: str
    """In a few sentences: what was seen, and what it means; never the answer."""
    runs: tuple[Run, ...] = ()
    """What was seen, to be drawn."""


@frozen
class Exercise:
    """Something to be found by the reader, and how an attempt is checked."""

    title: str
    kind: Kind
    task: str
    """What is to be done, in Markdown."""
    hint: str
    """Shown on demand, before anything else."""
    check: Callable[[str], Outcome] = field(repr=False)
    """Called with the attempt."""
    start: Callable[[], str] = field(default=lambda: "", repr=False)
    """Returns the text that an attempt begins with."""

    def attempt(self, text: str) -> Outcome:
        """Return what is said of an attempt; whatever is wrong with its form is told as well."""
        if len(text) > LONGEST:
            return Outcome(False, f"An attempt must be at most {LONGEST} characters long.")
        if not text.strip():
            return Outcome(False, "There is nothing to check yet.")
        try:
            return self.check(text)
        except FormError as error:
            return Outcome(False, str(error))


class FormError(ValueError):
    """An attempt does not have the form that is asked for. Its text says where and why."""


def answer(*right: str, known: dict[str, str] | None = None, otherwise: str) -> Callable[[str], Outcome]:
    """Return a checker of a short answer: what is right, and what is said of answers that were to be expected."""

    def check(text: str) -> Outcome:
        given = normal(text)
        if given in {normal(each) for each in right}:
            return Outcome(True, "That is right.")
        for wrong, told in (known or {}).items():
            if given == normal(wrong):
                return Outcome(False, told)
        return Outcome(False, otherwise)

    return check


def normal(text: str) -> str:
    """Return a short answer without what makes no difference: case, spaces, a full stop, a comment after #."""
    lines = (line.partition("#")[0] for line in text.splitlines())
    return " ".join(" ".join(lines).lower().replace(",", " ").split()).rstrip(".")


def document(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as JSON."""
    return {"passed": outcome.passed, "told": outcome.told, "runs": [document_of(each) for each in outcome.runs]}
