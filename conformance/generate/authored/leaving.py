"""A player leaves, or falls silent: whoever goes on has the same game, or says that it has not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rollproof.conformance.cases.writing import Steps, busy, case, rounds, rule
from rollproof.conformance.schema import Json

TIMEOUT_MS = 400
TOGETHER = 16
"""Rounds with everybody."""
WAITING = 40
"""Rounds after that, twice as many as the timeout needs."""
AFTER = 20
"""Rounds after the transport has told that the ways are closed."""
SURVIVORS = ("game", "order", "one_value", "survivors", "confirmed_is_final", "own_input", "goes_on")
ALONE = ("game", "order", "one_value", "exports", "survivors")
GOES_ON: Json = {"obs": "advance", "frame": TOGETHER}


def cases() -> Iterator[Json]:
    """Return the cases of profile `leaving`."""
    for how in ("told", "silent"):
        yield from _one_leaves(how)
        yield from _unequal(how)
    yield from _two_leave()
    yield from _in_an_episode()


def _steps(peers: int, leaver: str, how: str, *, together: int = TOGETHER) -> Steps:
    """Return a schedule: everybody, then everybody but one, of whom transports at last say that the way is closed."""
    names = "ABCD"[:peers]
    total = together + WAITING + AFTER
    inputs = [
        [value if number < together or name != leaver else None for number, value in enumerate(busy(total, player))]
        for player, name in enumerate(names)
    ]
    steps = rounds(*inputs)
    goes: Steps = [{"command": leaver, "name": "leave"}] if how == "told" else []
    closed: Steps = [{"link": f"{name}>{leaver}", "state": "closed"} for name in names if name != leaver]
    at = together + WAITING
    return [*steps[:together], *goes, {"silence": leaver}, *steps[together:at], *closed, *steps[at:]]


def _leaving(name: str, title: str, why: str, *, how: str, peers: int = 3, leaver: str = "C", **more: Any) -> Json:
    """Return a case in which one player leaves at the end of round 16."""
    options: dict[str, Any] = {
        "latency": 1,
        "schedule": _steps(peers, leaver, how),
        "frames": TOGETHER + WAITING + AFTER + 20,
        "requires": ("leave",),
        "premise": tuple({**GOES_ON, "peer": each} for each in "ABCD"[:peers] if each != leaver),
        **more,
        "config": {"silence_timeout_ms": TIMEOUT_MS, **more.get("config", {})},
    }
    word = "leaves" if how == "told" else "falls silent"
    made = case(
        f"leaving/{how}-{name}", title.format(f"{leaver} {word}"), why, rules=("BUF-6", "EP-13", "RB-6"),
        peers=peers, **options,
    )  # fmt: skip
    # Whether somebody who has left still counts for the window is the library's to choose.
    return {**made, "expect": list(SURVIVORS)}


def _one_leaves(how: str) -> Iterator[Json]:
    for peers in (3, 4):
        yield _leaving(
            f"{peers}-peers", "{0}, " + f"{peers} players, a constant latency of one frame",
            "The survivors must take the same inputs of the one who left, up to the same frame, and go on.",
            how=how, peers=peers,
        )  # fmt: skip
    yield _leaving(
        "no-latency", "{0}, nothing is ever late",
        "Not even a prediction is wrong before; what comes after must be agreed all the same.", how=how, latency=0,
    )  # fmt: skip
    yield _leaving(
        "input-delay", "{0}, an input delay of two frames",
        "Inputs of frames that the leaver has not simulated are already known to the others.",
        how=how, config={"input_delay": 2},
    )  # fmt: skip
    yield _leaving(
        "stalled", "{0}, a window of two frames and a latency of four",
        "The survivors are stalled when it happens: the frames held back come only now.",
        how=how, config={"prediction_window": 2}, latency=4,
        premise=({"obs": "advance", "frame": TOGETHER},),
    )  # fmt: skip
    yield _leaving(
        "first-player", "{0}, who was the first player",
        "Where one peer has a part of its own, a host's for example, it is mostly the first.",
        how=how, leaver="A", strength="SHOULD",
    )  # fmt: skip


def _unequal(how: str) -> Iterator[Json]:
    yield _leaving(
        "unequal-latency", "{0}, heard by A after one frame and by B after six",
        "When B has heard the last of it, A has long been waiting: everything arrives, only at other times.",
        how=how, latencies={"C>A": 1, "C>B": 6},
    )  # fmt: skip
    for lost in (1, 4):
        yield _leaving(
            f"last-{lost}-reach-one", "{0}, and " + f"B never hears the last {lost} rounds of it that A has heard",
            "A dying connection dies unequally. A knows inputs that B can never get from the one who left: A has to "
            "pass them on, or to drop them, too.",
            how=how, requires=("leave", "datagram"), network=(rule("C>B", "drop", rounds=[TOGETHER - lost + 1, 400]),),
        )  # fmt: skip
    for lost, compared in ((1, False), (1, True), (4, False)):
        yield _leaving(
            f"last-{lost}-wide-window{'-compared' if compared else ''}",
            "{0}, B never hears the last " + f"{lost} rounds of it, a window of 60 frames"
            + (", states compared" if compared else ""),
            "Nobody is stalled before the timeout: a rollback reaches back to the frames that only A has heard of, and "
            "must really change them.",
            how=how, requires=("leave", "datagram"),
            config={"prediction_window": 60, **({"hash_interval": 4} if compared else {})},
            network=(rule("C>B", "drop", rounds=[TOGETHER - lost + 1, 400]),),
        )  # fmt: skip
    yield _leaving(
        "last-reach-one-of-three", "{0}, and only A has heard its last three rounds",
        "Two of three survivors have to go back, or one has to pass on what it knows.",
        how=how, peers=4, leaver="D", requires=("leave", "datagram"),
        network=(rule("D>B", "drop", rounds=[TOGETHER - 2, 400]), rule("D>C", "drop", rounds=[TOGETHER - 1, 400])),
    )  # fmt: skip


def _two_leave() -> Iterator[Json]:
    for name, later in (("at-once", 0), ("in-turn", 6)):
        at = TOGETHER + later
        total = TOGETHER + WAITING + AFTER
        leaves = {"C": TOGETHER, "D": at}
        steps = rounds(
            *(
                [
                    value if number < leaves.get(peer, total) else None
                    for number, value in enumerate(busy(total, player))
                ]
                for player, peer in enumerate("ABCD")
            )
        )
        closed: Steps = [{"link": f"{one}>{two}", "state": "closed"} for one in "AB" for two in "CD"]
        until = TOGETHER + WAITING
        yield case(
            f"leaving/two-{name}",
            "Of four players C falls silent, and D " + (f"{later} rounds later" if later else "with it"),
            "What D has said of C before it fell silent, too, may have reached one survivor alone.",
            rules=("BUF-6", "EP-13", "RB-6"), requires=("leave",), peers=4,
            config={"silence_timeout_ms": TIMEOUT_MS}, latency=1, frames=total + 20,
            expect=SURVIVORS,
            premise=({**GOES_ON, "peer": "A"}, {**GOES_ON, "peer": "B"}),
            schedule=[*steps[:TOGETHER], {"silence": "C"}, *steps[TOGETHER:at], {"silence": "D"}, *steps[at:until],
                      *closed, *steps[until:]],
        )  # fmt: skip


def _in_an_episode() -> Iterator[Json]:
    for peers in (3, 4):
        leaver = "ABCD"[peers - 1]
        inputs = [busy(34, player) for player in range(peers - 1)] + [busy(12, 3) + [None] * 22]
        steps = rounds(*inputs)
        for how in ("told", "silent"):
            goes: Steps = [{"command": leaver, "name": "leave"}] if how == "told" else []
            yield case(
                f"leaving/{how}-in-an-episode-{peers}",
                f"{leaver} {'leaves' if how == 'told' else 'falls silent'} in the middle of an episode",
                "The others complete it alone, in time: what they could not confirm is marked, "
                "and the rest is the same at both.", rules=("EP-7", "EP-8", "EP-9", "EP-13"), bugs=(20,), level=2,
                requires=("promote", "episode-end", "input-confirmation"), peers=peers, latency=2,
                config={"max_steps": 24, "input_confirmation_timeout_ms": 300, "episode_sync_timeout_ms": 400},
                schedule=[*steps[:12], *goes, {"silence": leaver}, *steps[12:], {"finish": 200}], end={"how": "stop"},
                premise=({"obs": "export", "at_least": peers - 1},), expect=ALONE,
                degraded=tuple("ABCD"[: peers - 1]), kills=("variant:sync_timeout_bypasses_wait",),
            )  # fmt: skip
