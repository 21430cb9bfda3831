"""What the environment may do: partners say only what is true, at any moment, in any order, any number of times.

Of strangers, and of messages of other sessions of the same players, nothing is assumed: they may say anything, at any
moment (IN-11).

This is what every peer guarantees in turn (`one_value_per_player_and_frame`, `announcements_are_true`), so assuming it
of the partners is no circle: no peer relies on what is said later than what it says itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rollproof.model.theorems.logic import Formula, Logic

Assumption = Callable[..., Formula]
"""Of (logic, peer, and the transition's arguments by name)."""


def scheduled_input_is_true(q: Logic, peer: Any, action: Any) -> Formula:
    """The truth about a player is what its peer schedules first."""
    me, frame = peer.config.player, peer.frame + peer.config.input_delay
    return q.any_of(q.has(peer.inputs.known, me, frame), action == q.truth(peer).action(me, frame))


def received_input_is_true(
    q: Logic, peer: Any, player: Any, epoch: Any, frame: Any, action: Any, game: Any, **_: Any
) -> Formula:
    """A player's input is what it did in that frame of that episode of this session."""
    trusted = q.all_of(game == peer.config.game, q.is_player(player))
    return q.implies(trusted, lambda: action == q.truth(peer, epoch).action(player, frame))


def announced_end_is_true(q: Logic, peer: Any, epoch: Any, end: Any, game: Any, **_: Any) -> Formula:
    """A partner announces the termination frame of the lockstep run of that episode of this session."""
    true = q.truth(peer, epoch).end
    is_true = q.all_of(q.is_there(true), q.given(true, lambda frame: frame == end))
    return q.implies(game == peer.config.game, lambda: is_true)


def received_hash_is_true(q: Logic, peer: Any, epoch: Any, frame: Any, digest: Any, game: Any, **_: Any) -> Formula:
    """A partner's hash is that of the lockstep records of that episode of this session."""
    return q.implies(game == peer.config.game, lambda: digest == q.truth(peer, epoch).digest(frame + 1))


ASSUMPTIONS: dict[str, Assumption] = {
    "schedule_input": scheduled_input_is_true,
    "receive_input": received_input_is_true,
    "ignore_conflict": received_input_is_true,
    "receive_end": announced_end_is_true,
    "receive_hash": received_hash_is_true,
}
"""By transition: what is assumed of its arguments. Those of other transitions are arbitrary."""
