"""Sending and acknowledging, on one of two paths (protocol sections 1 and 5)."""

from __future__ import annotations

from rollproof.reference.containers import Player
from rollproof.reference.events import AckReceived, FallbackTriggered, Sent
from rollproof.reference.guards import from_a_partner, own_hash_is_known, same_epoch, same_session
from rollproof.reference.messages import AckMessage, EndMessage, HashMessage, InputMessage, Message, Path
from rollproof.reference.state import Link, Peer, Phase
from rollproof.reference.transition import Step, guard, transition
from rollproof.reference.values import evolve, frozen, given


def is_healthy(link: Link) -> bool:
    """Tell whether the peer-to-peer path is connected, has a sender, and was not given up (TR-1)."""
    return link.connected and link.has_sender and link.fallback_frame is None


def route(peer: Peer, player: Player, accepts: bool) -> Path:
    """Return the one path that a message to `player` goes out on (TR-2).

    `accepts` tells whether a send on the peer-to-peer path would be accepted now, its buffer not being full.
    """
    return Path.P2P if is_healthy(peer.links[player]) and accepts else Path.RELAY


def newest_own_input(peer: Peer) -> int:
    """Return the highest frame whose local input is scheduled."""
    return peer.inputs.known.contiguous(peer.config.player)


@frozen
class Transmission:
    """To whom something is sent, and when."""

    player: Player
    now: int
    """In milliseconds."""
    accepts: bool
    """Whether a peer-to-peer send would be accepted now, its buffer not being full (TR-2)."""


@guard("IN-4")
def has_inputs(peer: Peer) -> bool:
    """A local input has been scheduled."""
    return newest_own_input(peer) >= peer.config.input_delay


@transition("IN-4", "TR-2", takes=Transmission, guards=(from_a_partner, has_inputs))
def send_inputs(peer: Peer, to: Transmission) -> Step:
    """The newest local input goes to a partner, with the `redundancy` − 1 before it."""
    last = newest_own_input(peer)
    first = max(peer.config.input_delay, last - peer.config.redundancy + 1)
    return _transmit(peer, to, first, last)


@guard("IN-9")
def inputs_are_unacknowledged(peer: Peer, to: Transmission) -> bool:
    """The partner has not acknowledged every local input."""
    return peer.deliveries[to.player].acknowledged < newest_own_input(peer)


@guard("IN-9")
def resend_is_due(peer: Peer, to: Transmission) -> bool:
    """The last re-sending to the partner was long enough ago."""
    return to.now >= peer.deliveries[to.player].inputs_due


@transition("IN-9", "TR-2", takes=Transmission, guards=(from_a_partner, resend_is_due, inputs_are_unacknowledged))
def resend_inputs(peer: Peer, to: Transmission) -> Step:
    """The oldest local inputs that a partner has not acknowledged are sent again."""
    delivery = peer.deliveries[to.player]
    first = delivery.acknowledged + 1
    last = min(newest_own_input(peer), delivery.acknowledged + peer.config.max_resent)
    delivery = evolve(delivery, inputs_due=to.now + peer.config.resend_interval_ms)
    peer = evolve(peer, deliveries=peer.deliveries.set(to.player, delivery))
    return _transmit(peer, to, first, last)


@frozen
class AckArrival:
    """What a partner has received."""

    player: Player
    """The sender."""
    epoch: int
    acknowledged: int
    """It has this peer's inputs up to this frame."""
    end_known: bool
    """It has heard this peer's end."""
    game: str
    """The session of the message."""


@guard("IN-9")
def acknowledgement_is_possible(peer: Peer, arrival: AckArrival) -> bool:
    """What is acknowledged has been scheduled, or decided, here."""
    return arrival.acknowledged <= newest_own_input(peer) and not (arrival.end_known and peer.ending.own is None)


@transition("IN-9", takes=AckArrival, guards=(same_session, same_epoch, from_a_partner, acknowledgement_is_possible))
def receive_ack(peer: Peer, arrival: AckArrival) -> Step:
    """What a partner acknowledges need not be sent again; an acknowledgement is never taken back."""
    delivery = peer.deliveries[arrival.player]
    delivery = evolve(
        delivery,
        acknowledged=max(delivery.acknowledged, arrival.acknowledged),
        end_known=delivery.end_known or arrival.end_known,
    )
    peer = evolve(peer, deliveries=peer.deliveries.set(arrival.player, delivery))
    return peer, (AckReceived(arrival.player, arrival.acknowledged, arrival.end_known),)


