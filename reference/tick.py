"""The drivers: bulk behaviour as loops of transitions (protocol section 7).

What is proved of single transitions in any order holds for these drivers, and for any other.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any, TypeVar, overload

from rollproof.reference.buffers import confirm_frame, force_promote_frame, promote_frame
from rollproof.reference.containers import Action, Player
from rollproof.reference.desync import Comparison, HashArrival, compare_hash, receive_hash
from rollproof.reference.episode import (
    Clock,
    Decision,
    EndArrival,
    begin_wait,
    complete_episode,
    decide_end,
    end_is_new,
    expire_wait,
    export_episode,
    give_up_on_partners,
    receive_end,
    reset_episode,
    succeed_wait,
    suspect_end,
    withdraw_end,
)
from rollproof.reference.events import Event, ForcedPromotion, Promoted, PromotionRefused, Stalled
from rollproof.reference.guards import (
    action_is_allowed,
    from_a_partner,
    no_rollback_in_progress,
    no_rollback_pending,
    same_epoch,
    same_session,
)
from rollproof.reference.inputs import (
    Drain,
    Duplicate,
    InputArrival,
    Rejection,
    Sample,
    drain_input,
    ignore_conflict,
    input_is_unknown,
    receive_input,
    reject_input,
    schedule_input,
)
from rollproof.reference.messages import AckMessage, EndMessage, HashMessage, InputMessage, Message, Path
from rollproof.reference.rollback import (
    Moment,
    begin_rollback,
    begin_tick,
    finish_rollback,
    replay_frame,
    simulate_frame,
    within_prediction_window,
)
from rollproof.reference.state import Peer, Phase
from rollproof.reference.transition import Guard, Protocol, Step, Transition
from rollproof.reference.transport import (
    AckArrival,
    HashTransmission,
    Transmission,
    announce_end,
    receive_ack,
    resend_inputs,
    send_ack,
    send_hash,
    send_inputs,
)
from rollproof.reference.values import same

A = TypeVar("A")
NOBODY: frozenset[Player] = frozenset()


class Run:
    """One call of a driver: the peer as it is by now, and what has happened so far."""

    def __init__(
        self,
        protocol: Protocol,
        peer: Peer,
        now: int,
        *,
        action: Action = None,
        focused: bool = True,
        refusing: Container[Player] = NOBODY,
    ) -> None:
        """Start with `peer` at time `now`, in milliseconds."""
        self.transitions = protocol.transitions
        self.peer = peer
        self.now = now
        self.action = action
        self.focused = focused
        self.refusing = refusing
        self.events: list[Event] = []

    @overload
    def do(self, transition: Transition[None]) -> Guard[Any] | None: ...
    @overload
    def do(self, transition: Transition[A], args: A) -> Guard[Any] | None: ...
    def do(self, transition: Transition[Any], args: Any = None) -> Guard[Any] | None:
        """Fire a transition once. Return the guard that refused it, or None."""
        step = self.transitions[transition.name].fire(self.peer, args)
        if isinstance(step, Guard):
            return step
        self.peer, events = step
        self.events += events
        return None

    @overload
    def repeat(self, transition: Transition[None]) -> Guard[Any]: ...
    @overload
    def repeat(self, transition: Transition[A], args: A) -> Guard[Any]: ...
    def repeat(self, transition: Transition[Any], args: Any = None) -> Guard[Any]:
        """Fire a transition until a guard refuses it. Return that guard."""
        fire = self.transitions[transition.name].fire
        while True:
            step = fire(self.peer, args)
            if isinstance(step, Guard):
                return step
            self.peer, events = step
            self.events += events

    def stages(self, names: tuple[str, ...]) -> Step:
        """Run the named stages, and return what has become of the peer."""
        for name in names:
            STAGES[name](self)
        return self.peer, tuple(self.events)

    def to(self, player: Player) -> Transmission:
        """Return the arguments of what is sent to `player` now."""
        return Transmission(player, self.now, player not in self.refusing)

    def accepts(self, player: Player) -> bool:
        """Tell whether a peer-to-peer send to `player` would be accepted."""
        return player not in self.refusing


def tick(
    protocol: Protocol,
    peer: Peer,
    now: int,
    action: Action,
    *,
    focused: bool = True,
    refusing: Container[Player] = NOBODY,
) -> Step:
    """Let a peer tick at time `now` with the action sampled from its player; once an end is in sight it polls.

    `refusing` holds the partners to whom a peer-to-peer send would be refused now (TR-2).
    """
    run = Run(protocol, peer, now, action=action, focused=focused, refusing=refusing)
    return run.stages(protocol.tick if peer.ending.phase == Phase.RUNNING else protocol.poll)


def poll(
    protocol: Protocol, peer: Peer, now: int, *, focused: bool = True, refusing: Container[Player] = NOBODY
) -> Step:
    """Let a peer's timers run at time `now`: while it ticks only re-sending, later the wait as well (EP-5, IN-9)."""
    run = Run(protocol, peer, now, focused=focused, refusing=refusing)
    return run.stages(("resend",) if peer.ending.phase == Phase.RUNNING else protocol.poll)


