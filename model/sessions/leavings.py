"""What an episode must leave behind: an export that is its canonical buffer, and a peer that begins afresh."""

from __future__ import annotations

from typing import Any

import attrs

from rollproof.model.sessions.calls import DriverCall
from rollproof.model.sessions.contract import Problems, contract
from rollproof.model.sessions.laws import first_state
from rollproof.reference.export import Export, read
from rollproof.reference.state import Buffers, CanonicalRecord, Delivery, Desync, Ending, Link, Metrics, Peer, Rollback
from rollproof.reference.values import given
from rollproof.reference.world import Outcome


@contract("EP-11")
def episodes_begin_afresh(call: DriverCall) -> Problems:
    """The next episode begins with nothing but the links and the metrics of the last, one epoch later."""
    if call.driver != "next_episode" or not call.of("reset_episode"):
        return
    yield from first_state(call.after, call.before.epoch + 1)
    for name in ("config", "world", "links", "metrics"):
        if getattr(call.after, name) != getattr(call.before, name):
            yield f"the {name} of a peer change between episodes"


@contract("EP-10", "ME-1", "EP-3")
def exports_are_the_canonical_buffer(call: DriverCall) -> Problems:
    """An export has one cell per column, one row per frame below the end, each that of its canonical record."""
    if call.driver != "export" or not call.of("export_episode"):
        return
    peer = call.after
    found, termination = read(peer), given(peer.ending.termination)
    if [row[0] for row in found.rows] != list(range(termination)):
        yield f"an episode that ends at frame {termination} is exported as {len(found.rows)} rows, or others"
    if len(set(found.columns)) != len(found.columns) or any(len(row) != len(found.columns) for row in found.rows):
        yield "the export is not rectangular"
    for row in found.rows:
        cells = dict(zip(found.columns, row, strict=False))
        canonical = peer.buffers.canonical[cells["frame"]]
        for name, value in _cells(peer, canonical).items():
            if cells.get(name) != value or type(cells.get(name)) is not type(value):
                yield f"cell {name} of frame {cells['frame']} is {cells.get(name)!r}, and its record says {value!r}"
    yield from _summary(peer, found)


def _cells(peer: Peer, canonical: CanonicalRecord) -> dict[str, Any]:
    record = canonical.record
    outcome = record.outcome or Outcome()
    cells: dict[str, Any] = {
        "epoch": peer.epoch,
        "unconfirmed": canonical.unconfirmed,
        "steps": record.steps,
        "over": record.over,
        "was_speculative": record.was_speculative,
        "time_ms": record.time_ms,
        "focused": record.focused,
    }
    for player, action in record.actions.items():
        cells[f"action.{player}"] = action
        cells[f"reward.{player}"] = outcome.rewards.get(player)
        cells[f"return.{player}"] = record.returns.rewards.get(player, 0)
        cells[f"terminated.{player}"] = outcome.terminated.get(player)
        cells[f"truncated.{player}"] = outcome.truncated.get(player)
        for name, value in outcome.infos.get(player, {}).items():
            cells[f"info.{player}.{name}"] = value
    return cells


def _summary(peer: Peer, found: Export) -> Problems:
    """Say in what the settings, the end and the metrics of an export are not those of the peer."""
    ending, metrics = peer.ending, peer.metrics
    settings = {each.name: getattr(peer.config, each.name) for each in attrs.fields(type(peer.config))}
    settings["actions"] = peer.config.actions.among
    settings = {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}
    counters = {
        each.name: getattr(metrics, each.name)
        for each in attrs.fields(Metrics)
        if each.name not in ("mispredictions", "rollbacks")
    }
    fallback = [frame for p in peer.config.partners if (frame := peer.links[p].fallback_frame) is not None]
    own = [attrs.asdict(each) for each in metrics.rollbacks if each.epoch == peer.epoch]
    wrong = [attrs.asdict(each) for each in metrics.mispredictions if each.epoch == peer.epoch]
    expected: dict[str, tuple[Any, Any]] = {
        "metadata": (
            found.metadata,
            {
                **settings,
                "epoch": peer.epoch,
                "termination_frame": ending.termination,
                "confirmed_frame": peer.confirmed,
                "confirmed": not ending.alone and not ending.timed_out,
                "partner_end_missing": ending.alone,
                "confirmation_timed_out": ending.timed_out,
                "first_hash_mismatch": peer.desync.first_mismatch,
            },
        ),
        "rollback events": (list(found.rollback_events), own),
        "mispredictions": (list(found.mispredictions), wrong),
        "metrics": (
            found.metrics,
            {
                **counters,
                "game": peer.config.game,
                "player": peer.config.player,
                "connection_type": "relay" if fallback else "p2p",
                "connections": {each: attrs.asdict(peer.links[each]) for each in peer.config.partners},
                "fallback_triggered": bool(fallback),
                "fallback_frame": min(fallback, default=None),
                "mispredictions": len(metrics.mispredictions),
                "rollbacks": len(metrics.rollbacks),
                "rollback_events": [attrs.asdict(each) for each in metrics.rollbacks],
            },
        ),
    }
    for what, (value, wanted) in expected.items():
        if value != wanted:
            yield f"the {what} of the export are not those of the peer"


KINDS: dict[str, tuple[type, ...]] = {"bool": (bool,), "int": (int,), "int | None": (int, type(None))}
"""By how a field is declared: what it may be. Ports have no other words for it, and exports tell of it."""
PARTS = {
    cls: tuple((each.name, KINDS[str(each.type)]) for each in attrs.fields(cls) if str(each.type) in KINDS)
    for cls in (Peer, Buffers, Rollback, Ending, Link, Delivery, Desync, Metrics)
}


@contract("ME-1", "EP-10", "TR-4")
def numbers_and_truths_are_such(call: DriverCall) -> Problems:
    """What is declared to be a number or a truth value is one, in every part of a peer that a call changes.

    Links change between calls as well.
    """
    for old, new in zip(_parts(call.before), _parts(call.after), strict=True):
        for name, kinds in PARTS[type(new)] if new is not old or type(new) is Link else ():
            value = getattr(new, name)
            if type(value) not in kinds:
                yield f"{name} of {type(new).__name__} becomes {value!r}"


def _parts(peer: Peer) -> list[Any]:
    partners = peer.config.partners
    return [
        *(peer, peer.buffers, peer.rollback, peer.ending, peer.desync, peer.metrics),
        *map(peer.links.__getitem__, partners),
        *map(peer.deliveries.__getitem__, partners),
    ]
