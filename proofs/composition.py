"""The obligations about two peers at once: a product of two arbitrary ones, and a channel between them.

Either takes any step while the other stands still. What a peer has said may arrive at any later moment, any number of
times, in any order, or never: the channel holds whatever was ever said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import z3

from rollproof.model.fields import fields_of, made
from rollproof.model.symbolic.state import any_peer
from rollproof.model.symbolic.values import SBool, SInt, term_of
from rollproof.model.theorems.composition import Said
from rollproof.model.theorems.properties import of_scope
from rollproof.proofs.obligations import Before, Case, of_transition
from rollproof.reference.state import Peer
from rollproof.reference.transition import Protocol
from rollproof.reference.values import evolve

SAID = Said(SInt(z3.Int("said.upto")), SBool(z3.Bool("said.end_known")))
"""Whatever a peer has acknowledged so far."""


def of_two_peers(protocol: Protocol, state: Before) -> Iterator[Case]:
    """Yield the obligations of a product of two peers, for each step of either."""
    other = another(state.peer)
    theirs = [term_of(formula) for each in of_scope("state") for formula in each.clauses(state.q, other).values()]
    held_by_sender = tuple(_product(state, state.peer, other, SAID).values())
    held_by_receiver = tuple(_product(state, other, state.peer, SAID).values())
    for transition in protocol.transitions.values():
        for case in of_transition(state, transition):
            if case.view is None:
                continue
            view = case.view
            arrives = _heard_from(state, view.args, other) if view.transition == "receive_ack" else ()
            trust = (*case.trust, *theirs)
            yield Case(
                "(any two peers)",
                f"{view.transition} of the sender, {case.path}",
                (*case.premises, *arrives),
                (*trust, *held_by_sender),
                _product(state, view.after, other, SAID),
            )
            said = SAID.with_step(state.q, view, other.config.player)
            yield Case(
                "(any two peers)",
                f"{view.transition} of the receiver, {case.path}",
                case.premises,
                (*trust, *held_by_receiver),
                _product(state, other, view.after, said),
            )


def another(peer: Peer) -> Peer:
    """Return an arbitrary other peer of the same session, in any episode."""
    other = any_peer("other")
    settings = made(type(peer.config), **{**fields_of(peer.config), "player": other.config.player})
    return evolve(other, config=settings)


def _product(state: Before, sender: Peer, receiver: Peer, said: Said) -> dict[tuple[str, str], Any]:
    different = sender.config.player != receiver.config.player
    return {
        (each.name, clause): z3.Implies(term_of(different), term_of(formula))
        for each in of_scope("product")
        for clause, formula in each.clauses(state.q, sender, receiver, said).items()
    }


def _heard_from(state: Before, args: dict[str, Any], other: Peer) -> tuple[Any, ...]:
    """Return what is known of an acknowledgement that arrives: if it is from this partner, it has said it."""
    allowed = SAID.allows(state.q, other, args["acknowledged"], args["end_known"], args["epoch"])
    return (z3.Implies(term_of(args["player"] == other.config.player), term_of(allowed)),)
