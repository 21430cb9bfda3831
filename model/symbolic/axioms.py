"""What is assumed of a symbolic state besides the properties: a valid configuration, and what truth is."""

from __future__ import annotations

from typing import Any

import z3

from rollproof.model.fields import made
from rollproof.model.symbolic import values as s
from rollproof.model.symbolic.formulas import conjunction, disjunction, implication, negation
from rollproof.model.symbolic.terms import Terms
from rollproof.model.symbolic.truth import SymbolicTruth
from rollproof.model.symbolic.values import SInt, SOptional, term_of
from rollproof.model.theorems.definitions import follows
from rollproof.reference.world import Record


def of_config(peer: Any) -> list[Any]:
    """Return the facts about a valid configuration (`reference.config`)."""
    config = peer.config
    optional = [(config.prediction_window, 1), (config.max_steps, 1)]
    least = [
        (config.input_delay, 0),
        (config.redundancy, 1),
        (config.max_resent, 1),
        (config.resend_interval_ms, 1),
        (config.max_frames_ahead, 1),
        (config.debug_remote_input_delay, 0),
        (config.input_confirmation_timeout_ms, 0),
        (config.episode_sync_timeout_ms, 0),
        (config.hash_interval, 1),
    ]
    return [
        s.IS_PLAYER(config.player.term),
        term_of(config.actions.admits(config.default_action)),
        *(term_of(value >= minimum) for value, minimum in least),
        *(implication(value.there, term_of(value.value >= minimum)) for value, minimum in optional),
    ]


def of_truth(peer: Any) -> list[Any]:
    """Return the facts about truth that hold at every frame."""
    epoch = z3.Int("e!truth")
    player, frame = z3.Const("p!default", s.PLAYER), z3.Int("f!default")
    truth = SymbolicTruth(epoch)
    action = term_of(truth.action(player, frame))
    delay, default = peer.config.input_delay.term, peer.config.default_action.term
    return [
        SymbolicTruth(peer.epoch.term).of_players(),
        z3.ForAll(
            [epoch, player, frame],
            implication(conjunction((frame >= 0, frame < delay)), action == default),
            patterns=[action],
        ),
    ]


def at_start(epoch: Any) -> list[Any]:
    """Return the facts about truth before frame 0 of an episode."""
    truth = SymbolicTruth(epoch)
    start = truth.simulation(0)
    return [
        start.state.term == s.START(truth.epoch),
        term_of(start.returns) == s.ZERO,
        term_of(truth.digest(0)) == s.NO_DIGEST,
        implication(truth.end.there, truth.end.value.term >= 1),
    ]


def at_frame(q: Terms, peer: Any, frame: Any) -> list[Any]:
    """Return how truth goes on at one frame.

    These are instances, and not one quantified fact, so that the solver need not guess them.
    """
    truth = SymbolicTruth(peer.epoch.term)
    frame = SInt(term_of(frame))
    before, after = truth.simulation(frame), truth.simulation(frame + 1)
    _, yielded = peer.world.step(before.state, truth.joint(frame))
    record = made(
        Record,
        actions=truth.joint(frame),
        outcome=SOptional(negation(term_of(before.over)), yielded),
        steps=after.steps,
        over=after.over,
    )
    here = frame.term >= 0
    return [
        implication(here, term_of(follows(q, peer, before, record.actions, record.outcome, after))),
        implication(here, term_of(truth.digest(frame + 1)) == truth.digest(frame).extend(record).term),
        truth.is_joint(peer.buffers.speculative.at(frame.term).actions.term, frame.term),
    ]


def of_state(q: Terms, peer: Any) -> list[Any]:
    """Return all facts that a proof about a step from this state may use."""
    frames = [peer.buffers.promoted.term]
    return [
        *of_config(peer),
        *of_truth(peer),
        *at_start(peer.epoch.term),
        *at_start(peer.epoch.term + 1),
        *(fact for frame in frames for fact in at_frame(q, peer, frame)),
    ]


def of_players(number: int) -> Any:
    """Return the fact that there are so many players in the session."""
    players = [z3.Const(f"player!{each}", s.PLAYER) for each in range(1, number + 1)]
    anyone = z3.Const("p!anyone", s.PLAYER)
    in_session = z3.ForAll(
        [anyone], s.IS_PLAYER(anyone) == disjunction(anyone == each for each in players), patterns=[s.IS_PLAYER(anyone)]
    )
    return conjunction((z3.Distinct(*players), in_session)) if number > 1 else in_session
