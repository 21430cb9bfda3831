"""Searching two peers: any two states that they can be in at once, under the same truth.

Partners say only what is true, and say it at any moment, so what one peer does never keeps another from anything: what
two peers can be in at once is any state of the one with any state of the other. A violation is then joined into one run
of both, in which each receives from the other only what it has said by then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from operator import itemgetter
from typing import Any

from attrs import evolve

from rollproof.model.search.explorer import Args, Explorer, Reached
from rollproof.model.search.instances import Instance
from rollproof.model.search.interning import PARTS, READS, watched
from rollproof.model.search.search import (
    LIMIT,
    Count,
    Exhausted,
    LimitReached,
    NotReproducedError,
    Refuted,
    Result,
    take,
)
from rollproof.model.theorems.blame import blame, violated
from rollproof.model.theorems.property import Property
from rollproof.model.traces.trace import Trace, TraceStep
from rollproof.reference.containers import Player
from rollproof.reference.events import EndDecided, InputScheduled
from rollproof.reference.transition import Protocol

MOST_JOINED = 200
"""How many pairs of states that violate a property are tried to be joined into one run."""


def search_pairs(
    protocol: Protocol, properties: Sequence[Property], instance: Instance, *, limit: int = LIMIT
) -> Result:
    """Return a shortest run of two peers that violates one of the `properties` of pairs.

    What a third player says comes from the environment. If there are violating pairs of states, but none of those
    tried can be joined into one run, the limit of what is tried is reached.
    """
    explorers = {player: Explorer(protocol, instance, player) for player in instance.players}
    reached = {player: _reached(explorer, limit) for player, explorer in explorers.items()}
    exhausted = all(explorer.exhausted for explorer in explorers.values())
    unjoined = 0
    for one, other in combinations(instance.players, 2):
        for each in properties:
            pairs = list(_violating(each, explorers[one], reached[one], reached[other]))
            unjoined += len(pairs)
            for left, right in sorted(pairs, key=_length)[:MOST_JOINED]:
                trace = _joined(protocol, instance, {one: left.way(), other: right.way()})
                if trace is None:
                    continue
                ends = {step.player: step.after for step in trace.steps}
                violation = blame(each, explorers[one].readings[left.run], ends[one], ends[other])
                if violation is None:
                    raise NotReproducedError(f"{each.name} holds when the run that violates it is repeated")
                return Refuted(evolve(trace, violation=violation), _counts(explorers))
    counts = _counts(explorers)
    return Exhausted(counts) if exhausted and not unjoined else LimitReached(counts, unjoined)


def _reached(explorer: Explorer, limit: int) -> list[Reached]:
    states = explorer.start()
    states += (step.after for step in explorer.explore(limit) if step.after is not None and step.is_new)
    return states


def _counts(explorers: dict[Player, Explorer]) -> tuple[Count, ...]:
    return tuple(
        Count(f"{each.instance.name}, peer {player}", each.states, each.transitions, each.exhausted)
        for player, each in explorers.items()
    )


def _violating(
    each: Property, explorer: Explorer, ones: list[Reached], others: list[Reached]
) -> Iterator[tuple[Reached, Reached]]:
    """Iterate over pairs that violate a property, one for each combination of the parts that it reads."""
    reads: set[str] = set()
    while True:
        READS.clear()
        found = []
        for left, right in _combinations(reads, ones, others):
            reading = explorer.readings[left.run]
            if violated(each, reading, watched(left.peer), watched(right.peer)) is not None:
                found.append((left, right))
            if not reads >= READS:
                break
        else:
            yield from found
            return
        reads |= READS


def _combinations(reads: set[str], ones: list[Reached], others: list[Reached]) -> Iterator[tuple[Reached, Reached]]:
    indexes = [at for at, name in enumerate(PARTS) if name in reads]
    if not indexes:
        yield ones[0], others[0]
        return
    select: Any = itemgetter(*indexes)
    left: dict[Any, Reached] = {}
    right: dict[Any, Reached] = {}
    for states, first in ((ones, left), (others, right)):
        for state in states:
            first.setdefault((state.run, select(state.key)), state)
    for one in left.values():
        for other in right.values():
            if one.run == other.run:
                yield one, other


def _length(pair: tuple[Reached, Reached]) -> int:
    return len(pair[0].way()) + len(pair[1].way())


def _joined(protocol: Protocol, instance: Instance, ways: dict[Player, list[tuple[str, Args]]]) -> Trace | None:
    """Return one run of several peers in which each goes its way; None if each would wait for the other."""
    starts = {player: instance.start(player, protocol) for player in ways}
    peers, left = dict(starts), {player: iter(way) for player, way in ways.items()}
    following = {player: next(way, None) for player, way in left.items()}
    steps: list[TraceStep] = []
    said: set[tuple[Any, ...]] = set()
    while any(each is not None for each in following.values()):
        ready = [
            p for p, each in following.items() if each is not None and _may_be_received(each, ways, said, instance)
        ]
        if not ready:
            return None
        player = ready[0]
        name, args = following[player] or ("", ())
        step = take(protocol.transitions[name], peers[player], args)
        steps.append(step)
        peers[player] = step.after
        following[player] = next(left[player], None)
        for event in step.events:
            if isinstance(event, InputScheduled):
                said.add(("receive_input", player, step.before.epoch, event.frame))
            if isinstance(event, EndDecided):
                said.add(("receive_end", player, step.before.epoch))
    first, *rest = starts.items()
    return Trace(protocol.name, instance.name, first[0], first[1], tuple(steps), None, tuple(rest))


def _may_be_received(each: tuple[str, Args], ways: Any, said: set[tuple[Any, ...]], instance: Instance) -> bool:
    name, args = each
    if name == "receive_input" and args[0] in ways:
        player, epoch, _, frame, *_ = args
        return frame < instance.config(player).input_delay or (name, player, epoch, frame) in said
    if name == "receive_end" and args[0] in ways:
        return (name, args[0], args[1]) in said
    return True
