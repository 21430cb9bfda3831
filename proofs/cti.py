"""Counterexamples to induction: for an obligation that is not proved, a small state before and after it.

Such a state has every property before the step and lacks one after it. It may still be unreachable: then the invariant
says too little, and nothing is wrong with the protocol. So it is also looked for among the states of the instances.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import z3
from attrs import frozen

from rollproof.model.fields import fields_of
from rollproof.model.search.instances import INSTANCES
from rollproof.model.search.search import reach
from rollproof.model.symbolic.formulas import negation
from rollproof.model.symbolic.values import SOptional, SPhase, term_of
from rollproof.model.traces.trace import Trace
from rollproof.proofs.induction import EFFORT, Discharge, cases, premises_of, solver_with
from rollproof.proofs.obligations import Case, before
from rollproof.reference.state import Peer, Phase
from rollproof.reference.transition import Protocol

PLAYERS = 2
FRAMES = 3
"""How many players and frames there are in a counterexample."""
REACH_LIMIT = 5_000
"""How many states of each instance are looked through for one like it."""
SCALARS = (
    "frame",
    "confirmed",
    "buffers.promoted",
    "rollback.pending",
    "rollback.cursor",
    "ending.phase",
    "ending.own",
    "ending.termination",
    "ending.alone",
    "ending.timed_out",
    "ticks",
)
"""What is shown of a state."""


@frozen
class CounterexampleToInduction:
    """A state that has every property, and a step after which one fails."""

    discharge: Discharge
    before: dict[str, Any]
    after: dict[str, Any]
    """By name in `SCALARS`: numbers, truth values, names of phases; None for what is not there."""
    reached: Trace | None
    """A run to a state like the one before, if there is one in the instances."""


def counterexample_to_induction(protocol: Protocol, open_: Discharge) -> CounterexampleToInduction | None:
    """Return a small counterexample to induction, if the solver finds one."""
    state = before(protocol, PLAYERS)
    found = next(
        (
            case
            for case in cases(protocol, state, open_.transition)
            if case.path == open_.path and case.view is not None and (open_.property, open_.clause) in case.goals
        ),
        None,
    ) if open_.transition in protocol.transitions else None  # fmt: skip
    if found is None or found.view is None:
        return None
    model = _model(found, found.goals[open_.property, open_.clause], found.view.before)
    if model is None:
        return None
    old, new = (dict(_scalars(peer, model)) for peer in (found.view.before, found.view.after))
    return CounterexampleToInduction(open_, old, new, _reached(protocol, old, open_.transition))


def _model(case: Case, goal: Any, peer: Peer) -> Any:
    solver = solver_with(EFFORT)
    small: list[Any] = [term_of(peer.frame) <= FRAMES]
    queues: tuple[Any, ...] = (peer.inputs.p2p, peer.inputs.relay)
    for queue in queues:
        small.extend((queue.head == 0, queue.tail <= 1))
    solver.add(*premises_of(case, trusting=True), *small, negation(goal))
    return solver.model() if solver.check() == z3.sat else None


def _scalars(peer: Any, model: Any) -> Iterator[tuple[str, Any]]:
    for name in SCALARS:
        value = peer
        for part in name.split("."):
            value = fields_of(value)[part]
        yield name, _value(value, model)


def _value(value: Any, model: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, SOptional):
        return _value(value.value, model) if z3.is_true(_evaluated(value.there, model)) else None
    term = _evaluated(term_of(value), model)
    if isinstance(value, SPhase | Phase):
        return list(Phase)[term.as_long()].value if 0 <= term.as_long() < len(Phase) else None
    return z3.is_true(term) if z3.is_bool(term) else term.as_long()


def _evaluated(term: Any, model: Any) -> Any:
    return model.eval(term, model_completion=True)


def _reached(protocol: Protocol, wanted: dict[str, Any], transition: str) -> Trace | None:
    def alike(peer: Peer) -> bool:
        return all(_concrete(peer, name) == value for name, value in wanted.items() if name != "ticks")

    for instance in INSTANCES.values():
        if instance.has(transition):
            result = reach(protocol, instance, state=alike, limit=REACH_LIMIT)
            if isinstance(result, Trace):
                return result
    return None


def _concrete(peer: Any, name: str) -> Any:
    for part in name.split("."):
        peer = getattr(peer, part)
    return peer.value if isinstance(peer, Phase) else peer
