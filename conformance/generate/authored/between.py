"""The states between: work is interrupted at its first yield and at each one after it, while anything arrives.

Written as a product of *where work waits* and *what arrives*, not by hand: an implementation waits where it likes, so a
case goes through all numbers of resumptions, from none to more than there are yields in its rollbacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from rollproof.conformance.cases.writing import ALONE, BLACK_BOX, Steps, busy, case, rounds, rule
from rollproof.conformance.schema import Json

RECORDED = (*BLACK_BOX, "inputs_are_true", "confirms")
NEEDS = ("interleave", "promote")
DEEPEST = 6
"""Frames that a rollback goes back: with a yield before and after each frame it has twice as many yields."""
RESUMPTIONS = 2 * DEEPEST + 3
"""One more than there can be yields, so that the last of them is before the end of the work and after it."""

Event = Callable[[int], Steps]
"""What arrives at B while its work waits, given the number of the round."""


def cases() -> Iterator[Json]:
    """Return the cases of profile `recording` that go through all states between."""
    for name, (title, why, event, bugs) in EVENTS.items():
        needs = (*NEEDS, *(["relay"] if name == "link" else []))
        yield case(
            f"recording/between-{name}", f"{title} at each point where a rollback waits",
            f"{why} Each point where work waits is tried, the first one before anything was loaded, too.",
            rules=("RB-7", "RB-5", "IN-2"), bugs=bugs, level=2, requires=needs, expect=RECORDED,
            network=(rule("A>B", "hold", rounds=[1, 10_000]),), schedule=_segments(event), frames=8 * RESUMPTIONS,
            premise=({"obs": "rollback_begin", "peer": "B", "at_least": RESUMPTIONS // 2},),
            kills=("variant:partial_replay", *(("bug:ticks_before_the_load",) if "tick" in name else ())),
        )  # fmt: skip
    for name, (title, event) in WAIT_EVENTS.items():
        yield case(
            f"episode/between-{name}", f"{title} at each point where the last rollback of an episode waits",
            "While a replay is half done nothing completes and nothing is exported: half of the rows would be wrong.",
            rules=("RB-7", "EP-5", "EP-8"), bugs=(2,), level=2,
            requires=(*NEEDS, "episode-end", "input-confirmation"),
            config={"max_steps": 8, "input_confirmation_timeout_ms": 200}, schedule=_episodes(event),
            network=(rule("A>B", "hold", rounds=[1, 10_000], **{"class": "input"}),), end={"how": "stop"},
            premise=({"obs": "export", "peer": "B", "at_least": RESUMPTIONS},),
            expect=ALONE, degraded=("A", "B"), kills=("variant:partial_replay",),
        )  # fmt: skip


def _segments(event: Event) -> Steps:
    """Return for each number of resumptions: a rollback of B that is left after so many, and what arrives then."""
    steps: Steps = []
    inputs = iter(zip(busy(8 * RESUMPTIONS, 0), busy(8 * RESUMPTIONS, 1), strict=True))
    for resumes in range(RESUMPTIONS):
        steps += [{"round": list(next(inputs))} for _ in range(DEEPEST)]
        steps += [{"release": "A>B"}, {"tick": "B", "input": 3, "resumes": resumes}]
        arriving = event(resumes)
        missed = sum("round" in step for step in arriving) - sum("tick" in step for step in arriving) - 1
        steps += [*arriving, {"resume": "B"}, *({"tick": "B", "input": 1} for _ in range(missed))]
        steps += [{"release": "A>B"}, *({"round": list(next(inputs))} for _ in range(2))]
    return steps


def _tick(count: int) -> Event:
    return lambda resumes: [{"tick": "B", "input": 4 - number} for number in range(count)]


EVENTS: Mapping[str, tuple[str, str, Event, tuple[int, ...]]] = {
    "nothing": ("Nothing arrives", "Yields alone must change nothing.", lambda _: [], (11,)),
    "tick": (
        "The frame loop calls",
        "The rollback has the session to itself: a call in its middle simulates nothing.",
        _tick(1),
        (2, 9),
    ),
    "ticks": (
        "The frame loop calls twice",
        "The first of two calls may be taken for the end of the rollback by the second.",
        _tick(2),
        (2, 9, 18),
    ),
    "waiting-tick": (
        "A call waits in its turn",
        "Two pieces of work wait: the younger one goes on first.",
        lambda resumes: [{"tick": "B", "input": 4, "resumes": 0}, {"resume": "B", "times": 1, "newest": True}],
        (2, 9),
    ),
    "poll": (
        "Timers run",
        "A timer confirms and promotes nothing while frames are still wrong.",
        lambda _: [{"poll": "B"}, {"pass_us": 20_000}, {"poll": "B"}],
        (2,),
    ),
    "input": (
        "The next inputs arrive",
        "What arrives in a replay is queued, and compared with what the replay predicts.",
        lambda resumes: [*rounds([resumes % 5 + 1], [None]), {"release": "A>B"}],
        (9, 14),
    ),
    "input-and-tick": (
        "The next input arrives, and the frame loop calls",
        "The call must not take the new input for granted while the replay goes on with the old prediction.",
        lambda resumes: [*rounds([resumes % 5 + 1], [None]), {"release": "A>B"}, {"tick": "B", "input": 2}],
        (2, 8, 9),
    ),
    "input-and-poll": (
        "The next input arrives, and timers run",
        "A misprediction of a frame that is being replayed is found in the middle: the mark of it must not be lost.",
        lambda resumes: [*rounds([resumes % 5 + 1], [None]), {"release": "A>B"}, {"poll": "B"}],
        (2, 8, 9),
    ),
    "part-of-the-inputs": (
        "Packets arrive one by one, newest first",
        "The second rollback goes back further than the first, which is still under way.",
        lambda resumes: [
            *rounds([resumes % 5 + 1, 0, 3], [None] * 3),
            {"release": "A>B", "count": 1, "newest": True},
            {"tick": "B", "input": 1},
            {"release": "A>B"},
        ],
        (2, 8, 9),
    ),
    "link": (
        "The way to the partner is interrupted",
        "Another way is taken; what is being replayed does not change.",
        lambda _: [{"link": "B>A", "state": "down"}, {"tick": "B", "input": 2}, {"link": "B>A", "state": "up"}],
        (13,),
    ),
    "time": (
        "Two seconds pass",
        "Timers that fell due in the middle of a replay wait for its end.",
        lambda _: [{"pass_us": 2_000_000}, {"tick": "B", "input": 2}],
        (2, 13),
    ),
}
"""By name: title, why, what arrives, and the classes of bug."""

WAIT_EVENTS: Mapping[str, tuple[str, Event]] = {
    "poll": ("The wait polls", lambda _: [{"poll": "B"}, {"pass_us": 20_000}, {"poll": "B"}]),
    "export": ("An export is asked for", lambda _: [{"command": "B", "name": "export"}]),
    "next": ("The next episode is asked for", lambda _: [{"command": "B", "name": "next_episode"}]),
    "deadline": (
        "The deadline passes",
        lambda _: [{"pass_us": 400_000}, {"poll": "B"}, {"command": "B", "name": "export"}],
    ),
    "tick": ("The frame loop calls", lambda _: [{"tick": "B", "input": 4}, {"tick": "B", "input": 2}]),
}


def _episodes(event: Event) -> Steps:
    """Return for each number of resumptions: an episode whose last rollback is left after so many."""
    steps: Steps = []
    for resumes in range(RESUMPTIONS):
        steps += rounds([0, 0, 5, 1, 2, 1, 2, 1, 0, 0], [0] * 10)
        steps += [{"release": "A>B"}, {"poll": "B", "resumes": resumes}, *event(resumes), {"resume": "B"}]
        steps += [{"release": "A>B"}, {"finish": 60, "heal": False, "next": resumes + 1 < RESUMPTIONS}]
    return steps
