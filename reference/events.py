"""What a step reports. Nothing is performed by the reference: whoever runs it acts on these."""

from __future__ import annotations

from rollproof.reference.containers import Action, JointAction, Player
from rollproof.reference.messages import Message, Path
from rollproof.reference.values import frozen


@frozen
class Sent:
    """A message is to be sent to a partner, on this one path (TR-2)."""

    to: Player
    path: Path
    message: Message


@frozen
class InputScheduled:
    """The local player's action of a frame is fixed (IN-5, IN-10)."""

    frame: int
    action: Action


@frozen
class InputStored:
    """A remote input has become known (IN-3)."""

    player: Player
    frame: int
    action: Action


@frozen
class InputConflict:
    """A duplicate with another action was ignored (IN-3)."""

    player: Player
    frame: int
    kept: Action
    ignored: Action


@frozen
class InputRejected:
    """An input was refused by a guard (IN-7)."""

    player: Player
    frame: int
    reason: str
    """The guard's name."""


@frozen
class Mispredicted:
    """A stored input differs from the action that its frame was simulated with (RB-1, RB-8)."""

    player: Player
    frame: int
    current_frame: int
    predicted: Action
    actual: Action


@frozen
class RollbackBegun:
    """The peer is as it was before `target` (RB-4)."""

    target: int
    current_frame: int


@frozen
class FrameSimulated:
    """A frame was simulated, for the first time or in a replay (RB-5)."""

    frame: int
    actions: JointAction
    predicted: bool
    replayed: bool


@frozen
class RollbackFinished:
    """All frames up to the current one have been replayed."""

    current_frame: int


@frozen
class Stalled:
    """A frame was not simulated, because of the prediction window (IN-8)."""

    frame: int
    confirmed: int


@frozen
class FrameConfirmed:
    """A frame and every one before it are simulated with everyone's known input possible (BUF-2)."""

    frame: int


@frozen
class FramePromoted:
    """A record became canonical (BUF-3); `forced` if it did so unconfirmed (EP-8)."""

    frame: int
    forced: bool


@frozen
class Promoted:
    """How many records a run of promotions moved, and up to which frame (BUF-3)."""

    count: int
    up_to: int


@frozen
class PromotionRefused:
    """A confirmed record was not promoted (BUF-3)."""

    frame: int
    guard: str


@frozen
class EndSuspected:
    """The simulation is over, perhaps on a prediction (EP-1)."""

    frame: int


@frozen
class EndWithdrawn:
    """A rollback has shown that the suspected end was false (EP-1)."""

    frame: int


@frozen
class EndDecided:
    """The termination frame is certain (EP-1)."""

    end: int


@frozen
class EndHeard:
    """A partner announced its end (EP-2)."""

    player: Player
    end: int


@frozen
class EndsDiffer:
    """Warning: two announced ends are far apart (EP-2)."""

    end: int
    other: int


@frozen
class WaitBegun:
    """The confirmation wait has begun (EP-3)."""

    target: int
    deadline: int


@frozen
class PartnerEndMissing:
    """Warning: the episode completes without a partner's end (EP-9)."""

    end: int


@frozen
class WaitSucceeded:
    """Every frame below the termination frame is confirmed (EP-6)."""

    confirmed: int
    target: int


@frozen
class WaitTimedOut:
    """Warning: the confirmation wait has reached its deadline (EP-7)."""

    confirmed: int
    target: int


@frozen
class ForcedPromotion:
    """Warning: so many records are exported unconfirmed (EP-8)."""

    count: int


@frozen
class EpisodeCompleted:
    """Every record below the termination frame is canonical (EP-8)."""

    termination: int
    confirmed: bool
    """Whether none of them was promoted by force, and every partner's end was heard."""


@frozen
class EpisodeExported:
    """The records have been read, once (EP-10)."""

    epoch: int


@frozen
class EpisodeReset:
    """The next episode begins (EP-11)."""

    epoch: int


@frozen
class AckReceived:
    """A partner acknowledged inputs, or the end (IN-9)."""

    player: Player
    acknowledged: int
    end_known: bool


@frozen
class FallbackTriggered:
    """The peer-to-peer path to a partner is lost; the relay takes over (TR-4)."""

    player: Player
    frame: int


@frozen
class HashMismatch:
    """A partner's records differ from this peer's (ME-4)."""

    player: Player
    frame: int


Event = (
    Sent
    | InputScheduled
    | InputStored
    | InputConflict
    | InputRejected
    | Mispredicted
    | RollbackBegun
    | FrameSimulated
    | RollbackFinished
    | Stalled
    | FrameConfirmed
    | FramePromoted
    | Promoted
    | PromotionRefused
    | EndSuspected
    | EndWithdrawn
    | EndDecided
    | EndHeard
    | EndsDiffer
    | WaitBegun
    | PartnerEndMissing
    | WaitSucceeded
    | WaitTimedOut
    | ForcedPromotion
    | EpisodeCompleted
    | EpisodeExported
    | EpisodeReset
    | AckReceived
    | FallbackTriggered
    | HashMismatch
)
