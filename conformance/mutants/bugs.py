"""Mistakes seen in real implementations, as adapters of the reference that make them."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterator
from typing import Any

from attrs import evolve as changed
from attrs import frozen

from rollproof.conformance.adapters.reference import Adapter, ObservedRun
from rollproof.conformance.schema import Json
from rollproof.model.variants.edits import Edit, acting, guarded, ordered, variant
from rollproof.model.variants.mistakes import COMPLETE_WITH_PENDING, STALE_CLEAR
from rollproof.reference import tick as drivers
from rollproof.reference.buffers import confirm_frame, next_frame_is_complete
from rollproof.reference.containers import Action, InputTable, Player
from rollproof.reference.desync import Comparison, compare_hash
from rollproof.reference.inputs import Drain, InputArrival, drain_input, queue_of, receive_input
from rollproof.reference.messages import InputMessage, Path
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.rollback import Moment, begin_rollback, simulate_frame, within_prediction_window
from rollproof.reference.state import Peer
from rollproof.reference.transition import Protocol, Step, guard
from rollproof.reference.transport import AckArrival, receive_ack
from rollproof.reference.values import evolve, given
from rollproof.reference.wire import decode


@frozen
class Mutant:
    """A wrong implementation."""

    name: str
    sentence: str
    """What is wrong about it."""
    make: Callable[[], Any]
    """Makes an adapter: something with `handle`."""


def running(protocol: Protocol, kind: type[Adapter] = Adapter) -> Callable[[], Adapter]:
    """Return what makes adapters that run a protocol."""
    return lambda: kind(protocol)


class FastForward(Adapter):
    """Catches up after a pause as the variant `fast_forward_invents_inputs` does."""

    last_tick = 0

    def on_reset(self, request: Json) -> None:
        """Remember how long a frame lasts."""
        super().on_reset(request)
        self.frame_us, self.last_tick = request["config"]["frame_us"], 0

    def on_tick(self, request: Json) -> None:
        """Make up for the ticks that were missed."""
        missed = (request["now"] - self.last_tick) // self.frame_us - 1
        self.last_tick = request["now"]
        run = ObservedRun(self, request)
        for _ in range(missed):
            run.do(self.protocol.transitions["fast_forward"], Moment(run.now, focused=True))
        super().on_tick(request)


END_FIRST = ("drain", "confirm", "promote", "end", "roll_back", "resend")
SIMULATE_FIRST = ("begin", "drain", "schedule", "simulate", "roll_back", "confirm", "promote", "detect_end", "resend")

# --- bugs -----------------------------------------------------------------------------------------------------------


def _stored_unchecked(when: Callable[[Peer, Player, int], bool]) -> Edit:
    """Inputs for which `when` holds are stored as if their frame had been simulated with them."""

    def drain(peer: Peer, args: Drain) -> Step:
        item = given(queue_of(peer, args.path).first())
        after, events = drain_input.effect(peer, args)
        if when(peer, item.player, item.frame):
            return evolve(after, rollback=peer.rollback, metrics=peer.metrics), events[:1]
        return after, events

    return acting(drain_input, drain)


def _every_late_input_rolls_back(peer: Peer, args: Drain) -> Step:
    item = given(queue_of(peer, args.path).first())
    after, events = drain_input.effect(peer, args)
    if item.frame < peer.frame and peer.inputs.known.get(item.player, item.frame) is None:
        pending = after.rollback.pending
        pending = item.frame if pending is None else min(pending, item.frame)
        after = evolve(after, rollback=evolve(after.rollback, pending=pending))
    return after, events


def _drop_when_stalled(peer: Peer, player: Player, frame: int) -> bool:
    return not within_prediction_window.holds(peer, None)


def _clipped(peer: Peer) -> Step:
    target = max(given(peer.rollback.pending), peer.frame - 8, peer.buffers.promoted)
    return begin_rollback.effect(evolve(peer, rollback=evolve(peer.rollback, pending=target)))


def _never_to_current(peer: Peer) -> Step:
    target = given(peer.rollback.pending)
    if target == peer.frame - 1:
        target = peer.frame
        return begin_rollback.effect(
            evolve(
                peer,
                rollback=evolve(peer.rollback, pending=target),
                snapshots=peer.snapshots.set(target, peer.simulation),
            )
        )
    return begin_rollback.effect(peer)


@guard("BUF-2")
def somebody_is_heard(peer: Peer) -> bool:
    """One partner's input of the frame after the confirmed one is known."""
    known, frame = peer.inputs.known, peer.confirmed + 1
    return any(known.get(partner, frame) is not None for partner in peer.config.partners)


@guard("IN-7")
def input_is_recent(peer: Peer, arrival: InputArrival) -> bool:
    """The input is not for a frame that is more than four frames back."""
    return arrival.frame >= peer.frame - 4


