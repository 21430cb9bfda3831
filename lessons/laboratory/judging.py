"""Judging an edited protocol, piece by piece: the shortest run that goes wrong, or the proof, transition by transition.

Whoever asks takes one answer after the other, and may stop in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rollproof.lessons.laboratory.edits import FILES, Edited, EditError, edited, source_of
from rollproof.model.runs.run import Run, document_of
from rollproof.model.runs.stories import run_of_story, under
from rollproof.model.search.instances import Instance
from rollproof.model.search.search import Count, Refuted, search, suited
from rollproof.model.theorems.properties import NEVER_CRASHES, PROPERTIES
from rollproof.model.theorems.property import Property
from rollproof.model.traces.trace import Trace, story_of
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.transition import Protocol

Answer = dict[str, Any]
FIRST_LIMIT = 500
"""How many states of each instance in which a change may matter are searched before the proof is tried."""
PRESENT_LIMIT = 60
"""How many of each, if nothing is changed."""
SECOND_LIMIT = 10_000
"""How many of each are searched when an obligation is open."""
OPEN_SHOWN = 5


def _is_of_liveness(each: Property) -> bool:
    return any(rule.startswith("LI-") for rule in each.rules)


SAFETY: tuple[Property | str, ...] = (
    *(
        each
        for each in PROPERTIES.values()
        if each.kind == "theorem" and not each.is_of_two and not _is_of_liveness(each)
    ),
    NEVER_CRASHES,
)
"""What is searched first: that nothing wrong happens."""
POSSIBLE: tuple[Property | str, ...] = tuple(
    each for each in PROPERTIES.values() if each.kind == "theorem" and not each.is_of_two and _is_of_liveness(each)
)
"""And then: what may happen, and must (LI). Without a guard that fails at once, and shows no harm."""


def catalogue() -> Answer:
    """Return the files that may be edited, and every transition with its guards."""
    return {
        "files": {file: source_of(file) for file in FILES},
        "transitions": [
            {
                "name": each.name,
                "sentence": " ".join(each.sentence.split()),
                "rules": list(each.rules),
                "guards": [
                    {"name": guard.name, "sentence": " ".join(guard.sentence.split()), "rules": list(guard.rules)}
                    for guard in each.guards
                ],
            }
            for each in PROTOCOL.transitions.values()
        ],
    }


def judge(sources: Mapping[str, str], without: Sequence[str], *, proof: bool = True) -> Iterator[Answer]:
    """Judge the present protocol with some of its files edited and some guards removed.

    Each answer has a `kind`: `edited`, `searching`, `refuted` with runs, `searched` with the scope, `working` while a
    transition is proved and `proving` with what became of it, `verdict`; or `unusable` with the line to blame.
    """
    try:
        made = edited(sources, without)
    except EditError as error:
        yield {"kind": "unusable", "text": str(error), "file": error.file, "line": error.line}
        return
    yield {"kind": "edited", "changed": list(made.changed), "loops": list(made.loops), "protocol": made.protocol.name}
    trace, counts = None, []
    for instance in suited(made.protocol):
        yield {"kind": "searching", "instance": instance.name, "about": instance.about}
        trace, count = _searched(made.protocol, SAFETY, instance, FIRST_LIMIT if made.changed else PRESENT_LIMIT)
        counts.append(count)
        if trace is not None:
            break
    for instance in suited(made.protocol) if trace is None and made.changed else ():
        yield {"kind": "searching", "instance": instance.name, "about": "What is possible, by the rules."}
        trace, _ = _searched(made.protocol, POSSIBLE, instance, FIRST_LIMIT)
        if trace is not None:
            break
    if trace is not None:
        yield refuted(made, trace)
        return
    yield {"kind": "searched", "scope": [_scope(each) for each in counts]}
    if proof:
        yield from _proof(made)


def refuted(made: Edited, trace: Trace) -> Answer:
    """Return the answer that a run goes wrong, drawn beside what the present protocol does."""
    return {"kind": "refuted", "runs": [document_of(each) for each in runs_of(made.protocol, trace)]}


def runs_of(protocol: Protocol, trace: Trace) -> list[Run]:
    """Return a run and, unless the present protocol takes it as well, what that one does instead."""
    run = run_of_story(story_of(trace))
    return [run] if protocol == PROTOCOL else [run, under(trace, PROTOCOL)]


def _searched(
    protocol: Protocol, asked: Sequence[Property | str], instance: Instance, limit: int
) -> tuple[Trace | None, Count]:
    found = search(protocol, asked, [instance], limit=limit)
    return (found.trace if isinstance(found, Refuted) else None), found.counts[-1]


def _scope(count: Count) -> Answer:
    return {"instance": count.instance, "states": count.states, "exhausted": count.exhausted}


def _proof(made: Edited) -> Iterator[Answer]:
    from rollproof.proofs.cti import counterexample_to_induction
    from rollproof.proofs.induction import prove_cases

    protocol = made.protocol
    first = [name for name in protocol.transitions if name in made.changed]
    names = [*first, "(start)", "(consequences)", *(name for name in protocol.transitions if name not in first)]
    open_, proved, total = [], 0, 0
    for done, name in enumerate(names, 1):
        found = []
        for some in prove_cases(protocol, name):
            found += some
            yield {"kind": "working", "transition": name, "total": total + len(found)}
        total += len(found)
        proved += sum(each.proved for each in found)
        unproved = [each for each in found if not each.proved]
        open_ += unproved
        yield {
            "kind": "proving",
            "transition": name,
            "done": done,
            "of": len(names),
            "obligations": len(found),
            "proved": proved,
            "total": total,
            "open": [_open(each) for each in unproved[:OPEN_SHOWN]],
        }
    if not open_:
        yield {"kind": "verdict", "verdict": "proved", "proved": proved, "total": total}
        return
    suspects = {each.transition for each in open_}
    for instance in (each for each in suited(protocol) if suspects & set(each.transitions)):
        yield {"kind": "searching", "instance": instance.name, "about": instance.about}
        trace, _ = _searched(protocol, (*SAFETY, *POSSIBLE), instance, SECOND_LIMIT)
        if trace is not None:
            yield refuted(made, trace)
            return
    example = next(filter(None, (counterexample_to_induction(protocol, each) for each in open_[:3])), None)
    yield {
        "kind": "verdict",
        "verdict": "undecided",
        "proved": proved,
        "total": total,
        "open": [_open(each) for each in open_[:OPEN_SHOWN]],
        "example": None
        if example is None
        else {
            "transition": example.discharge.transition,
            "property": example.discharge.property,
            "before": example.before,
            "after": example.after,
            "reached": example.reached is not None,
        },
    }


def _open(discharge: Any) -> Answer:
    each = PROPERTIES.get(discharge.property)
    return {
        "transition": discharge.transition,
        "property": discharge.property,
        "clause": discharge.clause,
        "path": discharge.path,
        "reason": discharge.reason[:200],
        "sentence": "" if each is None else each.sentence,
    }
