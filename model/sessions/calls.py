"""One call of a driver, taken apart: which transitions it tried, what each did, and what the call came to.

The protocol that a driver is given is the same in all it does; it notes every attempt. So a call is seen from outside,
and the drivers need not know that anybody looks.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from functools import cached_property
from typing import Any, cast

from attrs import evolve, frozen

from rollproof.model.bounded import EndlessError
from rollproof.reference import values
from rollproof.reference.containers import Player
from rollproof.reference.events import Event
from rollproof.reference.state import Peer
from rollproof.reference.tick import NOBODY
from rollproof.reference.transition import Guard, Protocol, Step, Transition

MOST_ATTEMPTS = 20_000
"""How many transitions one call of a driver may try; a thousand frames that are caught up take fewer."""


@values.frozen
class Attempt:
    """One transition that a driver tried. There are so many that they are declared like the values of the reference."""

    transition: Transition[Any]
    before: Peer
    args: Any
    step: Step | Guard[Any]
    """What came of it, or the guard that refused it."""

    @property
    def name(self) -> str:
        """The transition's name."""
        return self.transition.name

    @property
    def taken(self) -> bool:
        """Whether it was not refused."""
        return not isinstance(self.step, Guard)

    @property
    def after(self) -> Peer:
        """The peer afterwards."""
        return self.before if isinstance(self.step, Guard) else self.step[0]

    @property
    def events(self) -> tuple[Event, ...]:
        """What it reported."""
        return () if isinstance(self.step, Guard) else self.step[1]


@frozen
class DriverCall:
    """One call of a driver, and everything that it tried."""

    driver: str
    """`tick`, `poll`, `receive`, `export` or `next_episode`."""
    protocol: Protocol
    now: int
    """In milliseconds; 0 for a driver that has no clock."""
    args: tuple[Any, ...]
    """What else it was given."""
    before: Peer
    after: Peer
    events: tuple[Event, ...]
    attempts: tuple[Attempt, ...]
    focused: bool = True
    """Whether the player looked at the game."""
    refusing: Container[Player] = NOBODY
    """The partners to whom a peer-to-peer send was refused."""

    @property
    def player(self) -> Player:
        """Whose peer was driven."""
        return self.before.config.player

    @cached_property
    def taken(self) -> tuple[Attempt, ...]:
        """The attempts that were not refused."""
        return tuple([each for each in self.attempts if type(each.step) is tuple])

    @cached_property
    def _by_name(self) -> dict[str, list[Attempt]]:
        steps: dict[str, list[Attempt]] = {}
        for each in self.taken:
            steps.setdefault(each.transition.name, []).append(each)
        return steps

    def of(self, name: str) -> list[Attempt]:
        """Return the steps of one transition."""
        return self._by_name.get(name, [])

    def refused(self, name: str) -> list[tuple[Attempt, Guard[Any]]]:
        """Return the attempts at one transition that were refused, each with the guard that refused it."""
        return [(each, each.step) for each in self.attempts if each.name == name and isinstance(each.step, Guard)]


Watch = Callable[[DriverCall], None]
"""Called after every call of a driver."""


def watched(driver: Callable[..., Step], protocol: Protocol, peer: Peer, *args: Any, **options: Any) -> DriverCall:
    """Call a driver, and return what it did.

    Raises:
        EndlessError: if it tries far more transitions than any call needs.
        Exception: whatever the protocol raises.
    """
    attempts: list[Attempt] = []
    after, events = driver(_NOTEBOOK.noting(protocol, attempts), peer, *args, **options)
    timed = driver.__name__ in ("tick", "poll", "receive")
    now, rest = (args[0], args[1:]) if timed else (0, args)
    return DriverCall(driver.__name__, protocol, now, rest, peer, after, tuple(events), tuple(attempts), **options)


def noting(protocol: Protocol, note: Callable[[Attempt], None]) -> Protocol:
    """Return a protocol that does the same, and notes each attempt at a transition."""
    return evolve(
        protocol,
        transitions={name: cast(Transition[Any], _Noting(each, note)) for name, each in protocol.transitions.items()},
    )


class _Notebook:
    """Where attempts are noted. A protocol that notes is made once, for the many calls that are watched in a row."""

    def __init__(self) -> None:
        self._attempts: list[Attempt] = []
        self._last: tuple[Protocol, Protocol] | None = None

    def noting(self, protocol: Protocol, attempts: list[Attempt]) -> Protocol:
        """Return a protocol that does the same, and notes each attempt there until the next one is asked for."""
        self._attempts = attempts
        if self._last is None or self._last[0] is not protocol:
            self._last = protocol, noting(protocol, self._note)
        return self._last[1]

    def _note(self, attempt: Attempt) -> None:
        if len(self._attempts) >= MOST_ATTEMPTS:
            raise EndlessError
        self._attempts.append(attempt)


_NOTEBOOK = _Notebook()


class _Noting:
    """A transition that notes each attempt at it; in all else it is the one that it stands for."""

    def __init__(self, transition: Transition[Any], note: Callable[[Attempt], None]) -> None:
        self._transition = transition
        self._note = note

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transition, name)

    def fire(self, peer: Peer, args: Any = None) -> Step | Guard[Any]:
        step = self._transition.fire(peer, args)
        self._note(Attempt(self._transition, peer, args, step))
        return step
