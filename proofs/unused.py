"""Lemmas that no theorem needs, not even by way of other lemmas: they are dead weight, and are reported."""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.model.theorems.properties import NEVER_CRASHES, PROPERTIES
from rollproof.proofs.cores import of_cases
from rollproof.proofs.induction import cases
from rollproof.proofs.obligations import before
from rollproof.reference.transition import Protocol

TELLING = (
    "finish_rollback",
    "promote_frame",
    "change_link",
    "(consequences)",
    "announce_end",
    "begin_rollback",
    "drain_input",
)
"""What is looked at first, since its proofs rest on most lemmas and take least."""


def unused_lemmas(protocol: Protocol) -> list[str]:
    """Return the lemmas that the proof of no theorem rests on; it looks until it has seen each to be used."""
    used = {NEVER_CRASHES, *(each.name for each in PROPERTIES.values() if each.kind == "theorem")}
    unused = [each.name for each in PROPERTIES.values() if each.kind == "lemma"]
    known = 0
    while unused and known < len(used):
        known = len(used)
        for needs in _needs(protocol, used):
            used |= needs
            unused = [name for name in unused if name not in used]
            if not unused:
                break
    return unused


def _needs(protocol: Protocol, used: set[str]) -> Iterator[frozenset[str]]:
    """Yield what the proofs of what is used rest on, one path after the other."""
    for name in sorted(["(start)", "(consequences)", *protocol.transitions], key=_rank):
        state = before(protocol)
        for case in cases(protocol, state, name):
            yield of_cases(state, [case], used).needs


def _rank(name: str) -> int:
    return TELLING.index(name) if name in TELLING else len(TELLING)
