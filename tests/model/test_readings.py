"""Every property says the same on values as on terms: of states and steps as they are, and of damaged ones.

What is proved is proved of the terms, and what is searched for is searched for on values. Of real states nearly
everything is true in both readings; so parts of states are exchanged, and events dropped and doubled, until clauses
are false as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from typing import Any

import attrs
import pytest

from rollproof.model.fields import made
from rollproof.model.search.interning import PARTS
from rollproof.model.symbolic.containers import SSlice
from rollproof.model.symbolic.interpretation import Interpretation, introduced
from rollproof.model.symbolic.shapes import make
from rollproof.model.symbolic.state import any_peer
from rollproof.model.symbolic.terms import Terms
from rollproof.model.symbolic.values import term_of
from rollproof.model.theorems.properties import of_scope
from rollproof.model.theorems.property import Property, StepView
from rollproof.model.theorems.truth import Truth
from rollproof.model.theorems.values import Values
from rollproof.proofs.obligations import any_arguments
from rollproof.proofs.witnesses import load, truth_of, walked
from rollproof.reference.containers import PlayerMap
from rollproof.reference.events import Event
from rollproof.reference.messages import InputMessage, Path
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer, QueuedInput, RollbackEntry
from rollproof.reference.values import evolve

BEFORE, AFTER = any_peer("peer"), any_peer("after")
FRAMES = range(-1, 12)
EXCHANGED = [*PARTS, "metrics"] if "metrics" not in PARTS else list(PARTS)


@attrs.frozen
class Known:
    """A step that was really taken, with what really happens."""

    view: StepView
    truth: Callable[[int], Truth]


@cache
def steps() -> list[Known]:
    """Return the steps of the kept runs."""
    return [Known(view, truth_of(explorer, kept.run)) for kept in load() for explorer, view in walked(PROTOCOL, kept)]


@attrs.frozen
class Stated:
    """What a property says on terms."""

    clauses: dict[str, Any]
    definitions: list[Any]
    """What is said of the constants that it introduces."""


@cache
def of_states(each: Property) -> Stated:
    q = Terms(PROTOCOL)
    return Stated({clause: term_of(formula) for clause, formula in each.clauses(q, BEFORE).items()}, q.definitions)


@cache
def of_steps(each: Property, transition: str, label: str, events: tuple[Any, ...]) -> Stated:
    q = Terms(PROTOCOL)
    args = dict(any_arguments(PROTOCOL.transitions[transition]))[label]
    told = tuple(symbolic(*kind, f"event{number}") for number, kind in enumerate(events))
    view = StepView(transition, BEFORE, args, AFTER, told)
    return Stated({clause: term_of(formula) for clause, formula in each.clauses(q, view).items()}, q.definitions)


def symbolic(cls: type, message: type | None, plain: tuple[tuple[str, Any], ...], name: str) -> Any:
    """Return an arbitrary event of a class, with a message of a class if there is one in it."""
    fields: dict[str, Any] = {}
    for each in attrs.fields(cls):
        annotation = str(each.type)
        if each.name in dict(plain):
            fields[each.name] = dict(plain)[each.name]
        elif annotation == "Message":
            assert message is not None
            fields[each.name] = symbolic(message, None, plain, f"{name}.{each.name}")
        elif annotation == "tuple[Action, ...]":
            last = fields["first"].term + make("int", f"{name}.length").term - 1
            fields[each.name] = SSlice(BEFORE.inputs.known, fields["player"].term, fields["first"].term, last)
        else:
            fields[each.name] = make(annotation, f"{name}.{each.name}")
    return made(cls, **fields)


def kind_of(event: Event) -> tuple[type, type | None, tuple[tuple[str, Any], ...]]:
    """Return of what classes an event is, and what the code has put there plainly: paths, and literal truth values."""
    message = getattr(event, "message", None)
    fields = {each.name: getattr(event, each.name) for each in attrs.fields(type(event))}
    plain = tuple((name, value) for name, value in fields.items() if isinstance(value, Path | bool))
    return type(event), None if message is None else type(message), plain


def roots_of(event: Event, number: int) -> dict[str, Any]:
    """Return what the constants of an event mean."""
    values = {each.name: getattr(event, each.name) for each in attrs.fields(type(event))}
    if (message := values.get("message")) is not None:
        inner = {each.name: getattr(message, each.name) for each in attrs.fields(type(message))}
        values["message"] = {**inner, "length": len(inner.get("actions", ()))}
    return {f"event{number}": values}


def says_what_is_known(peer: Peer, event: Event) -> bool:
    """Tell whether the actions in a message are those that a peer knows."""
    message = getattr(event, "message", None)
    if not isinstance(message, InputMessage):
        return True
    return all(
        peer.inputs.known.get(message.player, frame) == action
        for frame, action in enumerate(message.actions, message.first)
    )


# --- damage ---


def exchanged(peer: Peer, other: Peer) -> Iterator[Peer]:
    """Yield a peer with one part of another one in the place of its own."""
    for part in EXCHANGED:
        name, _, inner = part.partition(".")
        old, new = getattr(peer, name), getattr(other, name)
        if inner:
            new = evolve(old, **{inner: getattr(new, inner)})
        if old != new:
            yield evolve(peer, **{name: new})
    for twist in TWISTS:
        yield twist(peer)


TWISTS: tuple[Callable[[Peer], Peer], ...] = (
    lambda it: evolve(it, metrics=evolve(it.metrics, greatest_depth=9, inputs_sent_relay=5, hash_mismatches=1)),
    lambda it: evolve(it, metrics=evolve(it.metrics, rollbacks=it.metrics.rollbacks.push(RollbackEntry(0, 1, 3, 7)))),
    lambda it: evolve(it, desync=evolve(it.desync, first_mismatch=0)),
    lambda it: evolve(it, links=PlayerMap()),
    lambda it: evolve(it, inputs=evolve(it.inputs, p2p=it.inputs.p2p.push(QueuedInput("a", -2, 5, 0)))),
    lambda it: evolve(it, config=attrs.evolve(it.config, prediction_window=1), frame=it.frame + 3),
)
"""What no part of another state does to a state."""


def damaged(view: StepView, other: Peer) -> Iterator[StepView]:
    """Yield a step with something else after it, or with events that are not told, or told twice."""
    for after in (*exchanged(view.after, view.before), *exchanged(view.after, other)):
        yield attrs.evolve(view, after=after)
    for before in exchanged(view.before, other):
        yield attrs.evolve(view, before=before)
    for number, event in enumerate(view.events):
        rest = view.events[:number] + view.events[number + 1 :]
        yield attrs.evolve(view, events=rest)
        yield attrs.evolve(view, events=(*view.events, event))
        for twisted in shifted(event):
            yield attrs.evolve(view, events=(*rest, twisted))


def shifted(event: Any) -> Iterator[Any]:
    """Yield an event, or a message, with another number in it."""
    for each in attrs.fields(type(event)):
        value = getattr(event, each.name)
        if type(value) is int:
            yield evolve(event, **{each.name: value + 1})
        elif each.name == "message":
            yield from (evolve(event, message=other) for other in shifted(value))


# --- the comparison ---

Seen = Counter[tuple[str, str, bool | None]]
"""How often a clause was true, false, or could not be judged on values, by property and clause."""


def compare(
    each: Property, stated: Stated, about: Any, known: Known, roots: dict[str, Any], seen: Seen, peer: Peer
) -> None:
    """Read a property in both ways, and compare clause by clause."""
    players = peer.config.players
    q = Values(players, FRAMES[-1], known.truth, PROTOCOL)
    try:
        meant = {clause: bool(formula) for clause, formula in each.clauses(q, about).items()}
    except (LookupError, TypeError, AttributeError, ValueError):  # the damage makes what no state can be
        seen[each.name, "", None] += 1
        return
    it = Interpretation(players, roots, world=peer.world, truth=known.truth, frames=FRAMES)
    if stated.definitions and not it.introduce(
        [one for one in stated.definitions if introduced(one)], peer.inputs.known, peer.frame
    ):
        seen[each.name, "", None] += 1
        return
    assert meant.keys() == stated.clauses.keys()
    for clause, held in meant.items():
        assert bool(it.value(stated.clauses[clause])) is held, (each.name, clause, held, about)
        seen[each.name, clause, held] += 1


FEW = 12
"""Of how many steps a property is read in short, if it was true and false of them."""
NEVER_FALSE = {"parts_are_of_their_kind"}
"""What of values is true by their form."""


def sampled(seen: Seen, whole: bool) -> Iterator[tuple[Known, Known]]:
    """Yield real steps, each with another one; enough of them, or all."""
    every = steps()
    mixed = [every[at * 89 % len(every)] for at in range(len(every))]
    for number, (known, other) in enumerate(pairwise(mixed)):
        verdicts = {verdict for _, _, verdict in seen}
        if not whole and number >= FEW and verdicts >= {True, False}:
            break
        if known.view.before.config.players == other.view.before.config.players:
            yield known, other


LENGTHS = [False, pytest.param(True, marks=pytest.mark.long)]


@pytest.mark.parametrize("whole", LENGTHS, ids=["short", "whole"])
@pytest.mark.parametrize("each", of_scope("state"), ids=lambda each: each.name)
def test_a_property_of_states_means_the_same(each: Property, whole: bool) -> None:
    seen: Seen = Counter()
    stated = of_states(each)
    for known, other in sampled(seen, whole):
        real = known.view.before
        compare(each, stated, real, attrs.evolve(known, truth=other.truth), {"peer": real}, seen, real)
        for peer in (real, *exchanged(real, other.view.after)):
            compare(each, stated, peer, known, {"peer": peer}, seen, peer)
    assert {verdict for _, _, verdict in seen} >= ({True} if each.name in NEVER_FALSE else {True, False})


@pytest.mark.parametrize("whole", LENGTHS, ids=["short", "whole"])
@pytest.mark.parametrize("each", of_scope("step"), ids=lambda each: each.name)
def test_a_property_of_steps_means_the_same(each: Property, whole: bool) -> None:
    seen: Seen = Counter()
    for known, other in sampled(seen, whole):
        view = known.view
        path = view.args.get("path")
        for number, one in enumerate((view, view, *damaged(view, other.view.after))):
            if not all(says_what_is_known(one.before, event) for event in one.events):
                continue  # the terms have no actions but known ones
            stated = of_steps(each, view.transition, f"{path.value}, " if path else "", tuple(map(kind_of, one.events)))
            roots = {"peer": one.before, "after": one.after, "arg": one.args}
            for place, event in enumerate(one.events):
                roots |= roots_of(event, place)
            meant = attrs.evolve(known, truth=other.truth) if number == 0 else known
            compare(each, stated, one, meant, roots, seen, one.before)
    assert {verdict for _, _, verdict in seen} >= {True, False}
