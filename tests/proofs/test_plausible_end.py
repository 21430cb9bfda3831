"""A guard against ends that cannot be is needed, and its kept run shows it."""

from __future__ import annotations

from rollproof.proofs.counterexamples import load
from rollproof.proofs.necessity import check_guard
from rollproof.reference.protocol import PROTOCOL


def test_the_guard_against_implausible_ends_is_needed() -> None:
    name = "receive_end.end_is_plausible"
    assert check_guard(PROTOCOL, "receive_end", "end_is_plausible", load()[name]).verdict == "needed"
