"""What the environment may do: partners say only what is true, at any moment, in any order, any number of times.

Of strangers, and of messages of other sessions of the same players, nothing is assumed: they may say anything, at any
moment (IN-11).

What is true is stated once, and used twice: it is assumed of the arguments of a transition that takes in a part of a
message, and it is proved of every message that a peer sends (`what_is_said_is_true`). Why that is no circle stands in
`model.theorems.composition`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rollproof.model.theorems.logic import Formula, Logic
from rollproof.reference.messages import EndMessage, HashMessage, InputMessage

Assumption = Callable[..., Formula]
"""Of (logic, peer, and the transition's arguments by name)."""


def input_is_true(q: Logic, peer: Any, player: Any, epoch: Any, frame: Any, action: Any) -> Formula:
    """A player's input is what it did in that frame of that episode."""
    return action == q.truth(peer, epoch).action(player, frame)


def end_is_true(q: Logic, peer: Any, epoch: Any, end: Any) -> Formula:
    """An end is the termination frame of the lockstep run of that episode."""
    true = q.truth(peer, epoch).end
    return q.all_of(q.is_there(true), q.given(true, lambda frame: frame == end))


def hash_is_true(q: Logic, peer: Any, epoch: Any, frame: Any, digest: Any) -> Formula:
    """A hash is that of the lockstep records up to the frame."""
    return digest == q.truth(peer, epoch).digest(frame + 1)


def message_is_true(q: Logic, peer: Any, message: Any) -> dict[str, Formula]:
    """Return what is true of a message, by what it tells. Acknowledgements depend on the moment, and are not here."""
    match message:
        case InputMessage():
            said = q.every_action(
                message,
                lambda frame, action: input_is_true(q, peer, message.player, message.epoch, frame, action),
            )
            return {"inputs": said}
        case EndMessage():
            return {
                "end": end_is_true(q, peer, message.epoch, message.end),
                "hash with end": hash_is_true(q, peer, message.epoch, message.end - 1, message.digest),
            }
        case HashMessage():
            return {"hash": hash_is_true(q, peer, message.epoch, message.frame, message.digest)}
    return {}


def scheduled_input_is_true(q: Logic, peer: Any, action: Any) -> Formula:
    """The truth about a player is what its peer schedules first."""
    me, frame = peer.config.player, peer.frame + peer.config.input_delay
    return q.any_of(q.has(peer.inputs.known, me, frame), input_is_true(q, peer, me, peer.epoch, frame, action))


def received_input_is_true(
    q: Logic, peer: Any, player: Any, epoch: Any, frame: Any, action: Any, game: Any, **_: Any
) -> Formula:
    """An input of this session that arrives is true. Of strangers nothing is assumed."""
    trusted = q.all_of(game == peer.config.game, q.is_player(player))
    return q.implies(trusted, lambda: input_is_true(q, peer, player, epoch, frame, action))


def announced_end_is_true(q: Logic, peer: Any, epoch: Any, end: Any, game: Any, **_: Any) -> Formula:
    """An end of this session that arrives is true."""
    return q.implies(game == peer.config.game, lambda: end_is_true(q, peer, epoch, end))


def received_hash_is_true(q: Logic, peer: Any, epoch: Any, frame: Any, digest: Any, game: Any, **_: Any) -> Formula:
    """A hash of this session that arrives is true."""
    return q.implies(game == peer.config.game, lambda: hash_is_true(q, peer, epoch, frame, digest))


ASSUMPTIONS: dict[str, Assumption] = {
    "schedule_input": scheduled_input_is_true,
    "receive_input": received_input_is_true,
    "ignore_conflict": received_input_is_true,
    "receive_end": announced_end_is_true,
    "receive_hash": received_hash_is_true,
}
"""By transition: what is assumed of its arguments. Those of other transitions are arbitrary."""


def honest_input_is_true(
    q: Logic, peer: Any, player: Any, epoch: Any, frame: Any, action: Any, game: Any, **_: Any
) -> Formula:
    """An honest player's input of this session that arrives is true. Of others nothing is assumed."""
    trusted = q.all_of(game == peer.config.game, q.is_honest(player))
    return q.implies(trusted, lambda: input_is_true(q, peer, player, epoch, frame, action))


def honest_sample_is_true(q: Logic, peer: Any, action: Any) -> Formula:
    """The truth about an honest player is what its peer schedules first."""
    return q.implies(q.is_honest(peer.config.player), lambda: scheduled_input_is_true(q, peer, action))


WHATEVER_PARTNERS_SAY: dict[str, Assumption] = {
    "schedule_input": honest_sample_is_true,
    "receive_input": honest_input_is_true,
}
"""By transition: what is assumed of its arguments even by the properties that do not trust partners."""
