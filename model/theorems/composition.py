"""What is true of two peers and all that one ever said to the other: why each may believe what the other says.

A proof about one peer assumes that what its partners say is true (`model.theorems.environment`). That is no circle.
Truth does not change: what a player does in a frame is what its peer schedules first, and the lockstep run follows from
that. Each message is true when it is sent (`what_is_said_is_true`, proved of every step), so whatever was ever sent is
true whenever, and however often, it arrives.

What a peer acknowledges is different, for it depends on the moment. So it is proved of two arbitrary peers and a
channel that holds everything one has ever acknowledged to the other, by induction over the steps of either.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from rollproof.model.theorems.definitions import every_sent
from rollproof.model.theorems.environment import message_is_true
from rollproof.model.theorems.logic import Formula, Logic
from rollproof.model.theorems.property import Clauses, StepView, theorem
from rollproof.reference.events import Sent
from rollproof.reference.messages import AckMessage, EndMessage, HashMessage, InputMessage
from rollproof.reference.state import Phase


@theorem("IN-10", "EP-2", "ME-4", of="step")
def what_is_said_is_true(q: Logic, step: StepView) -> Clauses:
    """Whatever a peer says is what its partners assume of it, at whatever moment it arrives."""

    def every_one(kind: type, clause: str) -> Formula:
        return every_sent(q, step, kind, lambda event: message_is_true(q, step.before, event.message)[clause])

    return {
        "inputs": every_one(InputMessage, "inputs"),
        "end": every_one(EndMessage, "end"),
        "hash with end": every_one(EndMessage, "hash with end"),
        "hash": every_one(HashMessage, "hash"),
    }


@frozen
class Said:
    """Everything that a peer has acknowledged to a partner in its present episode."""

    upto: Any
    """The highest frame: inputs up to it have been acknowledged; −1 if none."""
    end_known: Any
    """Whether the partner's end has been acknowledged."""

    def allows(self, q: Logic, receiver: Any, acknowledged: Any, end_known: Any, epoch: Any) -> Formula:
        """Return whether the receiver may have said this: in an earlier episode it may have said anything."""
        now = q.all_of(acknowledged <= self.upto, q.implies(end_known, lambda: self.end_known))
        return q.any_of(epoch < receiver.epoch, q.all_of(epoch == receiver.epoch, now))

    def with_step(self, q: Logic, step: StepView, partner: Any) -> Said:
        """Return what has been acknowledged to `partner` after a step of the peer that acknowledges."""
        said = Said(-1, False) if step.transition == "reset_episode" else self
        for event in step.events:
            if isinstance(event, Sent) and isinstance(event.message, InputMessage | AckMessage):
                said = said._heard(q, event.message, event.to == partner)
        return said

    def _heard(self, q: Logic, message: InputMessage | AckMessage, to_partner: Formula) -> Said:
        upto = self.upto
        higher = q.all_of(to_partner, message.acknowledged > upto)
        known = self.end_known
        if isinstance(message, AckMessage):
            known = q.any_of(known, q.all_of(to_partner, message.end_known))
        return Said(q.when(higher, lambda: message.acknowledged, lambda: upto), known)


@theorem("IN-9", "EP-2", of="product")
def what_is_acknowledged_is_known(q: Logic, sender: Any, receiver: Any, said: Said) -> Clauses:
    """What a peer takes for acknowledged, the partner in the same episode has: inputs without a hole, and the end."""
    player = sender.config.player
    delivery = q.read(sender.deliveries, receiver.config.player)
    same, ahead = sender.epoch == receiver.epoch, sender.epoch > receiver.epoch
    early = sender.config.input_delay - 1
    heard = q.any_of(q.has(receiver.ending.announced, player), q.no(receiver.ending.phase < Phase.COMPLETING))

    def known_upto(last: Any) -> Formula:
        return q.frames(
            lambda frame: q.implies(
                q.all_of(frame >= 0, frame <= last), lambda: q.has(receiver.inputs.known, player, frame)
            )
        )

    return {
        "said": known_upto(said.upto),
        "end said": q.implies(said.end_known, lambda: heard),
        "heard": q.implies(same, lambda: q.any_of(delivery.acknowledged <= said.upto, delivery.acknowledged <= early)),
        "end heard": q.implies(q.all_of(same, delivery.end_known), lambda: said.end_known),
        "nothing yet": q.implies(ahead, lambda: q.all_of(delivery.acknowledged <= early, q.no(delivery.end_known))),
        "known": q.implies(same, lambda: known_upto(delivery.acknowledged)),
    }