def receive(
    protocol: Protocol, peer: Peer, now: int, path: Path, message: Message, *, refusing: Container[Player] = NOBODY
) -> Step:
    """Let a message arrive at time `now` on `path`: inputs are only queued (IN-1)."""
    run = Run(protocol, peer, now, refusing=refusing)
    sender, epoch, game = message.player, message.epoch, message.game
    match message:
        case InputMessage():
            known = run.peer.inputs.known if _is_from_a_partner(run, message) else None
            for frame, action in enumerate(message.actions, message.first):
                if known is None or not same(known.get(sender, frame), action):  # most are duplicates (IN-3, IN-4)
                    _receive_input(run, InputArrival(sender, epoch, path, frame, action, game))
            run.do(receive_ack, AckArrival(sender, epoch, message.acknowledged, False, game))
            if run.peer.ending.phase != Phase.RUNNING:
                _answer(run, message)
        case AckMessage():
            run.do(receive_ack, AckArrival(sender, epoch, message.acknowledged, message.end_known, game))
        case EndMessage():
            refusal = run.do(receive_end, EndArrival(sender, epoch, message.end, game))
            if refusal is None:
                _receive_hash(run, HashArrival(sender, epoch, message.end - 1, message.digest, game))
            if refusal is None or refusal.name in (end_is_new.name, "episode_is_open"):
                _answer(run, message)
        case HashMessage():
            _receive_hash(run, HashArrival(sender, epoch, message.frame, message.digest, game))
    return run.peer, tuple(run.events)


def export(protocol: Protocol, peer: Peer) -> Step:
    """Mark the episode's records as read; `reference.export.read` reads them (EP-10)."""
    run = Run(protocol, peer, 0)
    run.do(export_episode)
    return run.peer, tuple(run.events)


def next_episode(protocol: Protocol, peer: Peer) -> Step:
    """Begin the next episode (EP-11)."""
    run = Run(protocol, peer, 0)
    run.do(reset_episode)
    return run.peer, tuple(run.events)


def is_settled(peer: Peer) -> bool:
    """Tell whether no partner needs anything more from this peer's episode, whose end is known (IN-9)."""
    deliveries = (peer.deliveries[partner] for partner in peer.config.partners)
    termination = peer.ending.termination
    return termination is not None and all(
        delivery.acknowledged >= termination - 1 and (delivery.end_known or peer.ending.own is None)
        for delivery in deliveries
    )


def drain(run: Run) -> None:
    """Drain both queues (IN-2)."""
    run.repeat(drain_input, Drain(Path.P2P, run.now))
    run.repeat(drain_input, Drain(Path.RELAY, run.now))


def schedule(run: Run) -> None:
    """Schedule the local input and send it to every partner (IN-5, IN-4); tell of one that is no action (IN-7)."""
    refusal = run.do(schedule_input, Sample(run.action))
    if refusal is None:
        for partner in run.peer.config.partners:
            run.do(send_inputs, run.to(partner))
    elif refusal.name == action_is_allowed.name:
        config = run.peer.config
        run.do(reject_input, Rejection(config.player, run.peer.frame + config.input_delay, refusal.name))


