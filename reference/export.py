"""What a peer exports after an episode: rows, metadata, rollback events, session metrics (EP-10, ME-1, ME-3)."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import frozen

from rollproof.reference.containers import Player
from rollproof.reference.state import CanonicalRecord, Peer, Phase
from rollproof.reference.world import Outcome

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
    records = [peer.buffers.canonical[frame] for frame in range(termination)]
    infos = _infos(peer.config.players, records)
    return Export(
        columns=_columns(peer.config.players, infos),
        rows=tuple([_row(peer.epoch, frame, record, infos) for frame, record in enumerate(records)]),
        metadata=metadata(peer),
        rollback_events=tuple(attrs.asdict(e) for e in peer.metrics.rollbacks if e.epoch == peer.epoch),
        mispredictions=tuple(attrs.asdict(e) for e in peer.metrics.mispredictions if e.epoch == peer.epoch),
        metrics=session_metrics(peer),
    )


def metadata(peer: Peer) -> dict[str, Any]:
    """Return the settings of the episode and how it ended."""
    of_config = {**attrs.asdict(peer.config, recurse=False), "actions": peer.config.actions.among}
    settings = {name: list(value) if isinstance(value, tuple) else value for name, value in of_config.items()}
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


Infos = dict[Player, dict[str, Any]]
"""The names of every player's infos, as keys, of the players of the session and of those that the world added."""


def _infos(players: tuple[Player, ...], records: list[CanonicalRecord]) -> Infos:
    """Return the names of all infos; whoever was ever rewarded is in the last record's returns."""
    rewarded = records[-1].record.returns.rewards if records else ()
    infos: Infos = {player: {} for player in (*players, *rewarded)}
    for canonical in records:
        outcome = canonical.record.outcome
        if outcome is not None:
            for player, own in outcome.infos.items():
                infos.setdefault(player, {}).update(own)
    return infos


def _columns(players: tuple[Player, ...], infos: Infos) -> tuple[str, ...]:
    columns = ["frame", "epoch", "unconfirmed", *(f"action.{player}" for player in players)]
    for player, names in infos.items():
        columns += (f"{each}.{player}" for each in ("reward", "return", "terminated", "truncated"))
        columns += (f"info.{player}.{name}" for name in names)
    return (*columns, "steps", "over", "was_speculative", "time_ms", "focused")


def _row(epoch: int, frame: int, canonical: CanonicalRecord, infos: Infos) -> tuple[Any, ...]:
    """Return the cells of a frame, in the order of `_columns`."""
    record = canonical.record
    outcome, returns = record.outcome or NOTHING, record.returns.rewards
    cells = [frame, epoch, canonical.unconfirmed, *record.actions.actions]
    for player, names in infos.items():
        own = outcome.infos.get(player)
        there = own is not None or player in record.actions.players
        cells += (
            outcome.rewards.get(player),
            returns.get(player, 0 if there else None),
            outcome.terminated.get(player),
            outcome.truncated.get(player),
            *map((own or NO_INFOS).get, names),
        )
    return (*cells, record.steps, record.over, record.was_speculative, record.time_ms, record.focused)


NOTHING = Outcome()
"""What a frame after the end yields."""
NO_INFOS: dict[str, Any] = {}
