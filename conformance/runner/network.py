"""The network between the peers of a case: every packet's fate is written down (see schemas/case.json).

`model/sessions/network.py` is another idea, and so is the session around it: there fates are drawn, packets are
messages of the reference that can be looked into, time is in milliseconds, and the session calls drivers. Here packets
are opaque, any may be held and released by a later step of the schedule, and the session asks processes.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from typing import Any

from attrs import define, field

from rollproof.conformance.cases.case import Case
from rollproof.reference.values import frozen


@frozen
class Packet:
    """A packet as it was sent."""

    number: int
    """Counts all packets of a run."""
    sender: str
    to: str
    via: str
    kind: str | None
    """Its class, from level 1 on."""
    data: str
    """Base64."""


@define
class _Rule:
    written: dict[str, Any]
    matched: int = 0

    def matches(self, packet: Packet, round_number: int) -> bool:
        rule = self.written
        sender, to = rule["link"].split(">")
        if sender not in ("*", packet.sender) or to not in ("*", packet.to):
            return False
        if rule.get("class", packet.kind) != packet.kind or rule.get("via", packet.via) != packet.via:
            return False
        if "rounds" in rule and not rule["rounds"][0] <= round_number < rule["rounds"][1]:
            return False
        self.matched += 1
        return "nth" not in rule or self.matched - 1 in rule["nth"]


@define
class Network:
    """Packets on their way, in virtual time."""

    case: Case
    needs: str = "datagram"
    """What the implementation needs of its transport: see `choices.CHOICES`."""
    rules: list[_Rule] = field(init=False)
    healed: bool = False
    states: dict[tuple[str, str], str] = field(factory=dict)
    """The peer-to-peer ways that are not up, by (sender, receiver)."""
    sent: defaultdict[tuple[str, str], list[Packet]] = field(factory=lambda: defaultdict(list))
    held: defaultdict[tuple[str, str], list[Packet]] = field(factory=lambda: defaultdict(list))
    _flying: list[tuple[int, int, Packet]] = field(factory=list)
    _order: int = 0
    _latest: dict[tuple[str, str], int] = field(factory=dict)
    """By link: when the last packet arrives."""

    @rules.default
    def _rules(self) -> list[_Rule]:
        return [_Rule(rule) for rule in self.case["network"].get("rules", ())]

    def send(self, packet: Packet, now: int, round_number: int) -> str:
        """Take a packet. Return what becomes of it, in a word."""
        link = packet.sender, packet.to
        self.sent[link].append(packet)
        if packet.via == "p2p" and link in self.states:
            return f"lost: the way is {self.states[link]}"
        fate: Any = None
        reliable = self.is_reliable(packet)
        if not self.healed:
            matching = [rule for rule in self.rules if rule.matches(packet, round_number)]
            fate = matching[0].written["fate"] if matching else None
        if reliable and fate != "hold":
            fate = None if fate == "drop" else fate and fate[:1]
        if fate == "drop":
            return "lost"
        if fate == "hold" or (reliable and any(map(self.is_reliable, self.held[link]))):
            self.held[link].append(packet)
            return "held"
        for latency in fate or [self._latency(packet)]:
            self._fly(packet, now + latency)
        return "sent"

    def is_reliable(self, packet: Packet) -> bool:
        """Tell whether a packet can be neither lost nor doubled nor overtaken by another such on its link."""
        return self.needs == "reliable-ordered" or (self.needs == "reliable-control" and packet.kind != "input")

    def next_due(self) -> int | None:
        """Return when the next packet arrives."""
        return self._flying[0][0] if self._flying else None

    def take(self) -> Packet:
        """Return the packet that arrives next."""
        return heapq.heappop(self._flying)[2]

    def heal(self, now: int) -> None:
        """From now on no packet is lost; what was held arrives, and interrupted ways are up again."""
        self.healed = True
        for link in list(self.held):
            for packet in self.held.pop(link):
                self._fly(packet, now)
        self.states = {link: state for link, state in self.states.items() if state == "closed"}

    def _latency(self, packet: Packet) -> int:
        network = self.case["network"]
        return int(network.get("latencies", {}).get(f"{packet.sender}>{packet.to}", network["latency_us"]))

    def _fly(self, packet: Packet, due: int) -> None:
        self._order += 1
        if self.is_reliable(packet):
            link = packet.sender, packet.to
            due = self._latest[link] = max(due, self._latest.get(link, 0))
        heapq.heappush(self._flying, (due, self._order, packet))
