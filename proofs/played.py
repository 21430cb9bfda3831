"""What is played beside a proof: named scenarios and small random sessions, whose calls are held to their contracts.

Sessions whose links heal are played besides: none of them may come to a standstill.

The proof is about single transitions. What runs are drivers, containers, a hash and an export besides; and mistakes
that need a fourth frame, a second episode or a third peer show here within seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from attrs import evolve, frozen

from rollproof.model.sessions.campaign import long_setup, small_promises, small_setup
from rollproof.model.sessions.examined import Broken, examine
from rollproof.model.sessions.healing import HEALED, healing_setup
from rollproof.model.sessions.holding import can_be_held, holding
from rollproof.model.sessions.scenarios import SCENARIOS
from rollproof.model.sessions.session import run
from rollproof.model.slips import SlipError
from rollproof.model.theorems.properties import PROPERTIES
from rollproof.model.workers import called_in_parallel, in_parallel
from rollproof.proofs.induction import Discharge
from rollproof.reference.transition import Protocol

SMALL = 80
"""How many small random sessions are played, each call held to its contract."""
EVERY = 5
"""Every how many calls of a named scenario are."""
HEALING = 160
"""How many small random sessions whose links heal are played."""
HELD = 40
"""How many sessions are played with what could not be proved."""
BATCH = 10
"""How many of them one process plays at a time."""


@frozen
class Played:
    """What came of everything that was played."""

    sessions: int
    """How many kept every promise; 0 if one did not."""
    broken: Broken | None
    """What was broken first."""


class Sessions:
    """The sessions that every protocol plays: the short ones that show most mistakes first, and the rest."""

    def __init__(self, protocol: Protocol, option: str = "", jobs: int | None = None, known: int | None = None) -> None:
        """Play nothing yet. `known` says how many keep every promise, if that is known already.

        `option` is what `rollproof simulate` needs to play under the same protocol.
        """
        self.protocol, self.option, self.jobs = protocol, option, jobs
        self.number = len(SCENARIOS) + SMALL + HEALING
        """How many there are."""
        small, healing = _batches(_small, SMALL), _batches(_healing, HEALING)
        self._first = [*healing[:2], *small[:4]]
        self._rest = [*((_scenario, name) for name in SCENARIOS), *healing[2:], *small[4:]]
        if known == self.number:
            self._first, self._rest = [], []

    def first(self) -> Broken | None:
        """Play the first of them until something is broken."""
        return self._play(self._first)

    def rest(self) -> Broken | None:
        """Play the rest until something is broken."""
        return self._play(self._rest)

    def _play(self, items: list[tuple[Callable[..., Broken | None], Any]]) -> Broken | None:
        played = in_parallel(lambda item: item[0](self.protocol, item[1], self.option), items, self.jobs)
        return next(filter(None, played), None)


def standstill(protocol: Protocol, option: str = "", jobs: int | None = None) -> Broken | None:
    """Play the sessions whose links heal, until one breaks what it promises."""
    played = in_parallel(lambda seeds: _healing(protocol, seeds, option), _seeds(HEALING), jobs)
    return next(filter(None, played), None)


def play_held(
    protocol: Protocol, open_: Iterable[Discharge], option: str = "", jobs: int | None = None
) -> Broken | None:
    """Play sessions in which each step is held to what could not be proved, until one violates it."""
    played = called_in_parallel(held_sessions(protocol, open_, option), jobs)
    return next(filter(None, played), None)


def held_sessions(
    protocol: Protocol, open_: Iterable[Discharge], option: str = "", *, quickly: bool = False
) -> list[Callable[[], Broken | None]]:
    """Return what plays sessions in which each step is held to what could not be proved, until one violates it.

    They are small ones; and where it is not proved when transitions are possible, a long one comes first: what holds
    them back may begin late. `quickly` plays fewer, looks at nothing else in them, at fewer states of the long one,
    and plays after them those whose links heal.
    """
    doubted: dict[str, set[str]] = {}
    for each in open_:
        doubted.setdefault(each.property, set()).add(each.transition)
    held = {name: PROPERTIES[name] for name in sorted(doubted) if name in PROPERTIES}
    contracts = {name: holding(each, doubted[name]) for name, each in held.items() if can_be_held(each)}
    at_rest = [holding(held[name], doubted[name], at_rest=True) for name in contracts]
    late = any(held[name].scope == "possibility" for name in contracts)

    def play(kind: str, seeds: range) -> Broken | None:
        if kind == "--healing":
            return _healing(protocol, seeds, option)
        for seed in seeds:
            long = kind == "--long"
            source = long_setup(seed) if long else small_setup(seed)
            kept = at_rest if long and quickly else contracts.values()
            broken = examine(source, (), protocol, "", tuple(kept), closely=not (quickly or long))
            if broken is not None:
                theorem = f" --theorem {broken.name}" if broken.name in contracts else ""
                return evolve(broken, again=again(kind, seed, theorem + option))
        return None

    items = [
        *([("--long", range(1))] if late else []),
        *(("--small", seeds) for seeds in _seeds(HELD // 4 if quickly else HELD) if contracts),
        *(("--healing", seeds) for seeds in _seeds(HEALING if quickly else 0)),
    ]
    return [partial(play, *item) for item in items]


def _seeds(count: int) -> list[range]:
    return [range(start, start + BATCH) for start in range(0, count, BATCH)]


def _batches(play: Callable[..., Any], count: int) -> list[tuple[Callable[..., Any], Any]]:
    return [(play, seeds) for seeds in _seeds(count)]


def _scenario(protocol: Protocol, name: str, option: str) -> Broken | None:
    scenario = SCENARIOS[name]
    return examine(scenario.setup, scenario.promises, protocol, f"{name} --strict{option}", every=EVERY)


def _small(protocol: Protocol, seeds: range, option: str) -> Broken | None:
    found = (
        examine(small_setup(seed), small_promises(seed), protocol, again("--small", seed, option)) for seed in seeds
    )
    return next(filter(None, found), None)


def _healing(protocol: Protocol, seeds: range, option: str) -> Broken | None:
    """Look closely only at what breaks a promise: the calls are those that other sessions look at."""
    for seed in seeds:
        try:
            result = run(healing_setup(seed), protocol, keep_events=False)
            broken = any(each.broken(result) for each in HEALED)
        except SlipError:
            raise
        except Exception:  # what is made of a peer cannot be told; whoever looks closely says of what
            broken = True
        if broken:
            return examine(healing_setup(seed), HEALED, protocol, again("--healing", seed, option))
    return None


def again(kind: str, seed: int, option: str) -> str:
    """Return the arguments of `rollproof simulate` that play one random session again."""
    return f"--campaign 1 --seed {seed} {kind} --strict{option}"
