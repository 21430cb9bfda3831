"""A design: a protocol of one's own, with what is stated beside it, and putting that in force.

Theorems, lemmas, conditions and assumptions are looked up by name wherever something is searched, proved or explained.
While a design is in force its own stand beside those of rollproof, or in the place of those of the same name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import field, frozen

from rollproof.model.theorems import environment, possibility
from rollproof.model.theorems.environment import Assumption
from rollproof.model.theorems.possibility import Condition
from rollproof.model.theorems.properties import PROPERTIES
from rollproof.model.theorems.property import Property
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.transition import Protocol


@frozen
class Design:
    """What a protocol file gives."""

    file: Path
    """The absolute path of the file."""
    name: str
    """What the protocol is called in the file."""
    protocol: Protocol = field(repr=False, hash=False)
    properties: tuple[Property, ...] = ()
    """Its own theorems and lemmas. One that is called like one of rollproof stands in its place."""
    conditions: Mapping[str, Condition] = field(factory=dict, hash=False, repr=False)
    """By transition: when it is possible by the rules (LI-3)."""
    assumptions: Mapping[str, Assumption] = field(factory=dict, hash=False, repr=False)
    """By transition: what is assumed of its arguments by the properties that trust partners."""
    always_assumed: Mapping[str, Assumption] = field(factory=dict, hash=False, repr=False)
    """By transition: what is assumed of its arguments even by the properties that do not."""
    lacks: tuple[str, ...] = ()
    """What nothing is stated of, each a sentence that says where an example stands."""

    @property
    def spec(self) -> str:
        """How it is named on a command line."""
        return f"{self.file}:{self.name}"

    @property
    def replaced(self) -> tuple[str, ...]:
        """The theorems and lemmas of rollproof that its own stand in the place of."""
        return tuple(each.name for each in self.properties if each.name in _OURS)

    def adopt(self) -> None:
        """Put it in force in this process, for good."""
        _replace(self)

    @contextmanager
    def in_force(self) -> Iterator[Protocol]:
        """Put it in force in this process for as long as the context lasts, and yield its protocol."""
        tables: tuple[dict[str, Any], ...] = (
            PROPERTIES,
            possibility.CONDITIONS,
            environment.ASSUMPTIONS,
            environment.WHATEVER_PARTNERS_SAY,
        )
        kept = [dict(each) for each in tables]
        adopted = list(_ADOPTED)
        self.adopt()
        try:
            yield self.protocol
        finally:
            _ADOPTED[:] = adopted
            for table, before in zip(tables, kept, strict=True):
                table.clear()
                table.update(before)


def present() -> Protocol:
    """Return the protocol that everything is about: that of the design in force, or else the present one."""
    return _ADOPTED[-1].protocol if _ADOPTED else PROTOCOL


def adopted() -> tuple[Design, ...]:
    """Return the designs in force."""
    return tuple(_ADOPTED)


_OURS = frozenset(PROPERTIES)
_ADOPTED: list[Design] = []


def _replace(design: Design) -> None:
    PROPERTIES.update({each.name: each for each in design.properties})
    possibility.CONDITIONS.update(design.conditions)
    environment.ASSUMPTIONS.update(design.assumptions)
    environment.WHATEVER_PARTNERS_SAY.update(design.always_assumed)
    _ADOPTED.append(design)
