"""Pairs of logs, each with one injected bug: simulated sessions of which one peer does one thing wrong in one frame."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

import attrs

from rollproof.conformance.game import HashWorld
from rollproof.conformance.logs.causes import END, INPUTS, NOT_CORRECTED, NOT_DETERMINISTIC, RECORDING, TOO_EARLY
from rollproof.conformance.logs.record import lines, recorded, recording
from rollproof.model.sessions.network import Faults
from rollproof.model.sessions.session import run
from rollproof.model.sessions.setup import Habit, Settings, Setup
from rollproof.model.variants.variants import VARIANTS
from rollproof.reference.config import Config
from rollproof.reference.events import FrameSimulated, Mispredicted
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer
from rollproof.reference.transition import Protocol, Step

Json = Any
Rows = list[Json]

FRAMES = 70
LAST = FRAMES - 15
"""Bugs are injected before this frame, so that something comes after them."""


@attrs.frozen
class Injected:
    """A session with one bug."""

    rows: Rows
    kind: str
    frame: int
    peer: str


def setup(seed: int) -> Setup:
    """Return a session of two peers with latency and loss, so that there are rollbacks."""
    random = Random(f"injected/{seed}")
    delay = random.choice((0, 0, 2))
    config = Config("a", ("a", "b"), max_steps=FRAMES, input_delay=delay, prediction_window=random.choice((None, 30)))
    faults = Faults(latency_ms=random.randrange(40, 120), jitter_ms=random.randrange(30), loss=random.choice((0, 0.1)))
    return Setup(
        Settings(config, limit_ms=20_000), seed=seed, p2p=faults, habit=Habit(change=random.choice((0.2, 0.5)))
    )


def rows_of(seed: int, protocol: Protocol) -> Rows:
    """Return the log of a session under a protocol."""
    return [json.loads(line) for line in (right(seed) if protocol is PROTOCOL else written(seed, protocol))]


def written(seed: int, protocol: Protocol) -> tuple[str, ...]:
    return tuple(lines(run(recorded(setup(seed)), recording(protocol))))


@cache
def right(seed: int) -> tuple[str, ...]:
    """Return the lines of the right session of a seed."""
    return written(seed, PROTOCOL)


def mutated(effects: dict[str, Callable[[Callable[..., Step]], Callable[..., Step]]]) -> Protocol:
    """Return the protocol with the effects of some transitions wrapped."""
    changed = {
        name: attrs.evolve(each, effect=effects[name](each.effect)) if name in effects else each
        for name, each in PROTOCOL.transitions.items()
    }
    return attrs.evolve(PROTOCOL, transitions=changed)


def target_of(seed: int, peer: str) -> int:
    """Return a frame that a peer goes back to in the right session."""
    rows = rows_of(seed, PROTOCOL)
    begun = (r["obs"]["frame"] for r in rows[1:] if r["peer"] == peer and r["obs"]["obs"] == "rollback_begin")
    targets = sorted({each for each in begun if 0 < each < LAST})
    return targets[seed % len(targets)]


def different_input(seed: int) -> Injected:
    """One peer receives another input than was sent."""
    random = Random(seed)
    peer, frame = random.choice("ab"), random.randrange(5, LAST)

    def wrap(effect: Callable[..., Step]) -> Callable[..., Step]:
        def receive(before: Peer, arrival: Any) -> Step:
            if before.config.player == peer and arrival.frame == frame:
                arrival = attrs.evolve(arrival, action=(arrival.action + 1) % 6)
            return effect(before, arrival)

        return receive

    return Injected(rows_of(seed, mutated({"receive_input": wrap})), INPUTS, frame, peer)


def other_than_announced(seed: int) -> Injected:
    """One peer simulates a frame with another own input than it sent."""
    random = Random(seed)
    peer, frame = random.choice("ab"), random.randrange(5, LAST)
    rows = rows_of(seed, PROTOCOL)
    at = "ab".index(peer)
    for row in rows[1:]:
        if row["peer"] == peer and row["obs"]["obs"] == "advance" and row["obs"]["frame"] == frame:
            row["obs"]["inputs"][at] += 1
    return Injected(rows, INPUTS, frame, peer)


def promoted_early(seed: int) -> Injected:
    """The peers promote frames that a pending rollback has still to correct, as revision 61 of the protocol did."""
    rows = rows_of(seed, VARIANTS["phase_61"].protocol)
    truth: dict[tuple[str, int], int] = {}
    for row in rows[1:]:
        if row["obs"]["obs"] == "input_local":
            truth[row["peer"], row["obs"]["frame"]] = row["obs"]["input"]
    exports = {row["peer"]: row["obs"]["rows"] for row in rows[1:] if row["obs"]["obs"] == "export"}
    wrong = [
        (each["frame"], peer)
        for peer, export in exports.items()
        for each in export
        if each["inputs"] != [truth.get((player, each["frame"]), 0) for player in "ab"]
    ]
    frame, peer = min(wrong)
    return Injected(rows, TOO_EARLY, frame, peer)


def confirmed_unknown(seed: int) -> Injected:
    """One peer's log tells that a frame is promoted before its input has come."""
    peer = "ab"[seed % 2]
    frame = target_of(seed, peer)
    rows = rows_of(seed, PROTOCOL)
    mine = [i for i, row in enumerate(rows) if i and row["peer"] == peer]
    simulated = next(i for i in mine if rows[i]["obs"].get("frame") == frame and rows[i]["obs"]["obs"] == "advance")
    first = {name: rows[simulated]["obs"][name] for name in ("inputs", "state")}
    moved = {"peer": peer, "now": rows[simulated]["now"], "obs": {"obs": "promote", "frames": [frame], "forced": False}}
    kept = [
        row
        for row in rows[1:]
        if not (row["peer"] == peer and row["obs"]["obs"] == "promote" and row["obs"]["frames"] == [frame])
    ]
    kept.insert(simulated, moved)
    for row in kept:
        if row["peer"] == peer and row["obs"]["obs"] == "export":
            row["obs"]["rows"][frame].update(first)
    return Injected([rows[0], *({k: v for k, v in row.items() if k != "seq"} for row in kept)], TOO_EARLY, frame, peer)


