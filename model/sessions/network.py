"""The simulated network: what becomes of each packet, on each directed link and path.

A packet's fate is its *transits*: how long each copy of it is under way, in milliseconds. A lost packet has none. (The
conformance suite has a network of its own, for packets that nobody can look into: `conformance/runner/network.py`.)
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat
from random import Random
from typing import Protocol as Interface

from attrs import field, frozen
from attrs.validators import and_, ge, instance_of, le

from rollproof.reference.messages import AckMessage, EndMessage, HashMessage, InputMessage, Message

Transits = tuple[int, ...]
"""Milliseconds under way, one number per copy that arrives; empty if the packet is lost."""

Interval = tuple[int, int]
"""From a time to a time, in milliseconds; the second excluded."""

KINDS: dict[type[object], str] = {
    InputMessage: "input",
    AckMessage: "ack",
    EndMessage: "end",
    HashMessage: "hash",
}
"""What each message is called."""

_probability = and_(ge(0.0), le(1.0))
_milliseconds = and_(instance_of(int), ge(0))


@frozen
class Burst:
    """Losses in bursts (the Gilbert-Elliott model): a link is good or bad, and may change before each packet."""

    enter: float = field(validator=_probability)
    """The probability that a good link turns bad."""
    leave: float = field(validator=_probability)
    """The probability that a bad link turns good."""
    loss: float = field(default=1.0, validator=_probability)
    """The probability that a bad link loses a packet."""


@frozen
class Drop:
    """The first `count` packets of one kind are lost."""

    kind: str
    """`input`, `ack`, `end` or `hash`."""
    count: int
    frame: int | None = None
    """Only packets with the input of this frame; None: any."""

    def covers(self, message: Message) -> bool:
        """Tell whether `message` is of the kind that is lost."""
        if KINDS[type(message)] != self.kind:
            return False
        if self.frame is None or not isinstance(message, InputMessage):
            return True
        return message.first <= self.frame < message.first + len(message.actions)


@frozen
class Faults:
    """What happens to the packets in one direction on one path. Without arguments: nothing."""

    latency_ms: int = field(default=0, validator=_milliseconds)
    """How long every packet is under way at least."""
    jitter_ms: int = field(default=0, validator=_milliseconds)
    """How much longer it may be, uniformly."""
    loss: float = field(default=0.0, validator=_probability)
    """The probability that a packet is lost."""
    burst: Burst | None = None
    """Losses in bursts besides."""
    duplicate: float = field(default=0.0, validator=_probability)
    """The probability that a packet arrives twice."""
    reorder: float = field(default=0.0, validator=_probability)
    """The probability that a packet is held up by `reorder_ms`, so that later ones overtake it."""
    reorder_ms: int = field(default=50, validator=_milliseconds)
    partitions: tuple[Interval, ...] = ()
    """When every packet sent is lost."""
    drops: tuple[Drop, ...] = ()
    """Particular packets that are lost."""


class Channel(Interface):
    """One direction of one path, which decides the fate of one packet after the other."""

    def send(self, now: int, message: Message) -> Transits:
        """Return the fate of the next packet, sent at `now`."""


class FaultyChannel:
    """A channel with random faults, equal for equal seeds."""

    def __init__(self, faults: Faults, seed: str) -> None:
        """Draw every fate from a random sequence that belongs to this channel alone."""
        self.faults = faults
        self._random = Random(seed)
        self._bad = False
        self._left = [drop.count for drop in faults.drops]

    def send(self, now: int, message: Message) -> Transits:
        """Return the fate of the next packet, sent at `now`."""
        faults = self.faults
        if (faults.drops and self._drops(message)) or (faults.partitions and self._is_parted(now)) or self._loses():
            return ()
        if faults.duplicate and self._random.random() < faults.duplicate:
            return self._transit(), self._transit()
        return (self._transit(),)

    def _drops(self, message: Message) -> bool:
        for at, drop in enumerate(self.faults.drops):
            if self._left[at] and drop.covers(message):
                self._left[at] -= 1
                return True
        return False

    def _is_parted(self, now: int) -> bool:
        return any(start <= now < end for start, end in self.faults.partitions)

    def _loses(self) -> bool:
        burst, random = self.faults.burst, self._random.random
        if burst is not None:
            self._bad = random() >= burst.leave if self._bad else random() < burst.enter
            if self._bad and random() < burst.loss:
                return True
        return bool(self.faults.loss) and random() < self.faults.loss

    def _transit(self) -> int:
        faults, transit = self.faults, self.faults.latency_ms
        if faults.jitter_ms:
            transit += int(self._random.random() * (faults.jitter_ms + 1))
        if faults.reorder and self._random.random() < faults.reorder:
            transit += faults.reorder_ms
        return transit


class RecordedChannel:
    """A channel in which each packet has the fate that was written down for it, in sending order."""

    def __init__(self, recorded: tuple[Transits, ...], default_transit_ms: int) -> None:
        """Packets beyond those recorded are `default_transit_ms` under way."""
        self._fates: Iterator[Transits] = chain(recorded, repeat((default_transit_ms,)))

    def send(self, now: int, message: Message) -> Transits:
        """Return the fate of the next packet."""
        return next(self._fates)
