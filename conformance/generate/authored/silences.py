"""Long silences and long sessions: a peer goes on by prediction, and later corrects everything that it got wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rollproof.conformance.cases.writing import LOADS, Inputs, Steps, case, rule
from rollproof.conformance.schema import Json

DEPTHS = (31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 511, 512, 513, 600)
"""Frames: around each power of two, where rings and counters end."""
LONG = 129
"""Frames: deeper rollbacks take long, and are cases of profile `endurance`."""
OPEN = (64, 128, 256, 600)
"""Depths at which the window is left to the implementation."""
BEFORE, AFTER = 5, 12
"""Rounds before a silence, and after it."""
SESSION = 20_000
"""Frames of the longest session: five minutes and a half, at sixty of them a second."""
PATTERNS: Sequence[Inputs] = ([0, 1, 2, 4, 1, 4, 1, 4, 2, 1, 0, 5, 4, 4, 5], [3, 4, 5, 1, 4, 1, 4, 1, 5, 4, 3, 2, 1])
"""Inputs of the two players, over and over; their lengths have no common factor."""
SHORT = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 24, 28)


def cases() -> Iterator[Json]:
    """Return the cases of silences, and those of profile `endurance`."""
    why = "A goes on by prediction, and corrects all of it when B is heard again, however long that takes."
    for depth in DEPTHS:
        yield _look(depth, case(
            f"{_profile(depth)}/silence-of-{depth}-frames", f"Nothing from B reaches A for {depth} frames", why,
            rules=("IN-9", "RB-4", "IN-3"), bugs=(12, 14, 15, 16), requires=("datagram", "retransmit"), latency=1,
            kills=("bug:short_ring", *(("bug:short_history",) if depth > 64 else ())),
            config={"prediction_window": depth + 20}, schedule=_rounds(BEFORE + depth + AFTER),
            network=(rule("B>A", "drop", rounds=[BEFORE, BEFORE + depth]),), frames=BEFORE + depth + AFTER,
            premise=({**LOADS, "peer": "A", "to": BEFORE + 1},
                     {"obs": "advance", "peer": "A", "frame": BEFORE + depth}),
        ))  # fmt: skip
    for depth in OPEN:
        yield _look(depth, case(
            f"{_profile(depth)}/silence-of-{depth}-frames-any-window",
            f"Nothing from B reaches A for {depth} frames, and the window is the implementation's own", why,
            rules=("IN-9", "RB-4", "IN-3"), bugs=(12, 14, 15, 16), requires=("datagram", "retransmit"), latency=1,
            kills=("bug:short_ring", *(("bug:short_history",) if depth > 64 else ())),
            schedule=_rounds(BEFORE + depth + 60), network=(rule("B>A", "drop", rounds=[BEFORE, BEFORE + depth]),),
            frames=50, premise=({**LOADS, "peer": "A"},),
        ))  # fmt: skip
    yield case(
        "transport/silence-on-both-sides", "Nothing reaches anybody for 130 frames, and then everything at once",
        "Both go on alone, and both correct all of it: nothing was lost, so nothing needs to be sent again.",
        rules=("IN-9", "RB-4", "IN-2"), bugs=(12, 14, 17), latency=1, config={"prediction_window": 200},
        schedule=[*_rounds(BEFORE + 130), {"release": "B>A"}, {"release": "A>B"}, *_rounds(AFTER)],
        network=(rule("*>*", "hold", rounds=[BEFORE, BEFORE + 131]),), frames=BEFORE + 130,
        premise=({**LOADS, "peer": "A", "to": BEFORE + 1}, {**LOADS, "peer": "B", "to": BEFORE + 1}),
        kills=("bug:short_ring",),
    )  # fmt: skip
    start, rules = 10, []
    for depth in SHORT:
        rules.append(rule("B>A", "drop", rounds=[start, start + depth]))
        start += depth + 8
    yield case(
        "transport/silences-of-1-to-28-frames", "Silences of B, each longer than the one before",
        "Every depth of a rollback is taken once, so that none is special.",
        rules=("IN-9", "RB-4", "RB-5"), bugs=(12, 14, 15, 25), requires=("datagram", "retransmit"), latency=1,
        config={"prediction_window": 40}, schedule=_rounds(start), network=rules, frames=start,
        premise=({**LOADS, "peer": "A", "at_least": len(SHORT)},), kills=("bug:short_ring",),
    )  # fmt: skip
    yield _long(
        "endurance/20000-frames", SESSION, "All goes well for 20,000 frames, but for an outage at each power of two",
        [rule("B>A", "drop", rounds=[edge - 6, edge + 6]) for edge in (2**n for n in range(6, 15))],
    )  # fmt: skip


def _profile(depth: int) -> str:
    return "endurance" if depth > LONG else "transport"


def _look(depth: int, made: Json) -> Json:
    """Return a case that is not followed step by step if it is long."""
    return {**made, "look": 0} if depth > LONG else made


def _rounds(count: int) -> Steps:
    return [{"rounds": count, "inputs": [list(each) for each in PATTERNS]}]


def _long(id: str, count: int, title: str, network: Sequence[Json]) -> Json:
    made = case(
        id, title, "What is kept for ever, or counted in too few bits, shows after minutes only.",
        rules=("IN-9", "BUF-6", "RB-4"), bugs=(12, 14, 16), requires=("datagram", "retransmit"), latency=1,
        schedule=_rounds(count), network=network, frames=count - 60, end=None,
        premise=({**LOADS, "peer": "A", "at_least": 100}, {"event": "lost", "at_least": 50}),
        kills=("bug:frames_in_fourteen_bits",),
    )  # fmt: skip
    return {**made, "look": 0}