def dropped_rollback(seed: int) -> Injected:
    """One peer forgets that a frame must be corrected."""
    peer = "ab"[seed % 2]
    frame = target_of(seed, peer)

    def wrap(effect: Callable[..., Step]) -> Callable[..., Step]:
        def drain(before: Peer, *args: Any) -> Step:
            after, events = effect(before, *args)
            wrong = any(isinstance(each, Mispredicted) and each.frame == frame for each in events)
            if after.config.player == peer and wrong:
                pending = before.rollback.pending
                after = attrs.evolve(after, rollback=attrs.evolve(after.rollback, pending=pending))
            return after, events

        return drain

    return Injected(rows_of(seed, mutated({"drain_input": wrap})), NOT_CORRECTED, frame, peer)


def wrong_restore(seed: int) -> Injected:
    """One peer goes back to a state that is not the one before the frame."""
    peer = "ab"[seed % 2]
    frame = target_of(seed, peer)

    def wrap(effect: Callable[..., Step]) -> Callable[..., Step]:
        def begin(before: Peer, *args: Any) -> Step:
            after, events = effect(before, *args)
            if after.config.player == peer and after.rollback.cursor == frame:
                number, value, total = after.simulation.state
                after = attrs.evolve(after, simulation=attrs.evolve(after.simulation, state=(number, value ^ 1, total)))
            return after, events

        return begin

    return Injected(rows_of(seed, mutated({"begin_rollback": wrap})), NOT_CORRECTED, frame, peer)