@transition("IN-9", "EP-2", takes=Transmission, guards=(from_a_partner,))
def send_ack(peer: Peer, to: Transmission) -> Step:
    """An answer tells a partner what has arrived from it; an answer is never answered."""
    message = AckMessage(
        game=peer.config.game,
        epoch=peer.epoch,
        player=peer.config.player,
        acknowledged=peer.inputs.known.contiguous(to.player),
        end_known=peer.ending.announced.get(to.player) is not None or not peer.ending.phase < Phase.COMPLETING,
    )
    return _send(peer, to.player, message, to.accepts)


@guard("EP-2")
def own_end_is_decided(peer: Peer) -> bool:
    """The peer has decided its end."""
    return peer.ending.own is not None


@guard("EP-2")
def end_is_unacknowledged(peer: Peer, to: Transmission) -> bool:
    """The partner has not acknowledged this peer's end."""
    return not peer.deliveries[to.player].end_known


@guard("EP-2")
def end_is_due(peer: Peer, to: Transmission) -> bool:
    """The end was last sent to the partner long enough ago, or never."""
    return to.now >= peer.deliveries[to.player].end_due


@transition(
    "EP-2",
    "ME-4",
    takes=Transmission,
    guards=(own_end_is_decided, from_a_partner, end_is_unacknowledged, end_is_due),
)
def announce_end(peer: Peer, to: Transmission) -> Step:
    """The decided end goes to a partner, with the hash of the records below it."""
    message = EndMessage(
        game=peer.config.game,
        epoch=peer.epoch,
        player=peer.config.player,
        end=given(peer.ending.own),
        digest=given(peer.ending.own_digest),
    )
    delivery = evolve(peer.deliveries[to.player], end_due=to.now + peer.config.resend_interval_ms)
    return _send(evolve(peer, deliveries=peer.deliveries.set(to.player, delivery)), to.player, message, to.accepts)


@frozen
class HashTransmission:
    """To whom the hash of which frame is sent."""

    player: Player
    frame: int
    accepts: bool
    """Whether a peer-to-peer send would be accepted now, its buffer not being full (TR-2)."""


@transition("ME-4", takes=HashTransmission, guards=(from_a_partner, own_hash_is_known))
def send_hash(peer: Peer, to: HashTransmission) -> Step:
    """The running hash up to a frame goes to a partner."""
    message = HashMessage(
        game=peer.config.game,
        epoch=peer.epoch,
        player=peer.config.player,
        frame=to.frame,
        digest=peer.buffers.canonical[to.frame].digest,
    )
    return _send(peer, to.player, message, to.accepts)


@frozen
class LinkLoss:
    """To whom the peer-to-peer path is lost."""

    player: Player


@guard("TR-4")
def no_fallback_yet(peer: Peer, loss: LinkLoss) -> bool:
    """The relay has not taken over yet."""
    return peer.links[loss.player].fallback_frame is None


@transition("TR-4", takes=LinkLoss, guards=(from_a_partner, no_fallback_yet))
def lose_p2p(peer: Peer, loss: LinkLoss) -> Step:
    """The peer-to-peer path to a partner is lost: the relay takes over, once, and the frame is recorded."""
    link = evolve(peer.links[loss.player], connected=False, fallback_frame=peer.frame)
    return evolve(peer, links=peer.links.set(loss.player, link)), (FallbackTriggered(loss.player, peer.frame),)


@frozen
class LinkChange:
    """How the peer-to-peer connection to a partner is now (TR-1)."""

    player: Player
    connected: bool
    has_sender: bool


@transition("TR-1", takes=LinkChange, guards=(from_a_partner,))
def change_link(peer: Peer, change: LinkChange) -> Step:
    """The state of the peer-to-peer connection to a partner changes; a fallback stays."""
    link = evolve(peer.links[change.player], connected=change.connected, has_sender=change.has_sender)
    return evolve(peer, links=peer.links.set(change.player, link)), ()


def _transmit(peer: Peer, to: Transmission, first: int, last: int) -> Step:
    message = InputMessage(
        game=peer.config.game,
        epoch=peer.epoch,
        player=peer.config.player,
        first=first,
        actions=peer.inputs.known.slice(peer.config.player, first, last),
        acknowledged=peer.inputs.known.contiguous(to.player),
        time_ms=to.now,
    )
    metrics = peer.metrics
    submitted = metrics.inputs_submitted + 1
    path = route(peer, to.player, to.accepts)
    if path is Path.P2P:
        metrics = evolve(metrics, inputs_submitted=submitted, inputs_sent_p2p=metrics.inputs_sent_p2p + 1)
    else:
        metrics = evolve(metrics, inputs_submitted=submitted, inputs_sent_relay=metrics.inputs_sent_relay + 1)
    return evolve(peer, metrics=metrics), (Sent(to.player, path, message),)


def _send(peer: Peer, player: Player, message: Message, accepts: bool) -> Step:
    return peer, (Sent(player, route(peer, player, accepts), message),)