@guard("IN-7")
def input_is_within_history(peer: Peer, arrival: InputArrival) -> bool:
    """The input is for one of the last 64 frames, or for a coming one."""
    return arrival.frame > peer.frame - 64


@guard("IN-7")
def frame_has_fourteen_bits(peer: Peer, arrival: InputArrival) -> bool:
    """The number of the frame is below 2^14."""
    return arrival.frame < 1 << 14


@guard("IN-1")
def input_is_in_order_or_it_crashes(peer: Peer, arrival: InputArrival) -> bool:
    """The input is the next one."""
    if arrival.frame > peer.inputs.known.contiguous(arrival.player) + len(peer.inputs.p2p) + 1:
        raise ValueError(f"frame {arrival.frame} came too early")
    return True


@guard("IN-9")
def acknowledges_little_more(peer: Peer, arrival: AckArrival) -> bool:
    """No more than a packet's worth is acknowledged at once."""
    return arrival.acknowledged <= peer.deliveries[arrival.player].acknowledged + 3


@guard("IN-9")
def partners_acknowledge(peer: Peer) -> bool:
    """Every partner has acknowledged all but the last eight inputs."""
    return all(peer.deliveries[partner].acknowledged >= peer.frame - 8 for partner in peer.config.partners)


@guard("IN-8")
def within_smaller_window(peer: Peer) -> bool:
    """The frame is less than `prediction_window` frames beyond the confirmed one."""
    size = peer.config.prediction_window
    return size is None or peer.frame - peer.confirmed < size


def _equal_hashes(peer: Peer, comparison: Comparison) -> Step:
    after, _ = compare_hash.effect(peer, comparison)
    metrics = evolve(after.metrics, hash_mismatches=peer.metrics.hash_mismatches)
    return evolve(after, metrics=metrics, desync=evolve(after.desync, first_mismatch=None)), ()


class UnorderedTable(InputTable):
    """Predicts by the input that arrived last, whatever its frame."""

    def set(self, player: Player, frame: int, action: Action) -> InputTable:
        """Return this table with one more input, remembered as the latest."""
        table = super().set(player, frame, action)
        latest = {**self.__dict__.get("latest", {}), player: action}
        table.__dict__["latest"] = latest
        return table

    def predict(self, player: Player, frame: int) -> Action:
        """Return the prediction."""
        return self.__dict__.get("latest", {}).get(player, self.default)


class PredictsByArrival(Adapter):
    """Uses `UnorderedTable`."""

    def on_reset(self, request: Json) -> None:
        """Become a peer with the other table."""
        super().on_reset(request)
        table = self.peer.inputs.known
        other = UnorderedTable(table.table, table.delay, table.default, table.prediction)
        self.peer = evolve(self.peer, inputs=evolve(self.peer.inputs, known=other))


class KnowsNoFirstFrames(Adapter):
    """Uses the first input for the frames below the input delay, too."""

    def on_reset(self, request: Json) -> None:
        """Become a peer that knows nothing of the first frames."""
        super().on_reset(request)
        table = self.peer.inputs.known
        other = InputTable(table.table, 0, table.default, table.prediction)
        self.peer = evolve(self.peer, inputs=evolve(self.peer.inputs, known=other))

    def on_tick(self, request: Json) -> None:
        """Fill in the first frames."""
        known, peer = self.peer.inputs.known, self.peer
        if peer.frame == 0 and known.get(peer.config.player, 0) is None:
            for frame in range(peer.config.input_delay):
                for player in peer.config.players:
                    value = request["input"] if player == peer.config.player else peer.config.default_action
                    known = known.set(player, frame, value)
            self.peer = evolve(peer, inputs=evolve(peer.inputs, known=known))
        super().on_tick(request)


class ForgetsWhilePaused(Adapter):
    """Stores what arrives while it is paused without looking at it."""

    last_tick = 0

    def on_reset(self, request: Json) -> None:
        """Begin anew."""
        super().on_reset(request)
        self.last_tick, self.frame_us = 0, request["config"]["frame_us"]

    def on_tick(self, request: Json) -> None:
        """Remember when this was."""
        self.last_tick = request["now"]
        super().on_tick(request)

    def on_deliver(self, request: Json) -> None:
        """Store at once what arrives in a pause."""
        super().on_deliver(request)
        if request["now"] - self.last_tick > 3 * self.frame_us and self.peer.rollback.cursor is None:
            run = ObservedRun(self, request)
            pending = self.peer.rollback
            for path in Path:
                run.repeat(drain_input, Drain(path, run.now))
            self.peer = evolve(self.peer, rollback=pending)


