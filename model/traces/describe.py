"""A state of a peer as a small dictionary of plain values: what a trace shows, and what a counterexample is made of."""

from __future__ import annotations

from enum import Enum
from typing import Any

import attrs

from rollproof.model.fields import fields_of
from rollproof.model.traces.itf import Map
from rollproof.reference.containers import FrameMap
from rollproof.reference.digest import Digest
from rollproof.reference.state import Extra, Peer, QueuedInput
from rollproof.reference.world import Record, Simulation

SHORT_DIGEST = 8
"""How many digits of a hash are shown."""


def describe(peer: Peer) -> dict[str, Any]:
    """Return the parts of a state by name: integers, bools, texts, None, and tuples, sets and maps of them.

    Maps whose keys are frames or players are ordered by key.
    """
    known, ending, buffers, rollback = peer.inputs.known, peer.ending, peer.buffers, peer.rollback
    players = peer.config.players
    return {
        "players": players,
        "phase": ending.phase.value,
        "epoch": peer.epoch,
        "ticks": peer.ticks,
        "frame": peer.frame,
        "confirmed": peer.confirmed,
        "promoted": buffers.promoted,
        "pending_rollback": rollback.pending,
        "replay_cursor": rollback.cursor,
        "known_inputs": Map(
            {
                (player, frame): row[at]
                for at, player in enumerate(players)
                for frame, row in sorted(known.table.rows.items())
                if row[at] is not None
            }
        ),
        "queue_p2p": tuple(_queued(item) for item in peer.inputs.p2p),
        "queue_relay": tuple(_queued(item) for item in peer.inputs.relay),
        "simulation": _simulation(peer.simulation),
        "speculative": Map({frame: _record(buffers.speculative[frame]) for frame in sorted(buffers.speculative)}),
        "canonical": Map(
            {
                frame: {**_record(buffers.canonical[frame].record), "unconfirmed": buffers.canonical[frame].unconfirmed}
                for frame in sorted(buffers.canonical)
            }
        ),
        "snapshots": frozenset(peer.snapshots),
        "digest": plain(buffers.digest),
        "own_end": ending.own,
        "announced_ends": Map({player: end for player in players if (end := ending.announced.get(player)) is not None}),
        "termination": ending.termination,
        "deadline": ending.deadline,
        "alone": ending.alone,
        "timed_out": ending.timed_out,
        "links": Map({player: plain(link) for player in players if (link := peer.links.get(player)) is not None}),
        "deliveries": Map({player: plain(it) for player in players if (it := peer.deliveries.get(player)) is not None}),
        "heard_hashes": Map(
            {
                (player, frame): plain(row[at])
                for at, player in enumerate(players)
                for frame, row in sorted(peer.desync.heard.rows.items())
                if row[at] is not None
            }
        ),
        "first_mismatch": peer.desync.first_mismatch,
        "metrics": {
            name: value if isinstance(value, int) else len(value) for name, value in fields_of(peer.metrics).items()
        },
        **({} if type(peer.extra) is Extra else {"extra": plain(peer.extra)}),
    }


def plain(value: Any) -> Any:
    """Return a value of the reference in plain values; what is none of its own is shown as a text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Digest):
        return value.value[:SHORT_DIGEST]
    if isinstance(value, Simulation):
        return _simulation(value)
    if isinstance(value, FrameMap):
        return Map({frame: plain(value[frame]) for frame in sorted(value)})
    if attrs.has(type(value)):
        return {name: plain(each) for name, each in fields_of(value).items()}
    if isinstance(value, tuple | list):
        return tuple(plain(each) for each in value)
    if isinstance(value, dict):
        return Map({str(name): plain(each) for name, each in value.items()})
    return str(value)


def _queued(item: QueuedInput) -> dict[str, Any]:
    return {"player": item.player, "frame": item.frame, "action": plain(item.action)}


def _simulation(simulation: Simulation) -> dict[str, Any]:
    return {
        "state": plain(simulation.state),
        "returns": Map(sorted(simulation.returns.rewards.items())),
        "steps": simulation.steps,
        "over": simulation.over,
    }


def _record(record: Record) -> dict[str, Any]:
    return {
        "actions": tuple(plain(action) for action in record.actions.actions),
        "predicted": record.was_speculative,
        "returns": Map(sorted(record.returns.rewards.items())),
        "steps": record.steps,
        "over": record.over,
    }
