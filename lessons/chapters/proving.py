"""What a proof is: inductive invariants, vacuous ones, and judging somebody else's implementation."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import attrs

from rollproof.lessons.chapters.chapter import Chapter
from rollproof.lessons.chapters.races import RACE, shortest
from rollproof.lessons.exercises.exercise import Exercise, Outcome, normal
from rollproof.lessons.exercises.invariants import inductive, killing
from rollproof.model.runs.run import Run
from rollproof.model.runs.stories import run_of_story, under
from rollproof.model.traces.trace import story_of
from rollproof.model.variants.variants import VARIANTS
from rollproof.reference.protocol import PROTOCOL

WANTED = "pending is None or promoted <= pending"
SECRET = "bug:short_ring"
CASE = "core/deep-rollback"
PACKED = Path(__file__).with_name("judged.json")
"""What the site packs for the browser."""
MUTANTS = {
    "one": VARIANTS["confirmed_jumps_gap"].protocol,
    "two": PROTOCOL.without("confirm_frame", "next_frame_is_simulated"),
    "three": PROTOCOL.without("promote_frame", "next_record_is_confirmed"),
}


@cache
def judged() -> tuple[Run, dict[str, Any]]:
    """Return the run of a secret implementation up to its failure, and what the judge says of it."""
    from rollproof.conformance.cases.case import published_cases
    from rollproof.conformance.mutants.catalogue import find_mutant
    from rollproof.conformance.report.picture import picture_of
    from rollproof.conformance.runner.play import Adapters
    from rollproof.conformance.suite.suite import Target, run_suite

    make = find_mutant(SECRET).make
    case = next(each for each in published_cases() if each.id == CASE)
    (result,) = run_suite([case], Target(lambda: Adapters.in_process(make), "")).results
    failure = result.judgement.failure
    if failure is None or result.run is None:
        raise LookupError(f"{SECRET} passes {CASE}")
    said = {name: getattr(failure, name) for name in ("clause", "peer", "frame", "expected", "actual")}
    return picture_of(result.run, failure, "A secret implementation", ""), {**said, "peers": list(case.peers)}


def said() -> dict[str, Any]:
    """Return what the judge says: in a browser, where the suite is not, what it said when the site was made."""
    if PACKED.is_file():
        found: dict[str, Any] = json.loads(PACKED.read_text(encoding="utf-8"))
        return found
    return judged()[1]


def _unsaid() -> tuple[Run, ...]:
    """Return the run without what the judge said of it."""
    run, _ = judged()
    moments = [*run.moments[:-1], attrs.evolve(run.moments[-1], cells=())]
    return (attrs.evolve(run, about="Judge it yourself.", moments=moments, verdict=None, again=""),)


def _first_wrong(text: str) -> Outcome:
    failure = said()
    words, peers = normal(text).split(), failure["peers"]
    if len(words) != 2 or words[0] not in {each.lower() for each in peers} or not words[1].isdecimal():
        told = f"Answer with a peer and a frame, as in `{peers[0]} 3`; the peers are {', '.join(peers)}."
        return Outcome(False, told)
    if words[0] != failure["peer"].lower():
        return Outcome(False, f"What {words[0].upper()} does is what the game and its inputs demand, up to the end.")
    if int(words[1]) != failure["frame"]:
        return Outcome(False, "The right peer. Which frame does it get wrong: where does it go back to, and from what?")
    told = f"Yes. The judge says: {failure['clause']}: expected {failure['expected']}, got {failure['actual']}."
    return Outcome(True, told)


CHAPTERS = (
    Chapter(
        "induction",
        "What an inductive invariant is",
        lambda: (run_of_story(story_of(shortest(RACE))), under(shortest(RACE), PROTOCOL)),
        (
            Exercise(
                "Strengthen it",
                "invariant",
                f"`{WANTED}` is true of every state that can be reached: what is canonical is never rolled back. "
                f"But it is "
                "not inductive. Write an invariant that implies it and is kept by every step from every state "
                "that has it, "
                "reachable or not. You may speak of `frame`, `confirmed`, `promoted`, `pending`, `cursor` and "
                "`complete` "
                "(the highest frame up to which every input is known).",
                "Read the counterexample to induction: the state that it begins with cannot be reached. Say why.",
                inductive(WANTED),
                lambda: WANTED,
            ),
        ),
    ),
    Chapter(
        "vacuous",
        "Invariants that look right and prove nothing",
        lambda: (run_of_story(story_of(shortest(RACE))),),
        (
            Exercise(
                "One that can be broken",
                "invariant",
                "Write an invariant over `frame`, `confirmed`, `promoted`, `pending`, `cursor` and `complete` "
                "that holds in "
                "every state of the present protocol, and that each of three secret mutants breaks.",
                "A confirmed frame is simulated, and known; a promoted one is confirmed. Say all three.",
                killing(MUTANTS),
                lambda: "promoted >= 0",
            ),
        ),
    ),
    Chapter(
        "judging",
        "Judging somebody else's implementation",
        _unsaid,
        (
            Exercise(
                "What is wrong with it?",
                "answer",
                "The picture shows a secret implementation in a case in which one input is very late, up to "
                "where it goes "
                "wrong. Which peer is wrong, and to which frame does it go back where it should not? Answer as "
                "in `A 3`.",
                "The last moments tell: a peer loads a state. Of which frame? And which frame was mispredicted?",
                _first_wrong,
            ),
        ),
    ),
)
