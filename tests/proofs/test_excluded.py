"""Lemmas that are proposed hold wherever they were tried, and exclude the state that they are proposed for."""

from __future__ import annotations

from rollproof.proofs.excluded import excluding
from rollproof.reference.protocol import PROTOCOL

REAL = {
    "frame": 1,
    "confirmed": 0,
    "buffers.promoted": 1,
    "rollback.pending": None,
    "rollback.cursor": None,
    "ending.phase": "running",
    "ending.own": None,
    "ending.termination": None,
}


def test_a_state_that_cannot_be_is_excluded_by_what_holds_everywhere() -> None:
    found, states = excluding(PROTOCOL, {**REAL, "confirmed": 3})
    assert found[0] == "peer.confirmed < peer.frame"
    assert states > 1_000


def test_nothing_excludes_a_state_that_is_reached() -> None:
    assert excluding(PROTOCOL, REAL)[0] == ()
