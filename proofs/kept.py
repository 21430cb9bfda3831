"""What was proved before: nothing is proved again of which all that the proof rests on is the same.

An entry is found by a digest of rollproof's own code and of a transition, with whatever its functions name and what is
assumed of its arguments. It says which lemmas were assumed, what was proved, and which guards were asked about. What is
proved under some assumptions is proved under more: so a new theorem takes nothing from what is known, and one that is
edited only what rests on it. What is not the same has another digest, so that nothing ever has to be declared out of
date. Only success is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from rollproof.model.designs.digests import digest, digest_of_statements
from rollproof.model.theorems.environment import ASSUMPTIONS, WHATEVER_PARTNERS_SAY
from rollproof.model.theorems.possibility import CONDITIONS
from rollproof.model.theorems.properties import PROPERTIES
from rollproof.model.theorems.property import Property
from rollproof.proofs.cache import Store
from rollproof.proofs.induction import Discharge, Found
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Extra
from rollproof.reference.transition import Protocol

OURS = dict(PROPERTIES)
"""The properties of rollproof, whatever design is in force."""
NOT_ASSUMED = frozenset({"step", "possibility", "consequence", "pair"})
"""The scopes of properties that no proof assumes of the state before a step."""
MOST = 16
"""How many sets of theorems what is proved of one transition is kept for, the latest."""


class Kept:
    """What was proved before of a protocol, under what is in force now (`proofs.induction.Memory`)."""

    def __init__(self, store: Store, protocol: Protocol, players: int | None = None) -> None:
        """Look in a store; proofs for so many players are others than those for any number."""
        self.store, self.protocol, self.players = store, protocol, players
        own = {name: each for name, each in PROPERTIES.items() if each is not OURS.get(name)}
        self.own = {name: digest_of_statements(each) for name, each in own.items()}
        self.extra: tuple[type, Extra] = type(protocol.extra), protocol.extra

    def find(self, name: str) -> Found | None:
        """Return what is known to be proved of a transition, of the start or of the consequences.

        None if nothing is, or what was proved assumes what is not assumed now.
        """
        valid = [each for each in self.store.get(self._key(name)) or () if self._is_valid(each)]
        if not valid:
            return None
        entry = min(valid, key=lambda each: len(self._lacked(each["own"])))
        kept = self.store.get(entry["proved"])
        if kept is None:
            return None
        lacking = self._lacked(entry["own"])
        ways, goals = kept["ways"], kept["goals"]
        pairs = ((*ways[way], *goals[goal]) for way, goal in kept["pairs"])
        proved = tuple(
            Discharge(transition, path, each, clause, proved=True, reason="")
            for transition, path, each, clause in pairs
            if each not in lacking and (each in PROPERTIES or each not in entry["own"])
        )
        return Found(proved, lacking, frozenset(entry["asked"]))

    def keep(self, name: str, proved: list[Discharge], asked: Collection[str]) -> None:
        """Remember that all of it is proved; `asked` names the other transitions whose guards are asked about."""
        key, guards = self._key(name), self._guards(asked)
        content = digest(key, guards, *self._own())
        entry = {
            "own": self.own, "assumed": [name for name in self.own if _is_assumed(PROPERTIES[name])],
            "asked": sorted(asked), "guards": guards, "proved": content,
        }  # fmt: skip
        ways = _numbered((each.transition, each.path) for each in proved)
        goals = _numbered((each.property, each.clause) for each in proved)
        pairs = [[ways[each.transition, each.path], goals[each.property, each.clause]] for each in proved]
        self.store.put(content, {"ways": list(ways), "goals": list(goals), "pairs": pairs})
        others = [each for each in self.store.get(key) or () if each["proved"] != content]
        self.store.put(key, [entry, *others][:MOST])

    def recall(self, what: str, *, stated: bool = True) -> Any:
        """Return what was noted of the whole protocol, under the same theorems if it has to do with what is `stated`.

        None if nothing was.
        """
        return self.store.get(self._whole(what, stated))

    def note(self, what: str, value: Any, *, stated: bool = True) -> None:
        """Note a JSON value that is found out of the whole protocol and what is stated of it.

        What has nothing to do with what is stated comes of the transitions that drivers call, and of nothing else.
        """
        self.store.put(self._whole(what, stated), value)

    def _whole(self, what: str, stated: bool) -> str:
        protocol = self.protocol
        of_drivers = (protocol.transitions.get(name) for name in PROTOCOL.transitions)
        rest = (protocol.tick, protocol.poll, *self.extra)
        if not stated:
            return digest(what, *of_drivers, *rest)
        tables = (CONDITIONS, ASSUMPTIONS, WHATEVER_PARTNERS_SAY)
        assumed = digest_of_statements(*(part for table in tables for pair in sorted(table.items()) for part in pair))
        return digest(what, self.players, assumed, *self._own(), *protocol.transitions.values(), *rest)

    def _own(self) -> list[str]:
        return [text for pair in sorted(self.own.items()) for text in pair]

    def _is_valid(self, entry: dict[str, Any]) -> bool:
        """Tell whether all that was assumed is assumed now, and every guard asked about is the same."""
        own = all(self.own.get(name) == entry["own"][name] for name in entry["assumed"])
        ours = all(name in entry["own"] for name in self.own if name in OURS and _is_assumed(OURS[name]))
        return own and ours and bool(entry["guards"] == self._guards(entry["asked"]))

    def _lacked(self, own: dict[str, str]) -> frozenset[str]:
        """Return the properties that are not as they were."""
        return frozenset(name for name in PROPERTIES if own.get(name) != self.own.get(name))

    def _guards(self, asked: Collection[str]) -> str:
        known = self.protocol.transitions
        return digest(*((name, known[name].guards if name in known else None) for name in sorted(asked)))

    def _key(self, name: str) -> str:
        tables = (CONDITIONS, ASSUMPTIONS, WHATEVER_PARTNERS_SAY)
        stated = digest_of_statements(*(table.get(name) for table in tables))
        return digest("proof", name, self.players, stated, *self.extra, self.protocol.transitions.get(name))


def _is_assumed(each: Property) -> bool:
    return each.scope not in NOT_ASSUMED


def _numbered(values: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    return {value: number for number, value in enumerate(dict.fromkeys(values))}
