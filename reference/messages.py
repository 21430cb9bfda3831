"""What peers say to each other. Every message carries its episode (IN-11)."""

from __future__ import annotations

from enum import Enum

from rollproof.reference.containers import Action, Player
from rollproof.reference.digest import Digest
from rollproof.reference.values import frozen


class Path(Enum):
    """The two ways between peers."""

    P2P = "p2p"
    RELAY = "relay"

    __hash__ = object.__hash__  # that of Enum is written in Python, and each packet is looked up by its path


@frozen
class InputMessage:
    """A run of the sender's inputs, without holes (IN-4, IN-9, TR-3)."""

    game: str
    epoch: int
    player: Player
    """The sender."""
    first: int
    """The frame of the first action."""
    actions: tuple[Action, ...]
    acknowledged: int
    """The receiver's inputs are known to the sender up to this frame, without a hole."""
    time_ms: int


@frozen
class AckMessage:
    """An answer; it is never answered itself (EP-2)."""

    game: str
    epoch: int
    player: Player
    """The sender."""
    acknowledged: int
    """The receiver's inputs are known to the sender up to this frame, without a hole."""
    end_known: bool
    """Whether the sender has heard the receiver's end."""


@frozen
class EndMessage:
    """The sender has decided where the episode ends (EP-2)."""

    game: str
    epoch: int
    player: Player
    """The sender."""
    end: int
    """The termination frame."""
    digest: Digest
    """The running hash of the sender's records below `end` (ME-4)."""


@frozen
class HashMessage:
    """The sender's running hash of its confirmed records (ME-4)."""

    game: str
    epoch: int
    player: Player
    """The sender."""
    frame: int
    """The last frame in the hash."""
    digest: Digest


Message = InputMessage | AckMessage | EndMessage | HashMessage
