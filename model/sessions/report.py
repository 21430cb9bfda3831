"""What a session came to, peer by peer: rows, rollbacks, and every cell that differs (EP-13, BUF-6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from rollproof.model.sessions.session import Result
from rollproof.reference.containers import Player
from rollproof.reference.export import LOCAL_COLUMNS, Export


@frozen
class Difference:
    """One cell that two sides do not have alike."""

    epoch: int
    frame: int
    column: str
    left: Any
    right: Any


@frozen
class PeerReport:
    """What one peer exported, over all episodes."""

    player: Player
    episodes: int
    rows: int
    confirmed: int
    """Rows that are not flagged unconfirmed."""
    unconfirmed: int
    rollbacks: int
    greatest_depth: int
    """In frames."""
    hash_mismatches: int
    differing: Mapping[Player, int]
    """Cells that differ from each other peer's export."""
    differing_from_lockstep: int
    """Cells that differ from lockstep truth."""


Rows = Sequence[Mapping[str, Any]]
"""The cells of each frame of an episode, by column; a missing column is None."""


def rows_of(export: Export) -> Rows:
    """Return the rows of an export by column, without those that are local to a peer."""
    kept = [(at, name) for at, name in enumerate(export.columns) if name not in LOCAL_COLUMNS]
    return [{name: row[at] for at, name in kept} for row in export.rows]


def differences(epoch: int, left: Rows, right: Rows, *, confirmed_only: bool = False) -> list[Difference]:
    """Return every cell in which two exports of one episode differ; in a row that one lacks, every cell does.

    With `confirmed_only`, only rows that both have, and neither has flagged unconfirmed, are compared (EP-13).
    """
    found = []
    for frame in range(min(len(left), len(right)) if confirmed_only else max(len(left), len(right))):
        one: Mapping[str, Any] = left[frame] if frame < len(left) else {}
        other: Mapping[str, Any] = right[frame] if frame < len(right) else {}
        if confirmed_only and (one["unconfirmed"] or other["unconfirmed"]):
            continue
        found += [
            Difference(epoch, frame, column, one.get(column), other.get(column))
            for column in dict.fromkeys((*one, *other))
            if not one or not other or one.get(column) != other.get(column)
        ]
    return found


def peer_differences(result: Result, left: Player, right: Player, *, confirmed_only: bool = False) -> list[Difference]:
    """Return every cell in which two peers differ, over the episodes that both have exported."""
    pairs = zip(result.exports[left], result.exports[right], strict=False)
    return [
        each
        for epoch, (one, other) in enumerate(pairs)
        for each in differences(epoch, rows_of(one), rows_of(other), confirmed_only=confirmed_only)
    ]


def lockstep_differences(result: Result, player: Player) -> list[Difference]:
    """Return every cell in which a peer differs from lockstep truth (BUF-6).

    A row that is flagged unconfirmed is no claim, and is left out. Any other row must be there in truth; and an episode
    that completed with confirmation must have all rows of truth (EP-12).
    """
    found = []
    for epoch, (export, truth) in enumerate(zip(result.exports[player], result.lockstep, strict=False)):
        rows, true_rows = rows_of(export), truth.rows
        if not export.metadata["confirmed"]:
            kept = [frame for frame, row in enumerate(rows) if not row["unconfirmed"]]
            rows = [rows[frame] for frame in kept]
            true_rows = tuple(truth.rows[frame] for frame in kept if frame < len(truth.rows))
        found += differences(epoch, rows, true_rows)
    return found


def report(result: Result) -> tuple[PeerReport, ...]:
    """Report on every peer."""
    return tuple(_peer_report(result, player) for player in result.settings.players)


def _peer_report(result: Result, player: Player) -> PeerReport:
    exports = result.exports[player]
    unconfirmed = sum(row["unconfirmed"] for export in exports for row in rows_of(export))
    rows = sum(len(export.rows) for export in exports)
    metrics = exports[-1].metrics if exports else {}
    return PeerReport(
        player=player,
        episodes=len(exports),
        rows=rows,
        confirmed=rows - unconfirmed,
        unconfirmed=unconfirmed,
        rollbacks=metrics.get("rollbacks", 0),
        greatest_depth=metrics.get("greatest_depth", 0),
        hash_mismatches=metrics.get("hash_mismatches", 0),
        differing={
            other: len(peer_differences(result, player, other))
            for other in result.settings.players
            if other != player and other not in result.settings.silent
        },
        differing_from_lockstep=len(lockstep_differences(result, player)),
    )
