"""What a peer is asked on the side: messages that no honest partner sends, as if they came at this very moment.

States never change in place, so a session does not notice that one of its peers was asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve

from rollproof.model.sessions.calls import DriverCall, watched
from rollproof.model.sessions.contract import Problems, contract
from rollproof.reference.digest import Digest
from rollproof.reference.events import InputConflict, InputRejected
from rollproof.reference.guards import action_is_allowed
from rollproof.reference.messages import AckMessage, EndMessage, HashMessage, InputMessage, Message, Path
from rollproof.reference.state import Peer, Phase
from rollproof.reference.tick import poll, receive, tick

STRANGER = "stranger"
NO_ACTION = "no action"
"""What is none where the configuration says that actions are numbers."""
APART = (6, -6, 5, -5)
"""How far from a peer's own end one is announced: by just so much that it must be warned of, or not yet (EP-2)."""


def variations(call: DriverCall) -> Iterator[Message]:
    """Yield messages like the one that a peer received, but such as no honest partner sends (IN-7, IN-11, EP-2)."""
    peer, message = call.before, call.args[1]
    yield evolve(message, player=STRANGER)
    yield evolve(message, player=peer.config.player)
    yield evolve(message, game=f"{message.game}'")
    yield evolve(message, epoch=message.epoch + 1)
    yield evolve(message, epoch=message.epoch - 1)
    beyond = peer.frame + peer.config.max_frames_ahead + 1
    match message:
        case InputMessage():
            yield evolve(message, first=-1)
            yield evolve(message, first=beyond)
            yield evolve(message, first=beyond - 1)
            yield evolve(message, actions=tuple(map(_other, message.actions)))
            yield evolve(message, actions=(NO_ACTION, *message.actions[1:]))
            yield evolve(message, acknowledged=10**6)
        case AckMessage():
            yield evolve(message, acknowledged=10**6)
            yield evolve(message, acknowledged=-1)
            yield evolve(message, end_known=True)
        case EndMessage():
            yield evolve(message, end=message.end + 1)
            yield evolve(message, end=0)
            yield evolve(message, end=beyond)
            yield evolve(message, end=beyond - 1)
        case _:
            yield evolve(message, frame=-1)
            yield evolve(message, frame=beyond)
            yield evolve(message, frame=beyond - 1)


def asked(call: DriverCall) -> Iterator[DriverCall]:
    """Yield what a peer makes of each variation of the message that it received."""
    for message in variations(call):
        yield watched(receive, call.protocol, call.before, call.now, call.args[0], message)


def in_sight(call: DriverCall) -> Any:
    """Return what a peer has in sight of its end, and how far it is certain: what a contradiction depends on."""
    peer = call.after
    return peer.epoch, peer.simulation.steps, peer.simulation.over, peer.confirmed, peer.ending


def contradicted(call: DriverCall) -> Iterator[DriverCall]:
    """Yield what a peer makes of an end far from its own, which a partner announces while it has its own in sight."""
    peer = call.after
    partners = [each for each in peer.config.partners if peer.ending.announced.get(each) is None]
    if (
        peer.ending.phase is not Phase.SYNCING
        or peer.ending.own is not None
        or not partners
        or not peer.simulation.over
    ):
        return
    for apart in APART:
        end = peer.simulation.steps + apart
        if end >= 1:
            far = EndMessage(peer.config.game, peer.epoch, partners[0], end, Digest())
            heard = watched(receive, call.protocol, peer, call.now, Path.P2P, far)
            yield heard
            yield watched(poll, call.protocol, heard.after, call.now)


def ended_early(call: DriverCall) -> Iterator[DriverCall]:
    """Yield what a peer makes of an end that a partner announces of a frame which is canonical here, and no end."""
    peer = call.after
    partners = [each for each in peer.config.partners if peer.ending.announced.get(each) is None]
    if peer.ending.phase is not Phase.RUNNING or not partners or peer.buffers.promoted < 1 or peer.simulation.over:
        return
    early = EndMessage(peer.config.game, peer.epoch, partners[0], peer.buffers.promoted, Digest())
    heard = watched(receive, call.protocol, peer, call.now, Path.P2P, early)
    yield heard
    ticked = watched(tick, call.protocol, heard.after, call.now, peer.config.default_action)
    yield ticked
    yield watched(poll, call.protocol, ticked.after, call.now)


def accused(call: DriverCall) -> Iterator[DriverCall]:
    """Yield what a peer makes of two wrong hashes, of which that of the earlier frame comes later (ME-4)."""
    peer = call.after
    for frame in (1, 0) if peer.buffers.promoted > 1 and peer.ending.phase is Phase.RUNNING else ():
        wrong = HashMessage(peer.config.game, peer.epoch, peer.config.partners[0], frame, Digest("0" * 32))
        heard = watched(receive, call.protocol, peer, call.now, Path.P2P, wrong)
        yield heard
        peer = heard.after


def polled(call: DriverCall) -> DriverCall:
    """Return what a peer does in a poll at the moment of another call."""
    return watched(poll, call.protocol, call.before, call.now)


