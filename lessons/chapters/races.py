"""The promotion race, and the guards one by one."""

from __future__ import annotations

from functools import cache

from rollproof.lessons.chapters.chapter import Chapter
from rollproof.lessons.exercises.edits import damaged, mending
from rollproof.lessons.exercises.exercise import Exercise, Outcome, normal
from rollproof.lessons.exercises.steps import violating
from rollproof.lessons.laboratory.judging import SAFETY, runs_of
from rollproof.model.runs.run import Run
from rollproof.model.runs.stories import run_of_story
from rollproof.model.search.instances import INSTANCES
from rollproof.model.search.search import Refuted, search
from rollproof.model.theorems.properties import PROPERTIES
from rollproof.model.traces.trace import Trace, story_of
from rollproof.reference.protocol import PROTOCOL

RACE = "promote_frame.no_rollback_pending"
SECRET = "finish_rollback.replay_is_complete"
STEPS = 6
_GUARDS = "guards=(next_record_is_confirmed, no_rollback_pending, no_rollback_in_progress)"


@cache
def shortest(guard: str) -> Trace:
    """Return the shortest run that goes wrong without a guard.

    Raises:
        LookupError: if none is found.
    """
    transition, _, name = guard.partition(".")
    found = search(PROTOCOL.without(transition, name), SAFETY, [INSTANCES["core"]])
    if isinstance(found, Refuted):
        return found.trace
    raise LookupError(f"nothing goes wrong without {guard}")


def _race() -> tuple[Run, ...]:
    return tuple(runs_of(PROTOCOL.without(*RACE.split(".")), shortest(RACE)))


def _secret() -> tuple[Run, ...]:
    """Return the run of the secret mutant, without a word about what is missing."""
    run = run_of_story(story_of(shortest(SECRET)))
    run.title, run.protocol, run.again = "A run of a secret mutant", "secret", ""
    for moment in run.moments:
        moment.without = ()
    return (run,)


def _name_the_guard(text: str) -> Outcome:
    """Check which guard is missing, by removing the one that is named and taking the secret steps."""
    given = normal(text)
    names = {f"{each.name}.{guard.name}" for each in PROTOCOL.transitions.values() for guard in each.guards}
    if given not in names:
        near = sorted(name for name in names if given and given in name)
        more = f" Did you mean one of {', '.join(near[:4])}?" if near else ""
        return Outcome(False, f"There is no guard {given[:60]!r}; name it as transition.guard.{more}")
    steps = shortest(SECRET).steps
    transition = PROTOCOL.transitions[steps[-1].transition]
    if given == SECRET:
        return Outcome(True, f"Yes: {' '.join(_guard(given).split())} Here that was not so.")
    name, _, guard = given.partition(".")
    if name not in {step.transition for step in steps}:
        return Outcome(
            False, f"{name} is not taken in this run: the guards of what is not done cannot be missing here."
        )
    if name == transition.name:
        return Outcome(False, f"{guard} holds at the last step, so that its absence makes no difference there.")
    return Outcome(False, f"Each {name} in this run is allowed: the present protocol would have taken it as well.")


def _guard(name: str) -> str:
    transition, _, guard = name.partition(".")
    return next(each.sentence for each in PROTOCOL.transitions[transition].guards if each.name == guard)


CHAPTERS = (
    Chapter(
        "race",
        "The promotion race",
        _race,
        (
            Exercise(
                "Six steps",
                "steps",
                "The guard `no_rollback_pending` of `promote_frame` is gone. Write a run of at most six steps in "
                "which a "
                "record becomes canonical that is not what everybody really did (`canonical_is_lockstep`).",
                "A misprediction becomes known; before it is corrected, the frame is confirmed and promoted.",
                violating(PROTOCOL.without(*RACE.split(".")), [PROPERTIES["canonical_is_lockstep"]], most=STEPS),
                lambda: "schedule_input\n",
            ),
            Exercise(
                "Mend it",
                "edit",
                "This is `buffers.py` of a protocol that has the race. Mend it: nothing may go wrong any more, "
                "and frames "
                "must still be promoted as early as they may be.",
                "One of the shared guards says that no rollback is pending. It is imported already.",
                mending("buffers", "promote_frame"),
                lambda: damaged("buffers", _GUARDS, "guards=(next_record_is_confirmed, no_rollback_in_progress)"),
            ),
        ),
        (RACE,),
    ),
    Chapter(
        "guards",
        "The guards, one by one",
        _secret,
        (
            Exercise(
                "Which guard is missing?",
                "answer",
                "The picture shows the shortest run that goes wrong under a secret mutant: one guard of the "
                "protocol is "
                "missing. Which? Answer as `transition.guard`.",
                "Look at the last step, and go through the guards of its transition: which of them would not "
                "have held?",
                _name_the_guard,
            ),
        ),
        ("drain_input.no_rollback_in_progress",),
    ),
)
