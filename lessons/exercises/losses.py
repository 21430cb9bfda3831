"""Packets that a reader has the network lose: the session is played, and what it came to is what is told."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define

from rollproof.lessons.exercises.exercise import FormError, Outcome
from rollproof.model.runs.sessions import run_of_session
from rollproof.model.sessions.network import Channel, Transits
from rollproof.model.sessions.promises import confirmed_parity, lockstep_truth, parity
from rollproof.model.sessions.setup import Caller, Settings, Setup
from rollproof.reference.containers import Player
from rollproof.reference.messages import InputMessage, Message, Path
from rollproof.reference.transition import Protocol


@define
class Losing:
    """A session in which one player's first packets with the newest input of some frames are lost on their way."""

    setup: Setup
    sender: Player
    frames: frozenset[int]

    @property
    def settings(self) -> Settings:
        """What does not depend on the losses."""
        return self.setup.settings

    def caller(self, player: Player) -> Caller:
        """Return what calls the peer of `player`."""
        return self.setup.caller(player)

    def channel(self, sender: Player, receiver: Player, path: Path) -> Channel:
        """Return one direction of one path."""
        channel = self.setup.channel(sender, receiver, path)
        return _Channel(channel, set(self.frames)) if sender == self.sender else channel


@define
class _Channel:
    channel: Channel
    left: set[int]

    def send(self, now: int, message: Message) -> Transits:
        """Return the fate of the next packet."""
        transits = self.channel.send(now, message)
        if not isinstance(message, InputMessage):
            return transits
        newest = message.first + len(message.actions) - 1
        if newest in self.left:
            self.left.discard(newest)
            return ()
        return transits


def parse(text: str, most: int) -> frozenset[int]:
    """Return the frames that a text lists.

    Raises:
        FormError: if it does not list frames, or too many.
    """
    words = " ".join(line.partition("#")[0] for line in text.splitlines()).replace(",", " ").split()
    if not all(word.isdecimal() and len(word) <= 4 for word in words):
        wrong = next(word for word in words if not (word.isdecimal() and len(word) <= 4))
        raise FormError(f"{wrong[:30]!r} is no frame: list the numbers of the frames whose packets are lost.")
    frames = frozenset(map(int, words))
    if not frames:
        raise FormError("No frame is listed yet.")
    if len(frames) > most:
        raise FormError(f"{len(frames)} packets are lost: {most} are enough.")
    return frames


def spoiling(setup: Setup, protocol: Protocol, sender: Player, most: int, last: int) -> Callable[[str], Outcome]:
    """Return a checker of losses after which a session's data are wrong or unconfirmed, although few packets "
    "are lost.
    """

    def check(text: str) -> Outcome:
        frames = parse(text, most)
        if max(frames) >= last:
            told = f"Frame {max(frames)} is too late: any protocol loses its last inputs so. Use frames below {last}."
            return Outcome(False, told)
        source = Losing(setup, sender, frames)
        title = f"Lost: the packets of {sender} for {', '.join(map(str, sorted(frames)))}"
        run = run_of_session(source, protocol, title, (parity, confirmed_parity, lockstep_truth))
        missing = [cell for moment in run.moments for cell in moment.cells if cell.mark == "unconfirmed"]
        broken = run.verdict is not None and not run.verdict.held
        if broken or missing:
            told = f"{len(missing)} records are exported unconfirmed: an input was never heard, and is not sent again."
            return Outcome(True, told, (run,))
        told = "Every record is confirmed all the same: each input was in a packet that arrived."
        return Outcome(False, told, (run,))

    return check