def partial_replay(seed: int) -> Injected:
    """One peer's log lacks the end of a replay: what comes after is as it was before."""
    peer = "ab"[seed % 2]
    rows = rows_of(seed, PROTOCOL)
    mine = [i for i, row in enumerate(rows) if i and row["peer"] == peer]
    ends = [i for i in mine if rows[i]["obs"]["obs"] == "rollback_end" and 4 < rows[i]["obs"]["frame"] < LAST]
    for end in ends[seed % len(ends) :]:
        start = max(i for i in mine if i < end and rows[i]["obs"]["obs"] == "rollback_begin")
        replayed = [i for i in mine if start < i < end and rows[i]["obs"]["obs"] == "advance"]
        frames = [rows[i]["obs"]["frame"] for i in replayed]
        later = [i for i in mine if i > end and rows[i]["obs"].get("frame") == frames[-1]]
        if len(replayed) > 1 and not any(rows[i]["obs"]["obs"] == "advance" for i in later):
            cut = [row for i, row in enumerate(rows) if i != replayed[-1]]
            return Injected(
                [cut[0], *({k: v for k, v in row.items() if k != "seq"} for row in cut[1:])],
                NOT_CORRECTED, frames[-1], peer,
            )  # fmt: skip
    return dropped_rollback(seed)


def not_deterministic(seed: int) -> Injected:
    """One peer's world makes another state of one frame."""
    random = Random(seed)
    peer, frame = random.choice("ab"), random.randrange(3, LAST)

    def wrap(effect: Callable[..., Step]) -> Callable[..., Step]:
        def simulate(before: Peer, *args: Any) -> Step:
            if before.config.player != peer:
                return effect(before, *args)
            after, events = effect(attrs.evolve(before, world=HashWorld(None, frame)), *args)
            return attrs.evolve(after, world=before.world), events

        return simulate

    effects = {"simulate_frame": wrap, "replay_frame": wrap}
    return Injected(rows_of(seed, mutated(effects)), NOT_DETERMINISTIC, frame, peer)


def flickering(seed: int) -> Injected:
    """One peer's world makes another state of one frame, but only when it is simulated again."""
    peer = "ab"[seed % 2]
    rows = rows_of(seed, PROTOCOL)
    again = [r["obs"]["frame"] for r in rows[1:] if r["peer"] == peer and r["obs"].get("resimulated")]
    targets = sorted({each for each in again if 2 < each < LAST})
    frame = targets[seed % len(targets)]

    def wrap(effect: Callable[..., Step]) -> Callable[..., Step]:
        def replay(before: Peer, *args: Any) -> Step:
            if before.config.player != peer:
                return effect(before, *args)
            after, events = effect(attrs.evolve(before, world=HashWorld(None, frame)), *args)
            assert any(isinstance(each, FrameSimulated) for each in events)
            return attrs.evolve(after, world=before.world), events

        return replay

    return Injected(rows_of(seed, mutated({"replay_frame": wrap})), NOT_DETERMINISTIC, frame, peer)


def wrong_row(seed: int) -> Injected:
    """One peer's export has a cell that is none of what it simulated."""
    random = Random(seed)
    rows = rows_of(seed, PROTOCOL)
    peer, frame = random.choice("ab"), random.randrange(FRAMES)
    row = next(r["obs"] for r in rows[1:] if r["peer"] == peer and r["obs"]["obs"] == "export")["rows"][frame]
    match seed % 3:
        case 0:
            row["returns"][0] += 1
        case 1:
            row["state"] ^= 1
        case 2:
            row["inputs"][1] += 17
    return Injected(rows, RECORDING, frame, peer)


def wrong_end(seed: int) -> Injected:
    """One peer ends a few frames before the other."""
    rows = rows_of(seed, PROTOCOL)
    peer, frames = "ab"[seed % 2], FRAMES - 1 - seed % 5
    for row in rows[1:]:
        if row["peer"] == peer and row["obs"]["obs"] == "episode_end":
            row["obs"]["frame"] = frames
        if row["peer"] == peer and row["obs"]["obs"] == "export":
            del row["obs"]["rows"][frames:]
            row["obs"]["columns"] = dict.fromkeys(row["obs"]["columns"], frames)
    return Injected(rows, END, frames, peer)


INJECTIONS = (
    different_input,
    other_than_announced,
    promoted_early,
    confirmed_unknown,
    dropped_rollback,
    wrong_restore,
    partial_replay,
    not_deterministic,
    flickering,
    wrong_row,
    wrong_end,
)
