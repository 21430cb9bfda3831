"""What may be done in several right ways: cases that show each way to be done right (see `choices.CHOICES`)."""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.conformance.cases.writing import BLACK_BOX, LOADS, busy_rounds, case, rounds
from rollproof.conformance.schema import Json


def cases() -> Iterator[Json]:
    """Return the cases with commands to pause and to change the delay, and those of calls that are skipped."""
    for name, latency in (("", 2), ("-late", 8)):
        steps = busy_rounds(66)
        yield case(
            f"core/pause-command{name}", f"A is paused for thirty rounds, with a latency of {latency} frames",
            "A pause stops new frames, and nothing else: what arrives in it is neither lost nor left uncorrected.",
            rules=("IN-10", "RB-1"), bugs=(13, 14), requires=("pause",), latency=latency, frames=36,
            schedule=[*steps[:10], {"command": "A", "name": "pause"}, *steps[10:40], {"command": "A", "name": "go_on"},
                      *steps[40:]],
            premise=(LOADS, {"event": "command", "name": "pause", "peer": "A"}), expect=(*BLACK_BOX, "paused"),
            kills=("different:pauses_not",),
        )  # fmt: skip
    steps = rounds([3] * 40 + [2] * 26, [0] * 66)
    yield case(
        "core/pause-command-still", "A is paused for thirty rounds with a button held, and B presses nothing",
        "What a peer tells of frames that it has missed is what it simulates them with, if it simulates them.",
        rules=("IN-10", "IN-3"), bugs=(13, 14), requires=("pause",), latency=2, frames=36,
        schedule=[*steps[:10], {"command": "A", "name": "pause"}, *steps[10:40], {"command": "A", "name": "go_on"},
                  *steps[40:]],
        premise=({"event": "command", "name": "pause", "peer": "A"},), expect=(*BLACK_BOX, "paused"),
        kills=("different:catches_up_with_its_last",),
    )  # fmt: skip
    for name, delays in (("longer", (2, 5)), ("shorter", (5, 2)), ("none", (3, 0)), ("and-back", (1, 4, 1))):
        steps = rounds([(5 * i + i * i // 3) % 11 + 1 for i in range(36)], [(3 * i) % 7 for i in range(36)])
        schedule = steps[:8]
        for number, delay in enumerate(delays[1:]):
            schedule += [{"command": "A", "name": "input_delay", "value": delay}, *steps[8 + 10 * number :][:10]]
        yield case(
            f"core/delay-change-{name}", f"A's input delay changes: {', '.join(map(str, delays))}",
            "Each frame has one input, in the order of the calls: some are repeated or left out, none is made up.",
            rules=("IN-5", "IN-10"), bugs=(18, 19), requires=("delay", "delay-change"), latency=3,
            config={"input_delay": delays[0]}, schedule=[*schedule, *steps[30:]],
            premise=(LOADS, {"event": "command", "name": "input_delay", "peer": "A"}),
            kills=(f"different:{'fills_with_noise' if name == 'longer' else 'changes_its_mind'}",),
            frames=28,
        )  # fmt: skip
    yield case(
        "core/window-partner-is-back", "A partner is silent for two seconds, and the window is four frames",
        "Who goes on without a silent partner says so in `hello`, takes its inputs for 0, and not at once.",
        rules=("IN-8", "IN-6"), bugs=(25,), config={"prediction_window": 4}, latency=1,
        schedule=[*rounds([1, 2] * 5, [3, 4] * 5), {"silence": "B"}, *rounds([1, 2, 4] * 34, [None] * 102)],
        frames=10, premise=({"obs": "advance", "peer": "A", "frame": 10},), kills=("different:forgives_at_once",),
    )  # fmt: skip
