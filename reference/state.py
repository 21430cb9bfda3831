"""The state of a peer: one frozen value, made of a few small ones."""

from __future__ import annotations

from enum import Enum
from typing import Any

from attrs import field

from rollproof.reference.config import Config
from rollproof.reference.containers import Action, FrameMap, InputTable, Player, PlayerMap, Sequence, Table
from rollproof.reference.digest import Digest
from rollproof.reference.values import evolve, frozen
from rollproof.reference.world import Record, Simulation, World


@frozen
class CanonicalRecord:
    """A record that will be exported."""

    record: Record
    unconfirmed: bool
    """Whether it was promoted by force (BUF-8, EP-8)."""
    digest: Digest
    """The running hash of all confirmed records up to this one (ME-4)."""


@frozen
class QueuedInput:
    """One remote input that has arrived (IN-1)."""

    player: Player
    frame: int
    action: Action
    due: int
    """The tick at which it may be drained (IN-12)."""


@frozen
class Inputs:
    """What is known of everyone's inputs, and what waits to be looked at (IN-1, IN-2)."""

    known: InputTable
    p2p: Sequence[QueuedInput] = Sequence()
    """The queue of the peer-to-peer path."""
    relay: Sequence[QueuedInput] = Sequence()
    """The queue of the relay path."""


@frozen
class Rollback:
    """The rollback that is due, and the one in progress."""

    pending: int | None = None
    """The frame to roll back to (RB-1)."""
    cursor: int | None = None
    """The next frame to replay, while a rollback is in progress (RB-4)."""


@frozen
class Buffers:
    """The two record buffers (BUF-7)."""

    speculative: FrameMap[Record] = FrameMap()
    canonical: FrameMap[CanonicalRecord] = FrameMap()
    promoted: int = 0
    """The next frame to promote; frames are promoted in order."""
    digest: Digest = Digest()
    """The running hash of the confirmed records promoted so far (ME-4)."""


class Phase(Enum):
    """Where in its episode a peer is."""

    RUNNING = "running"
    """It ticks."""
    SYNCING = "syncing"
    """An end is in sight; it waits for everyone's (EP-1, EP-2)."""
    WAITING = "waiting"
    """It is in the confirmation wait (EP-3)."""
    COMPLETING = "completing"
    """The wait is over; what is left is promoted by force (EP-8)."""
    COMPLETED = "completed"
    """Every record is canonical."""
    EXPORTED = "exported"
    """The records have been read (EP-10)."""

    def __init__(self, value: str) -> None:
        self.number = len(type(self).__members__)

    def __lt__(self, other: Phase) -> bool:
        """Tell whether a peer is in this phase before it is in the other; phases are in order."""
        return self.number < other.number


@frozen
class Ending:
    """What is known of the end of the episode."""

    phase: Phase = Phase.RUNNING
    own: int | None = None
    """The termination frame that this peer has decided on confirmed frames (EP-1)."""
    own_digest: Digest | None = None
    """The running hash of the records below it, announced with it (ME-4)."""
    announced: PlayerMap[int] = PlayerMap()
    """The termination frames that the partners announced (EP-2)."""
    termination: int | None = None
    """The minimum over all of them so far (EP-2)."""
    deadline: int | None = None
    """When the present phase gives up, in milliseconds (EP-3, EP-9)."""
    alone: bool = False
    """Whether it completes without a partner's end (EP-9)."""
    timed_out: bool = False
    """Whether the confirmation wait reached its deadline (EP-7)."""


@frozen
class Link:
    """The way to one partner."""

    connected: bool = True
    """Whether the peer-to-peer connection is up (TR-1)."""
    has_sender: bool = True
    """Whether there is something to send with on it (TR-1)."""
    fallback_frame: int | None = None
    """The frame at which the relay took over (TR-4)."""


@frozen
class Delivery:
    """What one partner is known to have received in this episode (IN-9)."""

    acknowledged: int
    """It has this peer's inputs up to this frame."""
    end_known: bool = False
    """It has heard this peer's end."""
    inputs_due: int = 0
    """When unacknowledged inputs are sent again, in milliseconds."""
    end_due: int = 0
    """When the end is sent again, in milliseconds."""


@frozen
class Desync:
    """What the exchange of hashes has shown in this episode (ME-4)."""

    heard: Table[Digest]
    """Partners' hashes of frames that have not been compared yet."""
    first_mismatch: int | None = None
    """The first frame known to differ from a partner's."""


