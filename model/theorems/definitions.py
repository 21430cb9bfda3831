"""What parts of a state mean: the words that several properties use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rollproof.model.theorems.logic import Formula, Logic
from rollproof.model.theorems.property import StepView
from rollproof.reference.events import Sent


def done(q: Logic, peer: Any) -> Any:
    """Return the frame before which every frame is simulated with a record that still counts."""
    return q.value_or(peer.rollback.cursor, peer.frame)


def simulation_before(q: Logic, peer: Any, frame: Any) -> Any:
    """Return the simulation before an unpromoted frame, or before `done`."""
    return q.when(frame < done(q, peer), lambda: q.read(peer.snapshots, frame), lambda: peer.simulation)


def follows(q: Logic, peer: Any, before: Any, actions: Any, outcome: Any, after: Any) -> Formula:
    """Return whether simulating one frame with these actions leads from one simulation to another (EP-1, RB-4)."""
    state, yielded = peer.world.step(before.state, actions)
    limit = peer.config.max_steps
    steps = before.steps + 1
    reaches_limit = q.all_of(q.is_there(limit), q.given(limit, lambda most: steps >= most))
    stepped = q.all_of(
        q.is_there(outcome),
        q.given(outcome, lambda it: q.equal(it, yielded)),
        q.equal(after.state, state),
        q.equal(after.returns, before.returns.plus(yielded)),
        after.steps == steps,
        q.iff(after.over, q.any_of(yielded.over, reaches_limit)),
    )
    ended = q.all_of(q.no(q.is_there(outcome)), q.equal(after, before))
    return q.all_of(q.implies(before.over, lambda: ended), q.implies(q.no(before.over), lambda: stepped))


def reports(q: Logic, record: Any, after: Any) -> Formula:
    """Return whether a record holds the counters of the simulation after its frame (RB-4)."""
    return q.all_of(q.equal(record.returns, after.returns), record.steps == after.steps, q.iff(record.over, after.over))


def is_lockstep(q: Logic, peer: Any, record: Any, frame: Any) -> Formula:
    """Return whether a record is the lockstep record of its frame (BUF-6)."""
    truth = q.truth(peer)
    after = truth.simulation(frame + 1)
    return q.all_of(
        q.equal(record.actions, truth.joint(frame)),
        follows(q, peer, truth.simulation(frame), truth.joint(frame), record.outcome, after),
        reports(q, record, after),
    )


def every(q: Logic, step: StepView, kind: Any, body: Callable[[Any], Formula]) -> Formula:
    """Return whether `body` holds for every event of a kind that a step reports."""

    def one(event: Any) -> Formula:
        return q.implies(True, lambda: body(event))

    return q.all_of(*(one(event) for event in step.events if isinstance(event, kind)))


def every_sent(q: Logic, step: StepView, kind: Any, body: Callable[[Any], Formula]) -> Formula:
    """Return whether `body` holds for every `Sent` of a step whose message is of a kind."""
    return every(q, step, Sent, lambda event: body(event) if isinstance(event.message, kind) else q.all_of())
