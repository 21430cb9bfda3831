"""What an implementation that awaits in the middle of its work must hold back (level 2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rollproof.conformance.cases.writing import ALONE, BLACK_BOX, Steps, busy_rounds, case, rounds, rule
from rollproof.conformance.schema import Json

RECORDED = (*BLACK_BOX, "inputs_are_true", "confirms")
BEGINS: Json = {"obs": "rollback_begin", "peer": "B"}
NEEDS = ("interleave", "promote")


def _late(count: int = 24) -> Steps:
    """Return rounds in which A's input of frame 4 reaches B when the packets of A are released."""
    return rounds([0, 0, 0, 0, 5] + [1, 2] * 10, [0] * 25)[:count]


HELD = (rule("A>B", "hold", rounds=[1, 11]),)


def cases() -> Iterator[Json]:
    """Return the cases of profile `recording` that need `resume`."""
    steps = _late()
    start = [*steps[:10], {"release": "A>B"}]

    def during(*middle: Json, resumes: int = 2) -> Steps:
        return [*start, {"tick": "B", "input": 3, "resumes": resumes}, *middle, {"resume": "B"}, *steps[10:]]

    common: Any = {
        "rules": ("RB-7", "RB-5", "IN-2"),
        "level": 2,
        "requires": NEEDS,
        "network": HELD,
        "expect": RECORDED,
    }
    yield case(
        "recording/interleaved-nothing", "A replay that yields after each frame, and goes on",
        "The yields alone must change nothing.",
        schedule=during(), premise=(BEGINS,), bugs=(2, 11), kills=("variant:partial_replay",), **common,
    )  # fmt: skip
    yield case(
        "recording/interleaved-delivery", "Inputs arrive in the middle of a replay",
        "They are queued. Whoever stores them at once must compare them with frames that the replay has just "
        "predicted.",
        schedule=during({"replay": "A>B", "nth": 9}, {"pass_us": 1000}), premise=(BEGINS,), bugs=(9,), **common,
    )  # fmt: skip
    yield case(
        "recording/interleaved-tick", "B's frame loop ticks in the middle of a replay",
        "The replay has the session to itself: the tick may do nothing.",
        schedule=during({"tick": "B", "input": 4}, {"tick": "B", "input": 2}), premise=(BEGINS,), bugs=(2, 9, 18),
        kills=("variant:wait_interleaves_with_tick",), **common,
    )  # fmt: skip
    yield case(
        "recording/interleaved-poll", "Timers run in the middle of a replay",
        "Nothing may be confirmed or promoted by a timer while half of the frames are still wrong.",
        schedule=during({"poll": "B"}, {"pass_us": 20000}, {"poll": "B"}), premise=(BEGINS,), bugs=(2,), **common,
    )  # fmt: skip
    late = rounds([0, 0, 0, 0, 5] + [1, 2] * 10, [0] * 25)
    yield case(
        "recording/interleaved-late-input", "An input that proves a replayed frame wrong arrives during the replay",
        "The frame was just replayed with a prediction. Stored without comparison, the misprediction is never found.",
        rules=("RB-6", "IN-2"), bugs=(9,), level=2, requires=NEEDS, expect=RECORDED,
        network=(rule("A>B", "hold", rounds=[1, 20]),),
        schedule=[*late[:12], {"release": "A>B", "count": 7}, {"tick": "B", "input": 3, "resumes": 5},
                  {"release": "A>B", "count": 4}, {"tick": "B", "input": 1}, {"resume": "B"}, *late[12:]],
        premise=(BEGINS,),
    )  # fmt: skip
    yield case(
        "recording/interleaved-second-rollback", "Two misprediction come one after the other, the second in the replay",
        "Rollbacks do not nest: the second waits until the first is over, and is not forgotten.",
        rules=("RB-7", "RB-5", "RB-2"), bugs=(2, 8, 9), level=2, requires=NEEDS, expect=RECORDED,
        network=(rule("A>B", "hold", rounds=[1, 20]),),
        schedule=[*late[:12], {"release": "A>B", "count": 8}, {"tick": "B", "input": 3, "resumes": 3},
                  {"release": "A>B"}, {"tick": "B", "input": 1, "resumes": 1}, {"resume": "B", "times": 2},
                  {"tick": "B", "input": 2, "resumes": 2}, {"resume": "B"}, *late[12:]],
        premise=({**BEGINS, "at_least": 2},), kills=("variant:wait_interleaves_with_tick",),
    )  # fmt: skip
    yield case(
        "recording/interleaved-three-peers", "Three peers, everybody late, a tick in the middle of each replay",
        "The more partners, the more there is to interleave.",
        rules=("RB-7", "BUF-4", "BUF-5"), bugs=(2, 3, 9), level=2, requires=NEEDS, expect=RECORDED, peers=3,
        latency=4.5,
        schedule=_ticks_inside(20), premise=(BEGINS,), kills=("variant:wait_interleaves_with_tick",),
    )  # fmt: skip
    yield from _at_the_end()


def _ticks_inside(count: int) -> Steps:
    steps: Steps = []
    for number, step in enumerate(busy_rounds(count, 3)):
        steps.append(step)
        if number % 3 == 2:
            peer = "ABC"[number // 3 % 3]
            steps += [
                {"pass_us": 12_000},
                {"tick": peer, "input": 1, "resumes": 1},
                {"tick": peer, "input": 2, "resumes": 1},
            ]
            steps += [{"pass_us": 7000}, {"resume": peer}]
    return steps


def _at_the_end() -> Iterator[Json]:
    needs = ("interleave", "promote", "episode-end", "input-confirmation")
    config = {"max_steps": 12, "input_confirmation_timeout_ms": 200}
    steps = rounds([0] * 4 + [5] + [1, 2] * 5, [0] * 15)
    for name, middle, title in (
        ("poll", [{"poll": "B"}, {"pass_us": 20_000}, {"poll": "B"}], "The wait polls"),
        ("export", [{"command": "B", "name": "export"}], "An export is asked for"),
        ("deadline", [{"pass_us": 400_000}, {"poll": "B"}, {"command": "B", "name": "export"}], "The deadline passes"),
    ):
        yield case(
            f"recording/interleaved-end-{name}",
            f"{title} in the middle of the last replay",
            "While a replay is half done nothing completes, and nothing is exported: half of the rows would be wrong.",
            rules=("RB-7", "EP-5", "EP-8"),
            bugs=(2,),
            level=2,
            requires=needs,
            config=config,
            network=(rule("A>B", "hold", rounds=[1, 16], **{"class": "input"}),),
            schedule=[
                *steps,
                {"release": "A>B"},
                {"poll": "B", "resumes": 2},
                *middle,
                {"resume": "B"},
                {"finish": 60, "heal": True},
            ],
            end={"how": "stop"},
            premise=(BEGINS, {"obs": "export", "peer": "B"}),
            expect=ALONE,
            degraded=("A", "B"),
            kills=("variant:export_during_rollback",) if name == "deadline" else (),
        )
