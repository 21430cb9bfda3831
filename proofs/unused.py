"""Lemmas that no theorem needs, not even by way of other lemmas: they are dead weight, and are reported."""

from __future__ import annotations

from collections.abc import Mapping

from rollproof.model.theorems.properties import NEVER_CRASHES, PROPERTIES
from rollproof.proofs.cores import rests
from rollproof.reference.transition import Protocol

_THEOREMS = "theorems"


def unused_lemmas(protocol: Protocol, jobs: int | None = None) -> list[str]:
    """Return the lemmas that the proof of no theorem rests on."""
    lemmas = [each.name for each in PROPERTIES.values() if each.kind == "lemma"]
    theorems = [NEVER_CRASHES, *(each.name for each in PROPERTIES.values() if each.kind == "theorem")]
    found = rests(protocol, {_THEOREMS: theorems, **{name: [name] for name in lemmas}}, jobs)
    needed = reachable(_THEOREMS, {name: each.needs for name, each in found.items()})
    return [name for name in lemmas if name not in needed]


def reachable(start: str, needs: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return everything that something needs, and that in turn needs."""
    seen: set[str] = set()
    todo = [start]
    while todo:
        new = needs.get(todo.pop(), frozenset()) - seen
        seen |= new
        todo.extend(new)
    return frozenset(seen)
