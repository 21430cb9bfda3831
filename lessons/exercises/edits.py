"""Edits of the reference that a reader makes: searched for what goes wrong, and for whether anything still happens."""

from __future__ import annotations

from collections.abc import Callable

from rollproof.lessons.exercises.exercise import Outcome
from rollproof.lessons.laboratory.edits import EditError, edited, source_of
from rollproof.lessons.laboratory.judging import FIRST_LIMIT, POSSIBLE, SAFETY, runs_of
from rollproof.model.search.instances import INSTANCES
from rollproof.model.search.search import Refuted, reach, search
from rollproof.model.traces.trace import Trace
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.transition import Protocol


def damaged(file: str, old: str, new: str) -> str:
    """Return the text of a file of the reference with one place changed.

    Raises:
        ValueError: if the place is not there exactly once.
    """
    text = source_of(file)
    if text.count(old) != 1:
        raise ValueError(f"{file}.py has {text.count(old)} places like {old!r}")
    return text.replace(old, new)


def _wrong(protocol: Protocol, trace: Trace) -> Outcome:
    violation = trace.violation
    told = "" if violation is None else f"{violation.property}: {violation.sentence}"
    return Outcome(
        False, f"It still goes wrong, after {len(trace.steps)} steps: {told}", tuple(runs_of(protocol, trace))
    )


def mending(file: str, transition: str, instance: str = "core") -> Callable[[str], Outcome]:
    """Return a checker of edited text: nothing goes wrong with it, and the transition is still taken somewhere."""

    def check(text: str) -> Outcome:
        try:
            made = edited({file: text})
        except EditError as error:
            return Outcome(False, str(error))
        chosen = INSTANCES[instance]
        found = search(made.protocol, SAFETY, [chosen], limit=4 * FIRST_LIMIT)
        if isinstance(found, Refuted):
            return _wrong(made.protocol, found.trace)
        witness = reach(made.protocol, chosen, step=lambda step: step.transition == transition, limit=4 * FIRST_LIMIT)
        if not isinstance(witness, Trace):
            told = f"Nothing goes wrong, because nothing happens: {transition} is never taken any more."
            return Outcome(False, told)
        usual = reach(PROTOCOL, chosen, step=lambda step: step.transition == transition, limit=4 * FIRST_LIMIT)
        if isinstance(usual, Trace) and len(witness.steps) > len(usual.steps):
            told = f"Nothing goes wrong, but {transition} is held back where nothing is wrong with it."
            return Outcome(False, told, (runs_of(PROTOCOL, usual)[0],))
        found = search(made.protocol, POSSIBLE, [chosen], limit=4 * FIRST_LIMIT)
        if isinstance(found, Refuted):
            return _wrong(made.protocol, found.trace)
        return Outcome(True, f"No run goes wrong any more, and {transition} is taken as early as it may be.")

    return check
