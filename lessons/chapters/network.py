"""What the network does: holes and re-sending, the end of an episode, relay and epochs, desync."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import attrs

from rollproof.lessons.chapters.basics import session
from rollproof.lessons.chapters.chapter import Chapter
from rollproof.lessons.exercises.exercise import Exercise, Outcome, normal
from rollproof.lessons.exercises.losses import Losing, spoiling
from rollproof.lessons.exercises.steps import reaching, violating
from rollproof.model.runs.run import Run
from rollproof.model.runs.sessions import RecordedSession, finished, run_of_session
from rollproof.model.sessions.network import Faults
from rollproof.model.sessions.promises import parity
from rollproof.model.sessions.report import differences, rows_of
from rollproof.model.sessions.scenarios import SCENARIOS
from rollproof.model.sessions.setup import Settings, Setup
from rollproof.model.sessions.worlds import ArithmeticWorld
from rollproof.model.theorems.properties import PROPERTIES
from rollproof.model.traces.trace import TraceStep
from rollproof.model.variants.variants import VARIANTS
from rollproof.reference.config import Config
from rollproof.reference.containers import JointAction
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer
from rollproof.reference.values import evolve
from rollproof.reference.world import Outcome as WorldOutcome

REDUNDANCY = 3
FRAMES = 30
ODD = "b"
LEAVES_AT = 17
_NEVER_AGAIN = VARIANTS["redundancy_only"].protocol
_UNTAGGED = VARIANTS["untagged_inputs"].protocol


def _lossy() -> tuple[Run, ...]:
    losing = Losing(session(FRAMES, 50), "a", frozenset((8, 9, 10)))
    return (
        run_of_session(losing, _NEVER_AGAIN, "Nothing is sent again", (parity,)),
        run_of_session(losing, PROTOCOL, "Inputs are sent again until they are acknowledged", (parity,)),
    )


def _unconfirmed(steps: Sequence[TraceStep], peer: Peer) -> str:
    if peer.ending.phase.value != "completed":
        return f"The episode is not complete: the peer is {peer.ending.phase.value}."
    flagged = [frame for frame in peer.buffers.canonical if peer.buffers.canonical[frame].unconfirmed]
    return "" if flagged else "It is complete, but every record is confirmed: nothing was missing."


def _silent() -> tuple[Run, ...]:
    scenario = SCENARIOS["confirmation_timeout"]
    config = attrs.evolve(scenario.setup.settings.config, max_steps=FRAMES)
    settings = Settings(config, silent={"b": 250}, limit_ms=8000)
    return (run_of_session(Setup(settings, p2p=Faults(latency_ms=40)), PROTOCOL, "b falls silent after 250 ms"),)


class _Perturbed(ArithmeticWorld):
    """A world that goes its own way from one frame on."""

    def step(self, state: Any, actions: JointAction) -> tuple[Any, WorldOutcome]:
        """Return the next state; in one frame a wrong one."""
        after, outcome = super().step(state, actions)
        if state.frame != LEAVES_AT:
            return after, outcome
        return after._replace(value=after.value + 1), outcome


class _OddSession(RecordedSession):
    """A session in which one peer's world is not that of the others."""

    def __init__(self) -> None:
        config = Config("a", ("a", "b", "c"), max_steps=FRAMES, hash_interval=6)
        setup = Setup(Settings(config), seed=5, p2p=Faults(latency_ms=40))
        super().__init__(setup, PROTOCOL, "One of three leaves lockstep")
        seat = self.seats[ODD]
        seat.peer = evolve(seat.peer, world=_Perturbed())


@cache
def _odd() -> tuple[Run, str, int]:
    """Return the run, who is alone with its records, and from which frame on."""
    played = _OddSession()
    played.run()
    exports = {player: rows_of(each[0]) for player, each in played.result().exports.items()}
    first = {
        (one, other): min((each.frame for each in differences(0, exports[one], exports[other])), default=FRAMES)
        for one in exports
        for other in exports
        if one != other
    }
    alone = max(exports, key=lambda one: sum(frame < FRAMES for (left, _), frame in first.items() if left == one))
    frame = min(at for (one, _), at in first.items() if one == alone)
    return finished(played), alone, frame


def _who_and_when(text: str) -> Outcome:
    run, who, frame = _odd()
    words = normal(text).split()
    if len(words) != 2 or words[0] not in run.players or not words[1].isdecimal():
        return Outcome(False, "Answer with a peer and a frame, as in `a 3`.")
    if words[0] != who:
        other = next(each for each in run.players if each not in (words[0], who))
        return Outcome(
            False, f"{words[0]} agrees with {other} in every frame: two against one, so it is not the odd one."
        )
    if int(words[1]) != frame:
        late = "later than that: compare the returns in the records" if int(words[1]) < frame else "earlier"
        return Outcome(False, f"The right peer; but its records differ from the others' {late}.")
    return Outcome(True, f"Yes: from frame {frame} on {who} is alone with what it computes.")


CHAPTERS = (
    Chapter(
        "holes",
        "Holes, re-sending, and why redundancy is not enough",
        _lossy,
        (
            Exercise(
                "Lose an input for good",
                "losses",
                f"Under the variant `redundancy_only` each packet of `a` carries the newest input and the two "
                f"before it, and "
                f"nothing is ever sent again. Have the network lose three packets, so that a record stays "
                f"unconfirmed. List "
                f"the frames whose packets are lost; use frames below {FRAMES - 5}.",
                "An input is in three packets. What if all three are lost?",
                spoiling(session(FRAMES, 50), _NEVER_AGAIN, "a", REDUNDANCY, FRAMES - 5),
            ),
        ),
    ),
    Chapter(
        "ending",
        "The end of an episode, and why no timeout can promise agreement",
        _silent,
        (
            Exercise(
                "Complete without the partner",
                "steps",
                "Write a run of `a` that completes its episode although it never hears of `b`: at least one record is "
                "canonical and unconfirmed. (Times are 0, or the deadline of the present phase.)",
                "The end is suspected; the partners' end does not come; the wait expires; what is left is "
                "promoted by force.",
                reaching(_unconfirmed, instance="ending"),
                lambda: "schedule_input action=0\nsimulate_frame\nsuspect_end\n",
            ),
        ),
    ),
    Chapter(
        "epochs",
        "Relay and epochs",
        lambda: (run_of_session(SCENARIOS["p2p_drops_mid_episode"].setup, PROTOCOL, "The relay takes over"),),
        (
            Exercise(
                "An input of another episode",
                "steps",
                "Under the variant `untagged_inputs` nobody looks at the episode of an input. Write a run in "
                "which an input "
                "of another episode is taken for one of this (`nothing_crosses_an_episode`).",
                "receive_input has an argument `epoch`; this is episode 0.",
                violating(_UNTAGGED, [PROPERTIES["nothing_crosses_an_episode"]], instance="strangers"),
                lambda: "receive_input player=b\n",
            ),
        ),
    ),
    Chapter(
        "desync",
        "Desync, and finding who left lockstep",
        lambda: (_odd()[0],),
        (
            Exercise(
                "Who, and when?",
                "answer",
                "One of the three peers of the picture computes something else from some frame on. Which, and "
                "from which "
                "frame on do its records differ? Answer as in `a 3`.",
                "Each hash covers all frames before it, and is sent every six frames. A mismatch says that "
                "something before "
                "it differs; the records of those frames show what.",
                _who_and_when,
            ),
        ),
    ),
)