@frozen
class MispredictionEntry:
    """One line of the log of mispredictions (RB-8)."""

    epoch: int
    frame: int
    current_frame: int
    depth: int
    player: Player
    predicted: Action
    actual: Action
    time_ms: int


@frozen
class RollbackEntry:
    """One executed rollback (ME-1)."""

    epoch: int
    target: int
    current_frame: int
    depth: int


@frozen
class Metrics:
    """The metrics of a session; they survive a reset (ME-1, ME-2)."""

    inputs_submitted: int = 0
    """Input packets handed to the transport."""
    inputs_sent_p2p: int = 0
    inputs_sent_relay: int = 0
    inputs_received_p2p: int = 0
    """Single inputs accepted into the queue of the path."""
    inputs_received_relay: int = 0
    inputs_rejected: int = 0
    """Inputs refused for one of the reasons of IN-7."""
    input_conflicts: int = 0
    """Conflicting duplicates (IN-3)."""
    mispredictions: Sequence[MispredictionEntry] = Sequence()
    rollbacks: Sequence[RollbackEntry] = Sequence()
    greatest_depth: int = 0
    """The greatest depth of any rollback, in frames."""
    hashes_compared: int = 0
    hash_mismatches: int = 0
    frames: int = 0
    """Frames simulated for the first time, over all episodes."""


@frozen
class Extra:
    """What a protocol of one's own keeps beside (`Protocol.keeping`); the present one keeps nothing."""

    def cleared(self) -> Extra:
        """Return it as it is before frame 0 of an episode; a subclass says what survives a reset (EP-11)."""
        return self


ExtraState = Any
"""An object of whichever subclass of `Extra` the protocol keeps."""
NOTHING = Extra()


@frozen
class Peer:
    """One peer."""

    config: Config
    world: World
    inputs: Inputs
    simulation: Simulation
    """The world before the next frame to simulate or to replay."""
    desync: Desync
    links: PlayerMap[Link]
    deliveries: PlayerMap[Delivery]
    epoch: int = 0
    """The episode's number (IN-11)."""
    frame: int = 0
    """The next frame to simulate for the first time."""
    ticks: int = 0
    """Ticks begun in this episode, skipped ones included."""
    confirmed: int = -1
    """The confirmed frame (BUF-2)."""
    snapshots: FrameMap[Simulation] = FrameMap()
    """The simulation before each frame that may still be rolled back to (RB-4)."""
    rollback: Rollback = Rollback()
    buffers: Buffers = Buffers()
    ending: Ending = Ending()
    metrics: Metrics = field(factory=Metrics)
    extra: ExtraState = NOTHING


def new_peer(config: Config, world: World, extra: Extra = NOTHING) -> Peer:
    """Return a peer before frame 0 of its first episode, connected to every partner.

    `extra` is what the protocol keeps beside at first (`Protocol.extra`).
    """
    links: PlayerMap[Link] = PlayerMap()
    deliveries: PlayerMap[Delivery] = PlayerMap()
    for partner in config.partners:
        links = links.set(partner, Link())
        deliveries = deliveries.set(partner, Delivery(acknowledged=-1))
    known = InputTable(Table(config.players), config.input_delay, config.default_action, config.prediction)
    nothing = Peer(
        config=config,
        world=world,
        inputs=Inputs(known),
        simulation=Simulation(world.start(0)),
        desync=Desync(Table(config.players)),
        links=links,
        deliveries=deliveries,
        extra=extra,
    )
    return begin_episode(nothing, 0)


def begin_episode(peer: Peer, epoch: int) -> Peer:
    """Return a peer before frame 0 of an episode: its links and metrics are those of `peer` (EP-11)."""
    return evolve(
        peer,
        epoch=epoch,
        frame=0,
        ticks=0,
        confirmed=-1,
        simulation=Simulation(peer.world.start(epoch), peer.simulation.returns.cleared()),
        snapshots=peer.snapshots.cleared(),
        inputs=Inputs(
            known=peer.inputs.known.cleared(), p2p=peer.inputs.p2p.cleared(), relay=peer.inputs.relay.cleared()
        ),
        rollback=Rollback(),
        buffers=Buffers(
            speculative=peer.buffers.speculative.cleared(),
            canonical=peer.buffers.canonical.cleared(),
            promoted=0,
            digest=peer.buffers.digest.cleared(),
        ),
        ending=Ending(announced=peer.ending.announced.cleared()),
        deliveries=peer.deliveries.filled(Delivery(acknowledged=peer.config.input_delay - 1)),
        desync=Desync(peer.desync.heard.cleared()),
        extra=peer.extra.cleared(),
    )
