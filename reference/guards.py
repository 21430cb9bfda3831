"""The guards that more than one transition has."""

from __future__ import annotations

from typing import Protocol

from rollproof.reference.containers import Action, Player
from rollproof.reference.state import Peer, Phase
from rollproof.reference.transition import guard


class HasTime(Protocol):
    """Arguments that say when."""

    @property
    def now(self) -> int:
        """The time, in milliseconds."""


class HasPlayer(Protocol):
    """Arguments that name a player."""

    @property
    def player(self) -> Player:
        """The partner that the transition is about."""


class Tagged(HasPlayer, Protocol):
    """What says where it comes from, as every message does, and the arguments that are made of one (TR-3)."""

    @property
    def epoch(self) -> int:
        """The episode."""

    @property
    def game(self) -> str:
        """The session."""


class HasAction(Protocol):
    """Arguments that say what a player does."""

    @property
    def action(self) -> Action:
        """The action."""


class HasFrame(HasPlayer, Protocol):
    """Arguments that name a player and a frame."""

    @property
    def frame(self) -> int:
        """The frame that the transition is about."""


@guard("RB-7", "RB-5")
def no_rollback_in_progress(peer: Peer) -> bool:
    """No rollback is in progress."""
    return peer.rollback.cursor is None


@guard("RB-2", "RB-3", "BUF-4", "EP-5")
def no_rollback_pending(peer: Peer) -> bool:
    """No rollback is pending."""
    return peer.rollback.pending is None


@guard("EP-1")
def running(peer: Peer) -> bool:
    """The peer is ticking: no end is in sight."""
    return peer.ending.phase == Phase.RUNNING


@guard("EP-2", "EP-8")
def episode_is_open(peer: Peer) -> bool:
    """The wait is not over, so what arrives still counts."""
    return peer.ending.phase < Phase.COMPLETING


@guard("EP-1", "EP-3")
def end_is_in_sight(peer: Peer) -> bool:
    """The peer has stopped ticking and its episode is still open."""
    return Phase.RUNNING < peer.ending.phase < Phase.COMPLETING


@guard("EP-3")
def syncing(peer: Peer) -> bool:
    """The peer waits for everyone's end."""
    return peer.ending.phase == Phase.SYNCING


@guard("EP-5")
def waiting(peer: Peer) -> bool:
    """The peer is in the confirmation wait."""
    return peer.ending.phase == Phase.WAITING


@guard("EP-8")
def completing(peer: Peer) -> bool:
    """The confirmation wait is over."""
    return peer.ending.phase == Phase.COMPLETING


@guard("EP-9", "EP-7")
def deadline_has_passed(peer: Peer, at: HasTime) -> bool:
    """The deadline of the present phase has passed."""
    return peer.ending.deadline is not None and at.now >= peer.ending.deadline


@guard("EP-5", "IN-2")
def queues_are_drained(peer: Peer) -> bool:
    """Every input that has arrived has been drained."""
    return peer.inputs.p2p.first() is None and peer.inputs.relay.first() is None


@guard("EP-5")
def nothing_left_to_confirm(peer: Peer) -> bool:
    """The confirmed frame is as far as it goes, and every confirmed record is promoted."""
    frame = peer.confirmed + 1
    return not (frame < peer.frame and peer.inputs.known.complete(frame)) and peer.buffers.promoted > peer.confirmed


@guard("IN-11", "IN-7", "TR-3")
def same_session(peer: Peer, message: Tagged) -> bool:
    """The message belongs to this session: the same players may have met before."""
    return message.game == peer.config.game


@guard("IN-7", "IN-11")
def same_epoch(peer: Peer, message: Tagged) -> bool:
    """The message belongs to this episode."""
    return message.epoch == peer.epoch


@guard("IN-7")
def from_a_partner(peer: Peer, about: HasPlayer) -> bool:
    """The player is in the session, and is not the local one."""
    return about.player in peer.config.players and about.player != peer.config.player


@guard("IN-7")
def action_is_allowed(peer: Peer, about: HasAction) -> bool:
    """The action is one, as far as the configuration says what an action is."""
    return peer.config.actions.admits(about.action)


@guard("ME-4")
def own_hash_is_known(peer: Peer, about: HasFrame) -> bool:
    """The frame is canonical here, and confirmed."""
    canonical = peer.buffers.canonical.get(about.frame)
    return canonical is not None and not canonical.unconfirmed
