"""What a peer exports after an episode: rows, metadata, rollback events, session metrics (EP-10, ME-1, ME-3)."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import frozen

from reference.state import Peer, Phase
from reference.world import Outcome

LOCAL_COLUMNS = frozenset({"time_ms", "focused", "was_speculative"})
"""The columns that may differ between peers (EP-13)."""


@frozen
class Export:
    """The data of one episode, as JSON values."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    """One row per frame, one cell per column; a missing value is None."""
    metadata: dict[str, Any]
    rollback_events: tuple[dict[str, Any], ...]
    mispredictions: tuple[dict[str, Any], ...]
    metrics: dict[str, Any]


def read(peer: Peer) -> Export:
    """Read the canonical buffer of a completed episode.

    Raises:
        ValueError: if the episode has not completed, or has been reset.
    """
    if peer.ending.phase not in (Phase.COMPLETED, Phase.EXPORTED):
        raise ValueError(f"episode {peer.epoch} has not completed: the peer is {peer.ending.phase.value}")
    termination = peer.ending.termination or 0
    cells = [_cells(peer, frame) for frame in range(termination)]
    names: dict[str, Any] = {}
    for row in cells:
        names |= row
    columns = tuple(names)
    return Export(
        columns=columns,
        rows=tuple(tuple(map(row.get, columns)) for row in cells),
        metadata=metadata(peer),
        rollback_events=tuple(attrs.asdict(e) for e in peer.metrics.rollbacks if e.epoch == peer.epoch),
        mispredictions=tuple(attrs.asdict(e) for e in peer.metrics.mispredictions if e.epoch == peer.epoch),
        metrics=session_metrics(peer),
    )


def metadata(peer: Peer) -> dict[str, Any]:
    """Return the settings of the episode and how it ended."""
    settings = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in attrs.asdict(peer.config, recurse=False).items()
    }
    ending = peer.ending
    return {
        **settings,
        "epoch": peer.epoch,
        "termination_frame": ending.termination,
        "confirmed_frame": peer.confirmed,
        "confirmed": not ending.alone and not ending.timed_out,
        "partner_end_missing": ending.alone,
        "confirmation_timed_out": ending.timed_out,
        "first_hash_mismatch": peer.desync.first_mismatch,
    }


def session_metrics(peer: Peer) -> dict[str, Any]:
    """Return the metrics of the whole session so far (ME-1)."""
    metrics = peer.metrics
    links = {partner: peer.links[partner] for partner in peer.config.partners}
    fallback = {partner: link.fallback_frame for partner, link in links.items() if link.fallback_frame is not None}
    return {
        "game": peer.config.game,
        "player": peer.config.player,
        "connection_type": "relay" if fallback else "p2p",
        "connections": {partner: attrs.asdict(link) for partner, link in links.items()},
        "fallback_triggered": bool(fallback),
        "fallback_frame": min(fallback.values(), default=None),
        "inputs_submitted": metrics.inputs_submitted,
        "inputs_sent_p2p": metrics.inputs_sent_p2p,
        "inputs_sent_relay": metrics.inputs_sent_relay,
        "inputs_received_p2p": metrics.inputs_received_p2p,
        "inputs_received_relay": metrics.inputs_received_relay,
        "inputs_rejected": metrics.inputs_rejected,
        "input_conflicts": metrics.input_conflicts,
        "mispredictions": len(metrics.mispredictions),
        "rollbacks": len(metrics.rollbacks),
        "greatest_depth": metrics.greatest_depth,
        "rollback_events": [attrs.asdict(entry) for entry in metrics.rollbacks],
        "hashes_compared": metrics.hashes_compared,
        "hash_mismatches": metrics.hash_mismatches,
        "frames": metrics.frames,
    }


def _cells(peer: Peer, frame: int) -> dict[str, Any]:
    canonical = peer.buffers.canonical[frame]
    record = canonical.record
    outcome = record.outcome or Outcome()
    cells: dict[str, Any] = {"frame": frame, "epoch": peer.epoch, "unconfirmed": canonical.unconfirmed}
    for player, action in record.actions.items():
        cells[f"action.{player}"] = action
    for player in dict.fromkeys((*record.actions.players, *record.returns.rewards, *outcome.infos)):
        cells[f"reward.{player}"] = outcome.rewards.get(player)
        cells[f"return.{player}"] = record.returns.rewards.get(player, 0)
        cells[f"terminated.{player}"] = outcome.terminated.get(player)
        cells[f"truncated.{player}"] = outcome.truncated.get(player)
        for name, value in outcome.infos.get(player, {}).items():
            cells[f"info.{player}.{name}"] = value
    cells["steps"] = record.steps
    cells["over"] = record.over
    cells["was_speculative"] = record.was_speculative
    cells["time_ms"] = record.time_ms
    cells["focused"] = record.focused
    return cells