def roll_back(run: Run) -> None:
    """Execute the pending rollback, if there is one (RB-3)."""
    if run.do(begin_rollback) is None:
        run.repeat(replay_frame, Moment(run.now, run.focused))
        run.do(finish_rollback)


def confirm(run: Run) -> None:
    """Advance the confirmed frame as far as it goes (BUF-2)."""
    run.repeat(confirm_frame)


def promote(run: Run) -> None:
    """Promote every confirmed record, and exchange hashes of them (BUF-3, ME-4)."""
    first = run.peer.buffers.promoted
    refusal = run.repeat(promote_frame)
    promoted = run.peer.buffers.promoted
    if promoted > first:
        run.events.append(Promoted(promoted - first, promoted - 1))
    if refusal.name in (no_rollback_pending.name, no_rollback_in_progress.name):
        run.events.append(PromotionRefused(promoted, refusal.name))
    for frame in range(first, promoted):
        for partner in run.peer.config.partners:
            if (frame + 1) % run.peer.config.hash_interval == 0:
                run.do(send_hash, HashTransmission(partner, frame, run.accepts(partner)))
            run.do(compare_hash, Comparison(partner, frame))


def simulate(run: Run) -> None:
    """Simulate the next frame (IN-8)."""
    refusal = run.do(simulate_frame, Moment(run.now, run.focused))
    if refusal is not None and refusal.name == within_prediction_window.name:
        run.events.append(Stalled(run.peer.frame, run.peer.confirmed))


def detect_end(run: Run) -> None:
    """Stop ticking if the end is in sight (EP-1)."""
    run.do(suspect_end, Clock(run.now))


def end(run: Run) -> None:
    """Go through the stages of the end as far as possible (EP-1 … EP-9)."""
    clock = Clock(run.now)
    run.do(withdraw_end)
    run.do(decide_end, Decision(run.peer.simulation.steps))
    if run.peer.ending.termination is not None:
        run.do(decide_end, Decision(run.peer.ending.termination))
    run.do(begin_wait, clock)
    run.do(give_up_on_partners, clock)
    if run.do(succeed_wait) is not None:
        run.do(expire_wait, clock)
    forced = run.peer.buffers.promoted
    run.repeat(force_promote_frame)
    if run.peer.buffers.promoted > forced:
        run.events.append(ForcedPromotion(run.peer.buffers.promoted - forced))
    run.do(complete_episode)


def resend(run: Run) -> None:
    """Send again what a partner has not acknowledged in time (IN-9, EP-2)."""
    for partner in run.peer.config.partners:
        to = run.to(partner)
        run.do(resend_inputs, to)
        run.do(announce_end, to)


STAGES: dict[str, Callable[[Run], object]] = {
    "begin": lambda run: run.do(begin_tick),
    "drain": drain,
    "schedule": schedule,
    "roll_back": roll_back,
    "confirm": confirm,
    "promote": promote,
    "simulate": simulate,
    "detect_end": detect_end,
    "end": end,
    "resend": resend,
}
"""The stages that `Protocol.tick` and `Protocol.poll` name."""


def _receive_input(run: Run, arrival: InputArrival) -> None:
    refusal = run.do(receive_input, arrival)
    if refusal is None:
        return
    if refusal.name == input_is_unknown.name:
        run.do(ignore_conflict, Duplicate(arrival.player, arrival.frame, arrival.action, arrival.epoch, arrival.game))
    else:
        run.do(reject_input, Rejection(arrival.player, arrival.frame, refusal.name))


def _receive_hash(run: Run, arrival: HashArrival) -> None:
    if run.do(receive_hash, arrival) is None:
        run.do(compare_hash, Comparison(arrival.player, arrival.frame))


def _answer(run: Run, message: Message) -> None:
    if _is_from_a_partner(run, message):
        run.do(send_ack, run.to(message.player))


def _is_from_a_partner(run: Run, message: Message) -> bool:
    return all(each.holds(run.peer, message) for each in (same_session, same_epoch, from_a_partner))
