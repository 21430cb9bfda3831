"""A standstill: nothing more happens, although nothing is lost any more and something is still owed (LI-2).

When the links of a session have healed, whatever is sent again and again arrives. If nothing changes at any peer for
much longer than the time after which everything is sent again, nothing ever will: then each peer that is not done is
asked what it waits for, and what its partners do about that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import field, frozen

from rollproof.model.sessions.calls import watched
from rollproof.reference.containers import Player
from rollproof.reference.episode import Clock, Decision, begin_wait, complete_episode, decide_end, succeed_wait
from rollproof.reference.events import Sent
from rollproof.reference.rollback import Moment, simulate_frame
from rollproof.reference.state import Peer, Phase
from rollproof.reference.tick import is_settled, receive
from rollproof.reference.transition import Guard, Protocol

STILL_MS = 2000
"""For how long nothing may change before it counts as a standstill: far longer than anything is waited for."""

LOOK_MS = 50
"""How often it is looked whether anything has changed."""


@frozen
class Standstill:
    """A session in which nothing happens any more."""

    since_ms: int
    waits: tuple[str, ...]
    """What each peer that is not done waits for, in words."""


@frozen
class Scene:
    """What there is to see when nothing happens any more."""

    protocol: Protocol
    now: int
    peers: Mapping[Player, Peer]
    said: Mapping[tuple[Player, Player, str], Sent] = field(factory=dict)
    """By sender, receiver and kind: the last message of those that are sent although nothing changes."""


def progress(peer: Peer) -> tuple[Any, ...]:
    """Return all that changes when a peer comes nearer to the end of its episode; no time is among it."""
    ending, known = peer.ending, peer.inputs.known
    return (
        peer.epoch,
        ending.phase,
        ending.own,
        ending.termination,
        peer.frame,
        peer.confirmed,
        peer.buffers.promoted,
        tuple((known.contiguous(player), ending.announced.get(player)) for player in peer.config.partners),
        tuple((it.acknowledged, it.end_known) for it in (peer.deliveries[p] for p in peer.config.partners)),
    )


def explained(scene: Scene) -> tuple[str, ...]:
    """Return in words what each peer that is not done waits for, and what its partners do about that."""
    return tuple(sentence for peer in scene.peers.values() for sentence in _waits(scene, peer))


def _waits(scene: Scene, peer: Peer) -> Iterator[str]:
    me, phase = peer.config.player, peer.ending.phase
    if phase > Phase.COMPLETING:
        if not is_settled(peer):
            yield from _unacknowledged(scene, peer)
        return
    missing = list(_missing(scene, peer))
    yield from missing
    if phase is Phase.RUNNING:
        refused = _refused(scene, peer, simulate_frame.name, Moment(scene.now, True))
        yield f"{me} stands before frame {peer.frame}: {refused}"
    elif phase is Phase.COMPLETING:
        yield f"{me} does not complete: {_refused(scene, peer, complete_episode.name)}"
    elif phase is Phase.SYNCING:
        yield from _undecided(scene, peer, missing)
        ends = [partner for partner in peer.config.partners if peer.ending.announced.get(partner) is None]
        for partner in ends:
            yield f"{me} waits for {partner}'s end; {_about_end(scene, partner, me)}"
        if not ends and not missing:
            yield f"{me} does not begin its wait: {_refused(scene, peer, begin_wait.name, Clock(scene.now))}"
    else:
        yield from _undecided(scene, peer, missing)
        if not missing and (peer.ending.own is not None or peer.ending.alone):
            yield f"{me} does not end its wait: {_refused(scene, peer, succeed_wait.name)}"


def _missing(scene: Scene, peer: Peer) -> Iterator[str]:
    """Say which inputs a peer lacks, of those that its simulated frames need."""
    me, end = peer.config.player, peer.ending.termination
    last = (peer.frame if end is None else min(peer.frame, end)) - 1
    for partner in peer.config.partners:
        has = peer.inputs.known.contiguous(partner)
        if has < last:
            yield f"{me} waits for {partner}'s input of frame {has + 1}; {_about_input(scene, partner, me, has + 1)}"


def _undecided(scene: Scene, peer: Peer, missing: list[str]) -> Iterator[str]:
    if peer.ending.own is None and not peer.ending.alone and not missing:
        end = peer.ending.termination if peer.ending.termination is not None else peer.simulation.steps
        refused = _refused(scene, peer, decide_end.name, Decision(end))
        yield f"{peer.config.player} does not decide its end: {refused}"


def _unacknowledged(scene: Scene, peer: Peer) -> Iterator[str]:
    me = peer.config.player
    for partner in peer.config.partners:
        delivery, other = peer.deliveries[partner], scene.peers[partner]
        if delivery.acknowledged < (peer.ending.termination or 0) - 1:
            what = f"its input of frame {delivery.acknowledged + 1}"
        elif peer.ending.own is not None and not delivery.end_known:
            what = "its end"
        else:
            continue
        if other.epoch == peer.epoch:
            answer = _received(scene, partner, me, "ack")
            yield f"{me} waits for {partner}'s acknowledgement of {what}; {answer or f'{partner} does not answer'}"


def _about_input(scene: Scene, owner: Player, waiting: Player, frame: int) -> str:
    peer = scene.peers[owner]
    if peer.inputs.known.contiguous(owner) < frame:
        return f"{owner} has none yet"
    received = _received(scene, owner, waiting, "input")
    if received is not None:
        return received
    if peer.deliveries[waiting].acknowledged >= frame:
        return f"{owner} takes it for acknowledged, and has nothing left to send"
    return f"{owner} has it, and does not send it again"


def _about_end(scene: Scene, owner: Player, waiting: Player) -> str:
    peer = scene.peers[owner]
    if peer.ending.own is None:
        return f"{owner} has not decided it"
    received = _received(scene, owner, waiting, "end")
    if received is not None:
        return received
    if peer.deliveries[waiting].end_known:
        return f"{owner} takes it for acknowledged, and has nothing left to send"
    return f"{owner} has decided it, and does not announce it"


def _received(scene: Scene, sender: Player, receiver: Player, kind: str) -> str | None:
    """Say what becomes of the messages of a kind that are still sent; None if there are none."""
    sent = scene.said.get((sender, receiver, kind))
    if sent is None:
        return None
    call = watched(receive, scene.protocol, scene.peers[receiver], scene.now, sent.path, sent.message)
    refused = [each for each in call.attempts if isinstance(each.step, Guard)]
    told = f"{sender} sends {_article(kind)} again and again, and {receiver}"
    if not refused:
        return f"{told} takes no notice"
    first = refused[0]
    assert isinstance(first.step, Guard)
    return f"{told} refuses it ({first.name}: {_sentence(first.step)})"


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeio" else f"a {kind}"


def _refused(scene: Scene, peer: Peer, name: str, args: Any = None) -> str:
    transition = scene.protocol.transitions.get(name)
    refusing = None if transition is None else transition.refusal(peer, args)
    if transition is None:
        return f"there is no {name}"
    if refusing is None:
        return f"{name} is possible, and is not done"
    return f"{name} is refused by {refusing.name} ({_sentence(refusing)})"


def _sentence(guard: Guard[Any]) -> str:
    return " ".join(guard.sentence.split()).removesuffix(".")
