"""Mistakes seen in real implementations: most are edits of the protocol that an adapter of the reference runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from attrs import evolve as changed
from attrs import frozen

from rollproof.conformance.adapters.reference import Adapter
from rollproof.conformance.mutants.wrong_adapters import KINDS
from rollproof.model.variants.edits import Edit, acting, guarded, ordered, variant
from rollproof.model.variants.mistakes import COMPLETE_WITH_PENDING, STALE_CLEAR
from rollproof.reference.buffers import confirm_frame, next_frame_is_complete
from rollproof.reference.containers import Player
from rollproof.reference.desync import Comparison, compare_hash
from rollproof.reference.inputs import Drain, InputArrival, drain_input, queue_of, receive_input
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.rollback import begin_rollback, simulate_frame, within_prediction_window
from rollproof.reference.state import Peer
from rollproof.reference.transition import Protocol, Step, guard
from rollproof.reference.transport import AckArrival, receive_ack
from rollproof.reference.values import evolve, given

END_FIRST = ("drain", "confirm", "promote", "end", "roll_back", "resend")
SIMULATE_FIRST = ("begin", "drain", "schedule", "simulate", "roll_back", "confirm", "promote", "detect_end", "resend")


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
    for name, kind in KINDS.items():
        yield Mutant(f"bug:{name}", (kind.__doc__ or "").strip(), running(changed(PROTOCOL, name=name), kind))


def _anyway(transition: str, guard_name: str) -> Edit:
    def edit(protocol: Protocol) -> Protocol:
        guarded_by = {each.name for each in protocol.transitions[transition].guards}
        return protocol.without(transition, guard_name) if guard_name in guarded_by else protocol

    return edit
