"""A run as a picture shows it: peers, frames, cells that change, and packets, in plain values.

Traces of the search, sessions and observed implementations are all converted to it, so that there is one explorer. A
run holds what changes from one moment to the next and never a whole state, so it grows only with what happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs
from attrs import define, field, frozen

FORMAT = "rollproof-run"
VERSION = 1
LONGEST_TEXT = 400
"""How long any text of a moment may be, in characters."""

Mark = Literal["", "predicted", "corrected", "known", "wrong", "speculative", "canonical", "unconfirmed"]
"""What a cell is: an input is predicted, corrected, known or wrong; a record speculative, canonical, unconfirmed or
wrong; a frame that is neither known nor simulated has the empty mark."""

Fate = Literal["arrives", "lost", "late", "twice", "under way"]
"""What becomes of a packet."""


@frozen
class Cell:
    """What a cell becomes: a row of a peer's band, and a frame."""

    row: int
    """The number of the player whose input it is; the record's row comes after those of all players."""
    frame: int
    mark: Mark
    text: str = ""
    """What stands in it: the action."""
    detail: str = ""
    """What is told of it on demand."""


@frozen
class GuardLine:
    """A guard of a transition, as it is told."""

    name: str
    sentence: str
    rules: tuple[str, ...]


@frozen
class TransitionLines:
    """What is told of every moment of one kind."""

    sentence: str
    rules: tuple[str, ...]
    guards: tuple[GuardLine, ...] = ()


@define
class Moment:
    """One thing that happens at one peer."""

    peer: str
    name: str
    """The transition, or what was observed."""
    at: int
    """When, on the run's clock."""
    args: str = ""
    cells: tuple[Cell, ...] = ()
    """What becomes of its cells."""
    values: Mapping[str, Any] = field(factory=dict)
    """What becomes of its counters, by name."""
    changes: tuple[tuple[str, str, str], ...] = ()
    """What else changes: its name, and both values."""
    told: tuple[str, ...] = ()
    """What is reported."""
    cleared: bool = False
    """Whether all cells of the peer are cleared before: the next episode begins."""
    refused: str = ""
    """The guard that refused the step, so that nothing happens."""
    without: tuple[str, ...] = ()
    """The guards of the present protocol that would have refused it."""
    call: int = 0
    """The number of the call of the peer that it belongs to."""


@define
class Packet:
    """One packet between two peers."""

    sender: str
    receiver: str
    path: str
    text: str
    sent_at: int | None
    """When, on the run's clock; None if it comes out of nowhere, because its sender is not shown."""
    sent_by: int | None
    """The number of the moment that sends it."""
    arrivals: list[tuple[int, int | None]] = field(factory=list)
    """When each copy arrives, and the number of the first moment that it causes."""
    fate: Fate = "arrives"


@frozen
class Verdict:
    """What is wrong at the end of a run, or that nothing is."""

    held: bool
    name: str
    """The theorem, promise or clause."""
    lines: tuple[str, ...]
    """What is said of it."""
    peer: str | None = None
    frame: int | None = None
    moment: int | None = None
    """The number of the moment that shows it; None if none does alone."""


@define
class Run:
    """A run."""

    title: str
    about: str
    """One sentence: what is shown."""
    protocol: str
    clock: Literal["step", "ms"]
    """What the times count: steps, or milliseconds."""
    players: tuple[str, ...]
    peers: tuple[str, ...]
    """The players whose peers are shown; packets may come from the others."""
    transitions: dict[str, TransitionLines] = field(factory=dict)
    """What is told of the moments, by their names."""
    moments: list[Moment] = field(factory=list)
    packets: list[Packet] = field(factory=list)
    verdict: Verdict | None = None
    again: str = ""
    """The command that shows it again."""
    start: dict[str, Mapping[str, Any]] = field(factory=dict)
    """The counters of each peer before the first moment."""


def document_of(run: Run) -> dict[str, Any]:
    """Return a run as JSON, with short names, and without what is empty."""
    peers = {peer: number for number, peer in enumerate(run.players)}
    return {
        "format": FORMAT,
        "version": VERSION,
        "title": run.title,
        "about": run.about,
        "protocol": run.protocol,
        "clock": run.clock,
        "players": list(run.players),
        "peers": list(run.peers),
        "again": run.again,
        "start": {peer: dict(values) for peer, values in run.start.items()},
        "transitions": {name: attrs.asdict(lines) for name, lines in run.transitions.items()},
        "moments": [moment_document(each, peers) for each in run.moments],
        "packets": [packet_document(each, peers) for each in run.packets],
        "verdict": None if run.verdict is None else attrs.asdict(run.verdict),
    }


def moment_document(moment: Moment, peers: Mapping[str, int]) -> dict[str, Any]:
    """Return a moment as JSON; `peers` has the number of each player."""
    document = {
        "peer": peers[moment.peer],
        "name": moment.name,
        "at": moment.at,
        "args": clipped(moment.args),
        "cells": [_cell(each) for each in moment.cells],
        "values": dict(moment.values),
        "changes": [[clipped(text) for text in change] for change in moment.changes],
        "told": [clipped(text) for text in moment.told],
        "cleared": moment.cleared,
        "refused": moment.refused,
        "without": list(moment.without),
        "call": moment.call,
    }
    needed = ("peer", "name", "at", "call")
    return {name: value for name, value in document.items() if value or name in needed}


def _cell(cell: Cell) -> list[Any]:
    row = [cell.row, cell.frame, cell.mark, clipped(cell.text), clipped(cell.detail)]
    while not row[-1] and len(row) > 3:
        row.pop()
    return row


def packet_document(packet: Packet, peers: Mapping[str, int]) -> dict[str, Any]:
    """Return a packet as JSON; `peers` has the number of each player."""
    document = {
        "from": peers[packet.sender],
        "to": peers[packet.receiver],
        "path": packet.path,
        "text": clipped(packet.text),
        "sent_at": packet.sent_at,
        "sent_by": packet.sent_by,
        "arrivals": [list(each) for each in packet.arrivals],
        "fate": packet.fate,
    }
    return {name: value for name, value in document.items() if value is not None}


def clipped(text: str) -> str:
    """Return a text of bounded length."""
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
