"""Lemmas that no theorem needs, not even by way of other lemmas: they are dead weight, and are reported."""

from __future__ import annotations

from collections.abc import Mapping

from rollproof.model.theorems.properties import NEVER_CRASHES, PROPERTIES
from rollproof.proofs.cores import rests
from rollproof.reference.transition import Protocol

_THEOREMS = "theorems"


def unused_lemmas(protocol: Protocol, jobs: int | None = None) -> list[str]:
    """Return the lemmas that the proof of no theorem rests on."""
    unused = lemmas = [each.name for each in PROPERTIES.values() if each.kind == "lemma"]
    theorems = [NEVER_CRASHES, *(each.name for each in PROPERTIES.values() if each.kind == "theorem")]
    groups = {_THEOREMS: theorems, **{name: [name] for name in lemmas}}
    needs: dict[str, frozenset[str]] = {}
    rest = sorted(["(start)", "(consequences)", *protocol.transitions], key=_rank)
    while rest:
        some, rest = rest[:_AT_ONCE], rest[_AT_ONCE:]
        for name, each in rests(protocol, groups, jobs, names=some).items():
            needs[name] = needs.get(name, frozenset()) | each.needs
        unused = [name for name in lemmas if name not in reachable(_THEOREMS, needs)]
        if not unused:
            break
    return unused


_AT_ONCE = 4
_TELLING = (
    *("complete_episode", "send_hash", "announce_end", "send_inputs"),
    *("begin_rollback", "promote_frame", "simulate_frame", "decide_end"),
)
"""The transitions whose proofs rest on most lemmas: as soon as each is needed once, the others need not be asked."""


def _rank(name: str) -> int:
    return _TELLING.index(name) if name in _TELLING else len(_TELLING)


def reachable(start: str, needs: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return everything that something needs, and that in turn needs."""
    seen: set[str] = set()
    todo = [start]
    while todo:
        new = needs.get(todo.pop(), frozenset()) - seen
        seen |= new
        todo.extend(new)
    return frozenset(seen)
