"""A partner who says two things, or says them again later: a second process of the same peer makes the packets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rollproof.conformance.cases.writing import LOADS, Inputs, Steps, busy, case, rounds, rule
from rollproof.conformance.schema import Json

FORGED: Json = {"event": "forge", "peer": "A"}
OTHER = 9
"""An input that nobody has made otherwise."""
FIRST_STAYS = "What is known of a frame stays: the first value wins, wherever a second one comes from, and when."


def cases() -> Iterator[Json]:
    """Return the cases with a second value for an input, with old packets, and with those of another session."""
    yield from _second_values()
    yield from _old_packets()
    yield from _another_session()


def _lies(id: str, title: str, schedule: Steps, calls: dict[int, int], **also: Any) -> Json:
    parts: dict[str, Any] = {
        "kills": ("bug:second_value_replaces",),
        "rules": ("IN-3",),
        "bugs": (18,),
        "requires": ("datagram",),
        "why": FIRST_STAYS,
        **also,
    }
    premise = parts.pop("premise", ())
    made = case(f"transport/{id}", title, schedule=schedule, premise=(FORGED, *premise), **parts)
    return {**made, "twins": [{"of": "B", "inputs": {str(call): value for call, value in calls.items()}}]}


def _second_values() -> Iterator[Json]:
    steps = rounds(busy(30, 0), busy(30, 1))
    for latency in (0, 2):
        yield _lies(
            f"second-value-late-{latency}", "A second value comes for frames that are confirmed long since",
            [*steps[:9], {"pass_us": 50_000}, {"forge": "B>A"}, *steps[9:20], {"forge": "B>A", "nth": 7}, *steps[20:]],
            {2: OTHER, 5: OTHER, 7: OTHER}, latency=latency,
        )  # fmt: skip
    yield _lies(
        "second-value-at-once", "A second value comes right after the first, before anything was simulated with it",
        [each for step in steps[:16] for each in (step, {"pass_us": 1}, {"forge": "B>A"})] + steps[16:],
        dict.fromkeys(range(4, 12), OTHER),
    )  # fmt: skip
    for name, held, title in (
        ("frames-ahead", [None] * 10, "frames that A has not simulated yet, because it is paused"),
        ("frames-far-ahead", [None] * 24, "frames far ahead of A, which is paused"),
    ):
        count = len(held)
        a: Inputs = [*busy(6, 0), *held, *busy(30, 2)]
        steps = rounds(a, busy(len(a), 1))
        ahead: Steps = [{"pass_us": 1}, {"forge": "B>A"}, {"round": [None, 1]}, {"pass_us": 1}, {"forge": "B>A"}]
        yield _lies(
            f"second-value-{name}", f"A second value comes for {title}",
            [*steps[: 5 + count], *ahead, *steps[5 + count :]],
            dict.fromkeys(range(7, 5 + count), OTHER), frames=30,
            premise=({"obs": "advance", "peer": "A", "frame": 20},),
        )  # fmt: skip
    three = rounds(busy(34, 0), busy(34, 1), busy(34, 2))
    yield _lies(
        "second-value-of-an-open-frame", "A second value comes for frames that wait for a third player",
        [*three[:12], {"pass_us": 1}, {"forge": "B>A"}, *three[12:16], {"forge": "B>A"}, {"release": "C>A"},
         *three[16:]],
        dict.fromkeys(range(3, 11), OTHER), peers=3, network=(rule("C>A", "hold", rounds=[2, 17]),),
        premise=({**LOADS, "peer": "A"},),
    )  # fmt: skip
    steps = rounds(busy(30, 0), busy(30, 1))
    yield _lies(
        "second-value-before-a-hole", "A second value comes for frames behind one that is missing",
        [*steps[:12], {"pass_us": 1}, *({"forge": "B>A", "nth": number} for number in range(7, 12)), *steps[12:20],
         {"release": "B>A"}, *steps[20:]],
        dict.fromkeys((8, 9, 10), OTHER), level=1, config={"redundancy": 1, "resend_interval_ms": 1000},
        network=(rule("B>A", "hold", nth=[5], **{"class": "input"}),),
    )  # fmt: skip
    yield _lies(
        "second-value-by-the-relay", "A second value comes on the other way",
        [*steps[:10], {"pass_us": 1}, {"forge": "B>A", "via": "relay"}, *steps[10:20],
         {"forge": "B>A", "via": "relay"}, *steps[20:]],
        dict.fromkeys(range(3, 16), OTHER), level=1, requires=("relay", "datagram"),
    )  # fmt: skip


def _old_packets() -> Iterator[Json]:
    steps = rounds(busy(40, 0), busy(40, 1))
    again = [{"replay": "B>A", "nth": number} for number in range(12)]
    for name, packets in (("again", again), ("again-backwards", again[::-1])):
        yield case(
            f"transport/old-packets-{name}", "Packets of the first frames come again, later, all of them",
            "An input is identified by player and frame: the first one stays, and an old packet tells nothing new.",
            rules=("IN-3", "IN-1"), bugs=(17, 18),
            schedule=[*steps[:20], *packets, *steps[20:30], *packets, *steps[30:]],
            latency=2, requires=("datagram",),
        )  # fmt: skip


def _another_session() -> Iterator[Json]:
    steps = rounds(busy(30, 0), [None] * 3 + busy(27, 1))
    forged = [{"forge": "B>A", "nth": number} for number in range(6)]
    made = case(
        "transport/packets-of-another-session", "Packets of another session of the same players arrive",
        "A packet that is late by a whole session has the right players and the right frames, and wrong inputs.",
        rules=("IN-11",), bugs=(18, 21), requires=("datagram", "sessions"), latency=3, premise=(FORGED,),
        kills=("different:believes_every_session",),
        schedule=[*steps[:9], *forged, *steps[9:20], *forged, *steps[20:]],
    )  # fmt: skip
    changes = {str(call): OTHER for call in range(27)}
    yield {**made, "twins": [{"of": "B", "session": "an earlier one", "inputs": changes}]}