class DuplicatesCrash(Adapter):
    """Takes an old input that comes again for an error."""

    def on_deliver(self, request: Json) -> None:
        """Look at what comes."""
        message = decode(b64decode(request["packet"]))
        if isinstance(message, InputMessage) and message.epoch == self.peer.epoch:
            last = message.first + len(message.actions) - 1
            if last < self.peer.inputs.known.contiguous(message.player) - 2:
                raise ValueError(f"frame {last} came twice")
        super().on_deliver(request)


class SecondValueReplaces(Adapter):
    """A second value for an input replaces the first, wherever that is by then."""

    def on_deliver(self, request: Json) -> None:
        """Store what differs."""
        message = decode(b64decode(request["packet"]))
        if isinstance(message, InputMessage) and message.epoch == self.peer.epoch:
            for frame, action in enumerate(message.actions, message.first):
                self._replace(message.player, frame, action)
        super().on_deliver(request)

    def _replace(self, player: Player, frame: int, action: Action) -> None:
        peer, known = self.peer, self.peer.inputs.known
        queued = [item for queue in (peer.inputs.p2p, peer.inputs.relay) for item in queue]
        waiting = {item.action for item in queued if (item.player, item.frame) == (player, frame)}
        if player in peer.config.partners and {known.get(player, frame), *waiting} - {None, action}:
            peer = evolve(peer, inputs=evolve(peer.inputs, known=known.set(player, frame, action)))
            if frame < peer.frame and peer.rollback.cursor is None:
                pending = frame if peer.rollback.pending is None else min(frame, peer.rollback.pending)
                peer = evolve(peer, rollback=evolve(peer.rollback, pending=pending))
            self.peer = peer


class TicksBeforeTheLoad(Adapter):
    """A call that comes between the decision to roll back and the load simulates a frame."""

    def on_tick(self, request: Json) -> None:
        """Take it for an ordinary call."""
        rollback = self.peer.rollback
        if self.work and rollback.pending is not None and rollback.cursor is None:
            run = ObservedRun(self, request, request["input"])
            drivers.STAGES["schedule"](run)
            run.flush()
            self.peer, events = simulate_frame.effect(self.peer, Moment(run.now, focused=True))
            self.report(events)
            return
        super().on_tick(request)


class TimeoutsAgree(Adapter):
    """Says that an episode ended agreed although it timed out."""

    def _observe(self, kind: str, /, **fields: Any) -> None:
        if kind == "episode_end":
            fields["kind"] = "agreed"
        super()._observe(kind, **fields)


class ObservedOtherwise(Adapter):
    """Sends more when it is observed."""

    def on_tick(self, request: Json) -> None:
        """Send everything again when observed."""
        if "confirm" in self.observe:
            deliveries = self.peer.deliveries
            for partner in self.peer.config.partners:
                deliveries = deliveries.set(partner, evolve(deliveries[partner], inputs_due=0))
            self.peer = evolve(self.peer, deliveries=deliveries)
        super().on_tick(request)


class LosesTrackOfTheGame(Adapter):
    """Reports a state that it has not reached."""

    def _observe(self, kind: str, /, **fields: Any) -> None:
        if kind == "advance" and fields["resimulated"]:
            fields["state"] ^= 1
        super()._observe(kind, **fields)


class KeepsTheFirstExport(Adapter):
    """Exports the first episode again."""

    def __init__(self, protocol: Protocol = PROTOCOL) -> None:
        """Nothing has been exported yet."""
        super().__init__(protocol)
        self.rows: Json = None

    def on_reset(self, request: Json) -> None:
        """Begin anew."""
        super().on_reset(request)
        self.rows = None

    def _observe(self, kind: str, /, **fields: Any) -> None:
        if kind == "export":
            self.rows = self.rows or fields["rows"]
            fields["rows"] = self.rows
        super()._observe(kind, **fields)


class RaggedColumns(Adapter):
    """Leaves the last value of a column out of the export, and keeps the row."""

    def _observe(self, kind: str, /, **fields: Any) -> None:
        if kind == "export" and fields["rows"]:
            fields["columns"]["over"] -= 1
        super()._observe(kind, **fields)


class CountsBothPaths(Adapter):
    """Counts one input too many as sent by the relay."""

    def _observe(self, kind: str, /, **fields: Any) -> None:
        if kind == "metric" and fields["name"] == "inputs_sent_relay":
            fields["value"] += 1
        super()._observe(kind, **fields)


