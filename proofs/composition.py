"""The obligations about two peers at once: a product of two arbitrary ones, and a channel between them.

Either takes any step while the other stands still. What a peer has said may arrive at any later moment, any number of
times, in any order, or never: the channel holds whatever was ever said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any

import z3
from attrs import frozen

from rollproof.model.fields import fields_of, made
from rollproof.model.symbolic.formulas import TRUE, implication
from rollproof.model.symbolic.shapes import kept
from rollproof.model.symbolic.state import any_peer
from rollproof.model.symbolic.terms import Terms
from rollproof.model.symbolic.values import SBool, SInt, term_of
from rollproof.model.theorems.composition import Said
from rollproof.model.theorems.liveness import Round
from rollproof.model.theorems.properties import PROPERTIES, of_scope
from rollproof.model.theorems.property import Property, StepView
from rollproof.proofs.obligations import Before, Case, before, has, what_is_read
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer
from rollproof.reference.values import evolve

Goals = dict[tuple[str, str], Any]
"""Formulas by (property, clause)."""
SAID = Said(SInt(z3.Int("said.upto")), SBool(z3.Bool("said.end_known")))
"""Whatever a peer has acknowledged so far."""


def of_two_peers(state: Before, case: Case) -> Iterator[Case]:
    """Yield the obligations of a product of two peers, of which one takes a path and the other stands still."""
    if case.view is None or not (state.asks("product") or state.asks("round")):
        return
    view, pair = case.view, any_pair()
    arrives = _heard_from(state, view.args, pair.other) if view.transition == "receive_ack" else ()
    told = _told_by(state, view.args, pair.other) if view.transition == "receive_input" else ()
    yield Case(
        case.transition,
        f"{case.path}, of the sender",
        (*pair.steady, *case.premises, *arrives),
        (*pair.trusting, *pair.as_sender.values(), *case.trust),
        {
            **_after(
                view.after,
                pair.as_sender,
                pair.read_of_sender,
                partial(_product, state.q, view.after, pair.other, SAID),
            ),
            **_rounds(state.q, Round(state.peer, pair.other, view.after, pair.other, view, sends=True)),
        },
        shared=pair.shared(case.shared, pair.as_sender),
    )
    said = SAID.with_step(state.q, view, pair.other.config.player)
    unchanged = pair.read_of_receiver if said is SAID else {}
    yield Case(
        case.transition,
        f"{case.path}, of the receiver",
        (*pair.steady, *case.premises, *told),
        (*pair.trusting, *pair.as_receiver.values(), *case.trust),
        {
            **_after(view.after, pair.as_receiver, unchanged, partial(_product, state.q, pair.other, view.after, said)),
            **_rounds(state.q, Round(pair.other, state.peer, pair.other, view.after, view, sends=False)),
        },
        shared=pair.shared(case.shared, pair.as_receiver),
    )


@frozen(slots=False)
class Pair:
    """An arbitrary other peer that has every state property, and what is assumed of the two at once."""

    other: Peer
    steady: tuple[Any, ...]
    """Its invariants that hold whatever partners say."""
    trusting: tuple[Any, ...]
    """Its other invariants."""
    as_sender: Goals
    """What is true of the two, the stepping peer being the one whose inputs are acknowledged."""
    read_of_sender: dict[str, Peer]
    """By property: a peer that has nothing but the fields that the property reads of the one that steps, as above."""
    as_receiver: Goals
    """The same, the stepping peer being the one that acknowledges."""
    read_of_receiver: dict[str, Peer]

    def shared(self, of_one: tuple[int, int], known: Goals) -> tuple[int, int]:
        """Return how many premises all cases of the two have, given those of one, and how many of those that trust."""
        return len(self.steady) + of_one[0], len(self.trusting) + len(known) + of_one[1]


def any_pair() -> Pair:
    """Return an arbitrary other peer beside an arbitrary one, and what is assumed of the two."""
    return _pair(tuple(PROPERTIES.values()), kept())


@cache
def _pair(_: tuple[Property, ...], __: type) -> Pair:
    state = before(PROTOCOL)
    other = another(state.peer)
    steady: list[Any] = []
    trusting: list[Any] = []
    for each in of_scope("state"):
        formulas = [term_of(formula) for formula in each.clauses(state.q, other).values()]
        (trusting if each.trusting else steady).extend(formulas)

    def as_sender(about: Property, peer: Peer) -> Goals:
        return _product(state.q, peer, other, SAID, about)

    def as_receiver(about: Property, peer: Peer) -> Goals:
        return _product(state.q, other, peer, SAID, about)

    return Pair(other, tuple(steady), tuple(trusting), *_known(state.peer, as_sender), *_known(state.peer, as_receiver))


def _known(peer: Peer, product: Callable[[Property, Peer], Goals]) -> tuple[Goals, dict[str, Peer]]:
    """Return what is true of a peer and another one, and what each property reads of the peer."""

    def read(about: Property) -> Peer:
        def stated(part: Peer) -> dict[str, Any]:
            return {clause: goal for (_, clause), goal in product(about, part).items()}

        return what_is_read(peer, stated, of_two=True)

    known = {key: goal for each in of_scope("product") for key, goal in product(each, peer).items()}
    return known, {each.name: read(each) for each in of_scope("product")}


def stated_of_two() -> tuple[tuple[str, str], ...]:
    """Return what must hold after every step of one of two peers, as the sender and as the receiver."""
    pair, state = any_pair(), before(PROTOCOL)
    nothing = StepView("(nothing)", state.peer, {}, state.peer, ())
    rounds = [
        _rounds(state.q, Round(*two, *two, nothing, sends=sends))
        for two, sends in (((state.peer, pair.other), True), ((pair.other, state.peer), False))
    ]
    return (*pair.as_sender, *pair.as_receiver, *rounds[0], *rounds[1])


def _after(after: Peer, known: Goals, read: Mapping[str, Peer], product: Callable[[Property], Goals]) -> Goals:
    """Return what must be true of the two after a step.

    Of what speaks only of what the step leaves as it is there is nothing to prove.
    """
    goals = dict.fromkeys(known, TRUE)
    for each in of_scope("product"):
        if each.name not in read or not has(after, read[each.name]):
            goals.update(product(each))
    return goals


def another(peer: Peer) -> Peer:
    """Return an arbitrary other peer of the same session, in any episode."""
    other = any_peer("other")
    settings = made(type(peer.config), **{**fields_of(peer.config), "player": other.config.player})
    return evolve(other, config=settings)


def _product(q: Terms, sender: Peer, receiver: Peer, said: Said, about: Property) -> Goals:
    different = sender.config.player != receiver.config.player
    return {
        (about.name, clause): implication(term_of(different), term_of(formula))
        for clause, formula in about.clauses(q, sender, receiver, said).items()
    }


def _rounds(q: Terms, seen: Round) -> Goals:
    different = seen.sender.config.player != seen.receiver.config.player
    return {
        (each.name, clause): z3.simplify(implication(term_of(different), term_of(formula)))
        for each in of_scope("round")
        for clause, formula in each.clauses(q, seen).items()
    }


def _told_by(state: Before, args: dict[str, Any], other: Peer) -> tuple[Any, ...]:
    """Return what is known of an input that arrives: if it is this partner's, it has scheduled it, now or earlier.

    A packet holds only what is known (`one_value_per_player_and_frame`), and that stays (`inputs_are_immutable`).
    """
    q, epoch = state.q, args["epoch"]
    now = q.all_of(epoch == other.epoch, q.has(other.inputs.known, other.config.player, args["frame"]))
    own = q.all_of(args["player"] == other.config.player, args["game"] == other.config.game)
    return (term_of(q.implies(own, lambda: q.any_of(epoch < other.epoch, now))),)


def _heard_from(state: Before, args: dict[str, Any], other: Peer) -> tuple[Any, ...]:
    """Return what is known of an acknowledgement that arrives: if it is from this partner, it has said it."""
    allowed = SAID.allows(state.q, other, args["acknowledged"], args["end_known"], args["epoch"])
    return (implication(term_of(args["player"] == other.config.player), term_of(allowed)),)
