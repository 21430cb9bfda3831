"""A single transition, asked from outside: its arguments as JSON, and the variables that show what it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rollproof.conformance.schema import Json
from rollproof.reference.containers import Player
from rollproof.reference.digest import Digest
from rollproof.reference.messages import Path
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer
from rollproof.reference.transition import Transition
from rollproof.reference.transport import is_healthy

PARAMETERS = {name: each.parameters for name, each in PROTOCOL.transitions.items()}
"""The names of each transition's arguments."""
OWN = frozenset({"epoch", "game"})
"""Arguments that may be left out: what arrives is then of the peer's own episode and session."""
DIFFERENT = Digest("different")
"""A hash that no record has."""


def problem(step: Json) -> str | None:
    """Return what is wrong with a step of a schedule, or None: the arguments must be the transition's own."""
    transition = PROTOCOL.transitions.get(step["transition"])
    if transition is None:
        return f"there is no transition {step['transition']}"
    if not set(PARAMETERS[transition.name]) - OWN <= set(step["args"]) <= set(PARAMETERS[transition.name]):
        wanted = ", ".join(PARAMETERS[transition.name]) or "nothing"
        return f"{transition.name} takes {wanted}, not {', '.join(step['args']) or 'nothing'}"
    return None


def decoded(transition: str, args: Mapping[str, Json], peer: Peer) -> tuple[Any, ...]:
    """Return the arguments of a transition that JSON says, in a state."""

    def value(name: str) -> Any:
        match name:
            case "path":
                return Path(args[name])
            case "epoch" if name not in args:
                return peer.epoch
            case "game" if name not in args:
                return peer.config.game
            case "digest":
                own = _own_digest(peer, args["frame"])
                return own if own is not None and args[name] == "equal" else DIFFERENT
            case _:
                return args[name]

    return tuple(map(value, PARAMETERS[transition]))


def encoded(transition: Transition[Any], args: tuple[Any, ...], peer: Peer) -> dict[str, Json]:
    """Return arguments as JSON. Of a hash it is only said whether it equals the peer's own: hashes are not portable."""
    by_name = dict(zip(PARAMETERS[transition.name], args, strict=True))

    def value(it: Any) -> Json:
        if isinstance(it, Digest):
            return "equal" if it == _own_digest(peer, by_name["frame"]) else "different"
        return it.value if isinstance(it, Path) else it

    return {name: value(it) for name, it in by_name.items() if name != "game" or it != peer.config.game}


def _own_digest(peer: Peer, frame: int) -> Digest | None:
    canonical = peer.buffers.canonical.get(frame)
    return None if canonical is None else canonical.digest


def _by_partner(value: Callable[[Peer, Player], Json]) -> Callable[[Peer], Json]:
    return lambda peer: {partner: value(peer, partner) for partner in peer.config.partners}


def _is_unconfirmed(peer: Peer, frame: int) -> bool:
    return peer.buffers.canonical[frame].unconfirmed


VARIABLES: dict[str, Callable[[Peer], Json]] = {
    "epoch": lambda peer: peer.epoch,
    "frame": lambda peer: peer.frame,
    "ticks": lambda peer: peer.ticks,
    "confirmed": lambda peer: peer.confirmed,
    "promoted": lambda peer: peer.buffers.promoted,
    "pending": lambda peer: peer.rollback.pending,
    "rolling_back": lambda peer: peer.rollback.cursor is not None,
    "cursor": lambda peer: peer.rollback.cursor,
    "state": lambda peer: peer.simulation.state[1],
    "steps": lambda peer: peer.simulation.steps,
    "returns": lambda peer: [peer.simulation.returns.rewards.get(player, 0) for player in peer.config.players],
    "phase": lambda peer: peer.ending.phase.value,
    "end": lambda peer: peer.ending.own,
    "ends": _by_partner(lambda peer, partner: peer.ending.announced.get(partner)),
    "termination": lambda peer: peer.ending.termination,
    "deadline": lambda peer: peer.ending.deadline,
    "queued": lambda peer: {"p2p": len(peer.inputs.p2p), "relay": len(peer.inputs.relay)},
    "known": lambda peer: {player: peer.inputs.known.contiguous(player) for player in peer.config.players},
    "acknowledged": _by_partner(lambda peer, partner: peer.deliveries[partner].acknowledged),
    "ways": _by_partner(lambda peer, partner: "p2p" if is_healthy(peer.links[partner]) else "relay"),
    "rejected": lambda peer: peer.metrics.inputs_rejected,
    "conflicts": lambda peer: peer.metrics.input_conflicts,
    "mispredictions": lambda peer: len(peer.metrics.mispredictions),
    "rollbacks": lambda peer: len(peer.metrics.rollbacks),
    "greatest_depth": lambda peer: peer.metrics.greatest_depth,
    "unconfirmed": lambda peer: sorted(each for each in peer.buffers.canonical if _is_unconfirmed(peer, each)),
    "hashes_heard": lambda peer: sorted(peer.desync.heard.rows),
    "hashes_compared": lambda peer: peer.metrics.hashes_compared,
    "hash_mismatch": lambda peer: peer.desync.first_mismatch,
}
"""What a peer may be asked for, and is after each step; README.md says what each means."""