def bugs() -> Iterator[Mutant]:
    """Return a mutant for each mistake."""
    edits: list[tuple[str, str, tuple[Edit, ...]]] = [
        (
            "rollback_on_every_late_input",
            "A late input rolls back even if it was predicted right.",
            (acting(drain_input, _every_late_input_rolls_back),),
        ),
        (
            "unchecked_while_stalled",
            "An input that arrives while the window is full is stored, never compared.",
            (_stored_unchecked(_drop_when_stalled),),
        ),
        (
            "departed_player_unchecked",
            "Once the way to a player is gone, that player's inputs are stored, never compared.",
            (_stored_unchecked(lambda peer, player, _: peer.links[player].fallback_frame is not None),),
        ),
        (
            "no_rollback_to_frame_0",
            "A misprediction of frame 0 looks like none.",
            (_stored_unchecked(lambda peer, _, frame: frame == 0),),
        ),
        (
            "no_rollback_of_last_frame",
            "A misprediction of the frame simulated last is not corrected.",
            (acting(begin_rollback, _never_to_current),),
        ),
        (
            "short_ring",
            "Snapshots are kept for eight frames: a rollback goes back no further.",
            (acting(begin_rollback, _clipped),),
        ),
        (
            "confirmed_by_one_partner",
            "A frame counts as confirmed when one partner's input of it is known.",
            (guarded(confirm_frame, somebody_is_heard, instead_of=next_frame_is_complete),),
        ),
        (
            "late_inputs_refused",
            "An input for a frame more than four frames back is refused.",
            (guarded(receive_input, input_is_recent),),
        ),
        (
            "short_history",
            "An input for a frame more than 63 frames back is refused, however often it is sent.",
            (guarded(receive_input, input_is_within_history),),
        ),
        (
            "frames_in_fourteen_bits",
            "Inputs of frames from 16,384 on are refused.",
            (guarded(receive_input, frame_has_fourteen_bits),),
        ),
        (
            "reorder_crashes",
            "An input that comes before an earlier one is an error.",
            (guarded(receive_input, input_is_in_order_or_it_crashes),),
        ),
        (
            "lost_ack_pins_sender",
            "After a few lost acknowledgements a sender waits for ever.",
            (guarded(receive_ack, acknowledges_little_more), guarded(simulate_frame, partners_acknowledge)),
        ),
        (
            "window_too_small",
            "One frame less than the prediction window is simulated.",
            (guarded(simulate_frame, within_smaller_window, instead_of=within_prediction_window),),
        ),
        (
            "detector_compares_nothing",
            "All hashes are equal.",
            (acting(compare_hash, _equal_hashes),),
        ),
        (
            "stale_clear_after_drain",
            "Queues are drained before a tick, and the pending rollback is cleared when it begins.",
            (*STALE_CLEAR, ordered(tick=("drain", "begin", *PROTOCOL.tick[2:]), poll=PROTOCOL.poll)),
        ),
        (
            "completes_before_rollback",
            "The end is looked at before a rollback that is due.",
            (
                *COMPLETE_WITH_PENDING,
                ordered(tick=PROTOCOL.tick, poll=END_FIRST),
                *(
                    _anyway(name, "no_rollback_pending")
                    for name in ("expire_wait", "give_up_on_partners", "succeed_wait")
                ),
            ),
        ),
        (
            "simulates_before_rollback",
            "A rollback that is due waits until after the next frame.",
            (
                ordered(
                    tick=SIMULATE_FIRST,
                    poll=PROTOCOL.poll,
                ),
                _anyway(simulate_frame.name, "no_rollback_pending"),
            ),
        ),
    ]
    for name, sentence, changes in edits:
        made = variant(name, sentence, (), (), *changes)
        yield Mutant(f"bug:{name}", sentence, running(changed(made.protocol, name=name)))
    kinds: list[tuple[str, type[Adapter]]] = [
        ("duplicate_crashes", DuplicatesCrash),
        ("predicts_by_arrival", PredictsByArrival),
        ("first_frames_sampled", KnowsNoFirstFrames),
        ("unchecked_while_paused", ForgetsWhilePaused),
        ("second_value_replaces", SecondValueReplaces),
        ("ticks_before_the_load", TicksBeforeTheLoad),
        ("timeout_is_not_told", TimeoutsAgree),
        ("observed_otherwise", ObservedOtherwise),
        ("state_is_made_up", LosesTrackOfTheGame),
        ("first_export_again", KeepsTheFirstExport),
        ("counter_is_wrong", CountsBothPaths),
        ("column_is_short", RaggedColumns),
    ]
    for name, kind in kinds:
        yield Mutant(f"bug:{name}", (kind.__doc__ or "").strip(), running(changed(PROTOCOL, name=name), kind))


def _anyway(transition: str, guard_name: str) -> Edit:
    def edit(protocol: Protocol) -> Protocol:
        guarded_by = {each.name for each in protocol.transitions[transition].guards}
        return protocol.without(transition, guard_name) if guard_name in guarded_by else protocol

    return edit