def ticked(call: DriverCall) -> DriverCall:
    """Return what a peer that no longer ticks does in a tick at the moment of a poll: the same as in a poll."""
    return watched(tick, call.protocol, call.before, call.now, call.before.config.default_action)


def misled(call: DriverCall) -> DriverCall:
    """Return what a peer does in a tick in which its player does what is no action."""
    return watched(tick, call.protocol, call.before, call.now, NO_ACTION)


@contract("IN-7")
def what_is_no_action_is_told(call: DriverCall) -> Problems:
    """What the local player does and is no action is rejected once, and neither scheduled nor sent."""
    peer = call.before
    if peer.config.actions.admits(NO_ACTION) or not call.of("begin_tick"):
        return
    frame = peer.frame + peer.config.input_delay
    told = [event for event in call.events if isinstance(event, InputRejected)]
    known = peer.inputs.known.get(peer.config.player, frame) is not None
    expected = [] if known else [InputRejected(peer.config.player, frame, action_is_allowed.name)]
    if told != expected:
        yield f"told is {told or 'nothing'}, and {NO_ACTION!r} is no action"
    if call.of("schedule_input") or call.of("send_inputs"):
        yield f"{NO_ACTION!r} is taken for an action"


@contract("IN-7", "IN-9", "EP-2", "ME-4")
def nothing_impossible_is_believed(call: DriverCall) -> Problems:
    """What a partner says of frames, ends and acknowledgements that cannot be is not believed."""
    peer, message = call.before, call.args[1]
    after = call.after
    own = peer.inputs.known.contiguous(peer.config.player)
    for partner in peer.config.partners:
        if after.deliveries[partner].acknowledged > max(own, peer.deliveries[partner].acknowledged):
            yield f"{partner} is taken to have inputs that were never scheduled"
        if after.deliveries[partner].end_known and not peer.deliveries[partner].end_known and peer.ending.own is None:
            yield f"{partner} is taken to have heard an end that was never decided"
        if after.deliveries[partner].acknowledged < peer.deliveries[partner].acknowledged:
            yield f"an acknowledgement of {partner} is taken back"
        known = peer.ending.announced.get(partner)
        if known is not None and after.ending.announced.get(partner) != known:
            yield f"the end that {partner} announced is changed"
    reach = peer.frame + peer.config.max_frames_ahead
    believed = after.ending.announced != peer.ending.announced
    if isinstance(message, EndMessage) and believed and not 1 <= message.end <= reach:
        yield f"an end at frame {message.end} is believed"
    for each in call.of("receive_hash"):
        if not 0 <= each.args.frame <= reach:
            yield f"a hash of frame {each.args.frame} is kept"


@contract("IN-3")
def the_first_value_stays(call: DriverCall) -> Problems:
    """Of two values that a partner says for one frame the first is kept, and the second is told to be a conflict."""
    peer, (path, message) = call.before, call.args
    if not isinstance(message, InputMessage) or not peer.ending.phase < Phase.COMPLETING:
        return
    new = [f for f in range(message.first, message.first + len(message.actions)) if _is_new(peer, message, f)]
    if (
        not new
        or message.player not in peer.config.partners
        or (message.game, message.epoch) != (peer.config.game, peer.epoch)
    ):
        return
    first = call.protocol, call.after
    other = evolve(message, actions=tuple(map(_other, message.actions)))
    for way in Path:
        said = watched(receive, *first, call.now, way, other)
        ticks = evolve(said.after, ticks=10**6)  # nothing is held back any more (IN-12)
        drained = watched(poll, call.protocol, _settling(ticks), call.now)
        kept = drained.after
        for frame in new:
            honest = message.actions[frame - message.first]
            if kept.inputs.known.get(message.player, frame) not in (honest, _other(honest)):
                yield f"the input of frame {frame} is lost"
            elif path is way and kept.inputs.known.get(message.player, frame) != honest:
                yield f"the second of two values for frame {frame} is stored"
        conflicts = [event for event in drained.events if isinstance(event, InputConflict)]
        if len(conflicts) < len(new):
            yield f"{len(new)} inputs contradict those before them, and {len(conflicts)} conflicts are told"
        counted = kept.metrics.input_conflicts - said.after.metrics.input_conflicts
        if counted != len(conflicts):
            yield f"{len(conflicts)} conflicts are told, and {counted} counted"


def _settling(peer: Peer) -> Peer:
    """Return the peer as one that no longer ticks, so that a poll drains its queues."""
    if peer.ending.phase != Phase.RUNNING:
        return peer
    return evolve(peer, ending=evolve(peer.ending, phase=Phase.SYNCING, deadline=10**9))


def _is_new(peer: Peer, message: InputMessage, frame: int) -> bool:
    queued = (*peer.inputs.p2p, *peer.inputs.relay)
    return (
        peer.inputs.known.get(message.player, frame) is None
        and 0 <= frame <= peer.frame + peer.config.max_frames_ahead
        and not any((item.player, item.frame) == (message.player, frame) for item in queued)
    )


def _other(action: Any) -> Any:
    return action + 1
