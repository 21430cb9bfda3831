"""Lockstep, prediction, confirmation, and the two buffers."""

from __future__ import annotations

from collections.abc import Sequence

from rollproof.lessons.chapters.chapter import Chapter
from rollproof.lessons.exercises.exercise import Exercise, answer
from rollproof.lessons.exercises.steps import reaching
from rollproof.model.runs.run import Run
from rollproof.model.runs.sessions import run_of_session
from rollproof.model.sessions.network import Faults
from rollproof.model.sessions.setup import Habit, Settings, Setup
from rollproof.model.traces.trace import TraceStep
from rollproof.reference.config import Config
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer

LATENCY_MS = 100


def session(frames: int, latency_ms: int, *, window: int | None = None, seed: int = 1) -> Setup:
    """Return a session of two active players over a network that only takes its time."""
    config = Config("a", ("a", "b"), max_steps=frames, prediction_window=window)
    return Setup(Settings(config), seed=seed, p2p=Faults(latency_ms=latency_ms), habit=Habit(change=0.4))


def lockstep() -> Run:
    """Return a session that may hardly predict at all."""
    return run_of_session(session(12, LATENCY_MS, window=1), PROTOCOL, "At most one frame ahead of what is known")


def _stalls() -> int:
    """Return how often peer a is held back before it simulates frame 1."""
    held = 0
    for moment in lockstep().moments:
        if moment.peer == "a" and moment.name == "simulate_frame":
            if not moment.refused and moment.values.get("frame") == 2:
                return held
            held += bool(moment.refused)
    return held


def _corrected(steps: Sequence[TraceStep], peer: Peer) -> str:
    names = [step.transition for step in steps]
    if not len(peer.metrics.mispredictions) and "drain_input" not in names:
        return "No input of b has been drained: what has arrived lies in the queue, and nobody has looked at it."
    if not len(peer.metrics.mispredictions):
        return "Nothing was mispredicted: b really did what was predicted, or its input was known in time."
    if peer.rollback.pending is not None:
        return "A rollback is due, and has not begun."
    if peer.rollback.cursor is not None:
        return "The rollback is still in progress."
    return ""


def _has_hole(steps: Sequence[TraceStep], peer: Peer) -> str:
    if peer.frame < 2:
        return "Both frames must be simulated."
    if peer.inputs.known.get("b", 1) is None:
        return "b's input of frame 1 is not known: it must arrive, and be drained."
    return "" if peer.confirmed < 0 else "Frame 0 is confirmed: there is no hole before frame 1."


def _in_both(steps: Sequence[TraceStep], peer: Peer) -> str:
    if peer.buffers.canonical.get(0) is None:
        return "Frame 0 is not canonical."
    return "" if peer.buffers.speculative.get(1) is not None else "Frame 1 is not in the speculative buffer."


CHAPTERS = (
    Chapter(
        "lockstep",
        "Lockstep, and why it feels slow",
        lambda: (lockstep(),),
        (
            Exercise(
                "How long is the wait?",
                "answer",
                "In the picture a packet takes 100 ms, and a frame about 17. How often is peer `a` held back (its "
                "`simulate_frame` is refused) before it simulates frame 1? Answer with a number.",
                "Step through the picture with “next call” and count the refusals at a; frame 1 is simulated when its "
                "counter `frame` becomes 2.",
                lambda text: answer(
                    str(_stalls()),
                    known={
                        "0": "Look again: b's input of frame 0 is under way for 100 ms, and a may not go on "
                        "without it.",
                        str(_stalls() - 1): "One is missing: count the refusal just before the packet is drained, too.",
                        str(_stalls() + 1): "One too many: the last call of the wait is no refusal.",
                    },
                    otherwise=(
                        "That is not what the picture shows. Count the calls of a in which simulate_frame is refused."
                    ),
                )(text),
            ),
        ),
    ),
    Chapter(
        "prediction",
        "Prediction and rollback",
        lambda: (run_of_session(session(20, LATENCY_MS), PROTOCOL, "The same network, with prediction"),),
        (
            Exercise(
                "A misprediction and its cure",
                "steps",
                "Write a run of peer `a`, one step a line, in which an input of `b` was predicted wrongly and has been "
                "corrected: a rollback was due, and is over. At first everybody is predicted to do 0.",
                "Simulate frame 0 before b's input is drained; let b have done 1. Then begin_rollback, replay_frame, "
                "finish_rollback.",
                reaching(_corrected),
                lambda: "schedule_input\nsimulate_frame\n",
            ),
        ),
    ),
    Chapter(
        "confirmed",
        "The confirmed frame",
        lambda: (run_of_session(session(16, 60, seed=3), PROTOCOL, "What is confirmed, and what is ahead of it"),),
        (
            Exercise(
                "A hole",
                "steps",
                "Packets overtake each other. Write a run in which `a` has simulated both frames and knows `b`'s "
                "input of "
                "frame 1, and yet nothing is confirmed.",
                "Let only the input of frame 1 arrive: receive_input frame=1.",
                reaching(_has_hole),
                lambda: "schedule_input\nsimulate_frame\n",
            ),
        ),
    ),
    Chapter(
        "buffers",
        "Two buffers",
        lambda: (run_of_session(session(16, 60, seed=4), PROTOCOL, "Speculative records become canonical"),),
        (
            Exercise(
                "One frame in each",
                "steps",
                "Write a run after which frame 0 is canonical and frame 1 is speculative.",
                "b's input of frame 0 must be known, the frame simulated, then confirmed, then promoted.",
                reaching(_in_both),
                lambda: "schedule_input\nreceive_input frame=0\n",
            ),
        ),
    ),
)
