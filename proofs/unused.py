"""Lemmas that no theorem needs, not even by way of other lemmas: they are dead weight, and are reported."""

from __future__ import annotations

from rollproof.model.theorems.properties import NEVER_CRASHES, PROPERTIES
from rollproof.proofs.cores import rests
from rollproof.reference.transition import Protocol

TELLING = ("drain_input", "begin_rollback", "announce_end", "(consequences)", "promote_frame")
"""What is looked at first, since its proofs rest on most lemmas: together on all of those of the present protocol."""


def unused_lemmas(protocol: Protocol, jobs: int | None = None) -> list[str]:
    """Return the lemmas that the proof of no theorem rests on."""
    used = {NEVER_CRASHES, *(each.name for each in PROPERTIES.values() if each.kind == "theorem")}
    unused = [each.name for each in PROPERTIES.values() if each.kind == "lemma"]
    names = sorted(["(start)", "(consequences)", *protocol.transitions], key=_rank)
    while unused:
        known = len(used)
        for start in range(0, len(names), len(TELLING)):
            some = names[start : start + len(TELLING)]
            if unused:
                used |= rests(protocol, {"": used}, jobs, names=some)[""].needs
                unused = [name for name in unused if name not in used]
        if len(used) == known:
            break
    return unused


def _rank(name: str) -> int:
    return TELLING.index(name) if name in TELLING else len(TELLING)
