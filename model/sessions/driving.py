"""What the drivers must do: the steps that the rules demand, in the order of section 7, and all of it told.

The proof is about single transitions in any order. That the drivers take those steps that the rules demand, and nothing
else, is checked here, on every call of every session that is played.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import attrs

from rollproof.model.sessions.calls import DriverCall
from rollproof.model.sessions.contract import Problems, contract
from rollproof.reference.buffers import confirm_frame, force_promote_frame, promote_frame
from rollproof.reference.containers import Sequence
from rollproof.reference.desync import compare_hash
from rollproof.reference.episode import (
    begin_wait,
    complete_episode,
    decide_end,
    expire_wait,
    give_up_on_partners,
    succeed_wait,
    suspect_end,
    withdraw_end,
)
from rollproof.reference.events import Event, ForcedPromotion, Promoted, PromotionRefused, Sent, Stalled
from rollproof.reference.guards import no_rollback_in_progress, no_rollback_pending
from rollproof.reference.inputs import drain_input, schedule_input
from rollproof.reference.messages import InputMessage, Path
from rollproof.reference.rollback import begin_rollback, simulate_frame, within_prediction_window
from rollproof.reference.state import Buffers, Inputs, Metrics, Peer, Phase
from rollproof.reference.transition import Guard, Transition
from rollproof.reference.transport import announce_end, resend_inputs
from rollproof.reference.values import normal, same

TRIED_AGAIN = 8
"""Every how many attempts at a transition one is made again."""

# --- single steps -----------------------------------------------------------------------------------------------------


@contract("LI-3")
def steps_are_guards_then_effect(call: DriverCall) -> Problems:
    """A transition is refused by its first guard that does not hold; if all hold, its effect is what happens.

    That this is so of any transition is a law (`a_step_is_guards_then_effect`); here some are tried as they happen.
    """
    for each in call.attempts[(call.now // 10) % TRIED_AGAIN :: TRIED_AGAIN]:
        refusing = next((guard for guard in each.transition.guards if not guard.holds(each.before, each.args)), None)
        if refusing is not None:
            if each.step is not refusing:
                what = f"is refused by {each.step.name}" if isinstance(each.step, Guard) else "happens"
                yield f"{each.name} should be refused by {refusing.name}, and {what}"
        elif isinstance(each.step, Guard):
            yield f"{each.name} is refused by {each.step.name}, although every guard holds"
        elif not _alike(each.step, each.transition.perform(each.before, each.args)):
            yield f"{each.name} does something else than its effect"


def _alike(one: Any, other: Any) -> bool:
    """Tell whether two values are equal. Of what only grows the length and the oldest item are compared."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, Sequence):
        return len(one) == len(other) and bool(one.first() == other.first())
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(_alike, one, other))
    parts = PARTS.get(type(one))
    if parts is None:
        return bool(one == other)
    return all(left is right or _alike(left, right) for left, right in zip(parts(one), parts(other), strict=True))


PARTS = {cls: attrgetter(*(each.name for each in attrs.fields(cls))) for cls in (Peer, Inputs, Buffers, Metrics)}
"""Of what is compared part by part, since most parts are the same objects: the values of all its fields."""


@contract("EV-1", "RB-7")
def nothing_but_steps_happens(call: DriverCall) -> Problems:
    """A driver changes a peer by transitions alone, and reports what they report, all of it, in order."""
    peer = call.before
    for each in call.attempts:
        if each.before is not peer:
            yield f"{each.name} was tried on another state than the one before it had left"
        peer = each.after
    if call.after is not peer:
        yield "the peer is not what the last step left"
    told = [event for event in call.events if not isinstance(event, OF_DRIVERS)]
    happened = [event for each in call.taken for event in each.events]
    if told != happened:
        yield f"{len(happened)} events happened, and {len(told)} were told, or others"


@contract("IN-12", "EP-3", "EP-9", "RB-8", "TR-3")
def steps_are_taken_now(call: DriverCall) -> Problems:
    """Whatever a step is told of the time is the time of the call."""
    for each in call.taken:
        now = getattr(each.args, "now", call.now)
        if type(now) is not int or now != call.now:
            yield f"{each.name} is told that it is {now!r}, and it is {call.now}"


@contract("TR-2", "EP-13")
def steps_are_taken_as_called(call: DriverCall) -> Problems:
    """Whatever a step is told of the player's focus, and of what the path to a partner accepts, is what is so."""
    for each in call.taken:
        if getattr(each.args, "focused", call.focused) is not call.focused:
            yield f"{each.name} is told that the game is {'' if each.args.focused else 'not '}looked at"
        if hasattr(each.args, "accepts") and each.args.accepts is (each.args.player in call.refusing):
            told = "accepted" if each.args.accepts else "refused"
            yield f"{each.name} is told that a send to {each.args.player} is {told}"


@contract("IN-4", "IN-5", "IN-9", "IN-10")
def packets_are_bounded(call: DriverCall) -> Problems:
    """A packet holds what the sender has scheduled, no frame below the input delay, and no more than configured."""
    for each in call.taken:
        config, known = each.before.config, each.before.inputs.known
        most = config.redundancy if each.name == "send_inputs" else config.max_resent
        for event in each.events:
            if not (isinstance(event, Sent) and isinstance(event.message, InputMessage)):
                continue
            message = event.message
            if message.first < config.input_delay:
                yield f"an input of frame {message.first} is sent, below the input delay"
            if not 1 <= len(message.actions) <= most:
                yield f"a packet of {len(message.actions)} inputs is sent, and {most} may be"
            for frame, action in enumerate(message.actions, message.first):
                own = known.get(config.player, frame)
                if not same(own, normal(action)):
                    yield f"the input of frame {frame} is sent as {action!r}, and is {own!r}"


# --- the order of operations ------------------------------------------------------------------------------------------

_TICK = (
    ("begin_tick",),
    ("drain_input",),
    ("schedule_input", "send_inputs", "reject_input"),
    ("begin_rollback", "replay_frame", "finish_rollback"),
    ("confirm_frame",),
    ("promote_frame", "send_hash", "compare_hash"),
    ("simulate_frame",),
    ("suspect_end",),
    ("resend_inputs", "announce_end"),
)
_POLL = (
    ("drain_input",),
    ("begin_rollback", "replay_frame", "finish_rollback"),
    ("confirm_frame",),
    ("promote_frame", "send_hash", "compare_hash"),
    ("withdraw_end",),
    ("decide_end",),
    ("begin_wait", "give_up_on_partners"),
    ("succeed_wait", "expire_wait"),
    ("force_promote_frame",),
    ("complete_episode",),
    ("resend_inputs", "announce_end"),
)
OF_DRIVERS = (Promoted, PromotionRefused, ForcedPromotion, Stalled)
"""The events that a driver tells of several steps, or of a refusal."""


def _ticks(call: DriverCall) -> bool:
    """Tell whether the call is a tick of a peer that ticks; a tick of any other peer is a poll."""
    return call.driver == "tick" and call.before.ending.phase == Phase.RUNNING


def _polls(call: DriverCall) -> bool:
    return call.driver in ("tick", "poll") and call.before.ending.phase != Phase.RUNNING


@contract("IN-2", "RB-3", "EP-5")
def order_is_kept(call: DriverCall) -> Problems:
    """The steps of a tick come in the order of operations, and those of a poll in that of the confirmation wait.

    A poll of a peer that ticks only sends again.
    """
    if call.driver == "poll" and call.before.ending.phase == Phase.RUNNING:
        for each in call.taken:
            if each.name not in _TICK[-1] and each.name in PRESENT:
                yield f"{each.name} happens in a poll of a peer that ticks"
    if not (_ticks(call) or _polls(call)):
        return
    stages = {name: at for at, names in enumerate(_TICK if _ticks(call) else _POLL) for name in names}
    latest, last = 0, ""
    for each in call.taken:
        stage = stages.get(each.name)
        if stage is None:
            if each.name in PRESENT:
                yield f"{each.name} happens in a {call.driver}"
            continue
        if stage < latest:
            yield f"{each.name} comes after {last}"
        latest, last = max(latest, stage), each.name


PRESENT = frozenset(name for names in (*_TICK, *_POLL) for name in names) | {
    "receive_input",
    "reject_input",
    "ignore_conflict",
    "receive_end",
    "receive_ack",
    "receive_hash",
    "send_ack",
    "export_episode",
    "reset_episode",
    "lose_p2p",
    "change_link",
}
"""The transitions whose place is known; a new one may come anywhere."""


@contract("RB-3", "RB-5", "RB-7")
def rollbacks_are_executed_whole(call: DriverCall) -> Problems:
    """A rollback that begins is replayed frame by frame up to the present one and finished, with nothing in between."""
    replaying = False
    for each in call.taken:
        if replaying and each.name not in ("replay_frame", "finish_rollback"):
            yield f"{each.name} happens in the middle of a replay"
        if each.name == "begin_rollback":
            replaying = True
        elif each.name == "finish_rollback":
            replaying = False
    if call.after.rollback.cursor is not None:
        yield f"the replay stands at frame {call.after.rollback.cursor} when the {call.driver} is over"


# --- nothing is left undone -------------------------------------------------------------------------------------------


def _left(call: DriverCall, peer: Peer, transition: Transition[Any], *args: Any) -> Problems:
    """Say so if a step that the rules demand could still be taken."""
    if call.protocol[transition].refusal(peer, transition.arguments(*args)) is None:
        shown = f" ({', '.join(map(str, args))})" if args else ""
        yield f"{transition.name}{shown} is possible, and was not done"


def _nothing_left_before_the_frame(call: DriverCall, peer: Peer) -> Problems:
    for path in Path:
        yield from _left(call, peer, drain_input, path, call.now)
    yield from _left(call, peer, begin_rollback)
    yield from _left(call, peer, confirm_frame)
    yield from _left(call, peer, promote_frame)
    if peer.rollback.pending is not None:
        yield f"a rollback to frame {peer.rollback.pending} is still pending"


def _sent_again(call: DriverCall) -> Problems:
    for partner in call.after.config.partners:
        for transition in (resend_inputs, announce_end):
            yield from _left(call, call.after, transition, partner, call.now, True)


@contract("IN-2", "IN-4", "IN-5", "RB-3", "BUF-2", "BUF-3", "IN-8", "EP-1", "IN-9")
def tick_leaves_nothing_undone(call: DriverCall) -> Problems:
    """A tick drains, schedules, sends, rolls back, confirms, promotes, simulates, detects the end, and sends again."""
    if not _ticks(call):
        return
    before, after = call.before, call.after
    if len(call.of("begin_tick")) != 1:
        yield f"begin_tick happens {len(call.of('begin_tick'))} times"
    simulated = [each for each in call.attempts if each.name == simulate_frame.name]
    yield from _nothing_left_before_the_frame(call, simulated[0].before if simulated else after)
    if not call.of(simulate_frame.name):
        yield from _left(call, after, simulate_frame, call.now, True)
    if not call.of(schedule_input.name):
        yield from _left(call, before, schedule_input, call.args[0])
    yield from _left(call, after, suspect_end, call.now)
    yield from _first_sent(call)
    yield from _sent_again(call)


def _first_sent(call: DriverCall) -> Problems:
    me, partners = call.before.config, call.before.config.partners
    for each in call.of(schedule_input.name):
        frame = each.before.frame + me.input_delay
        if each.after.inputs.known.get(me.player, frame) != call.args[0]:
            yield f"the input of frame {frame} is not the one that was sampled"
        sent = [step.args.player for step in call.of("send_inputs")]
        if sorted(sent) != sorted(partners):
            yield f"a new input is sent to {sent}, and not once to each of {list(partners)}"


@contract("EP-5", "EP-1", "EP-2", "EP-3", "EP-6", "EP-7", "EP-8", "EP-9", "IN-9")
def poll_leaves_nothing_undone(call: DriverCall) -> Problems:
    """A poll drains, rolls back, confirms, promotes, and goes as far towards the end of the episode as it can."""
    if call.driver == "poll" and call.before.ending.phase == Phase.RUNNING:
        yield from _sent_again(call)
    if not _polls(call):
        return
    after = call.after
    yield from _nothing_left_before_the_frame(call, after)
    yield from _left(call, after, withdraw_end)
    for end in {after.simulation.steps, after.ending.termination} - {None}:
        yield from _left(call, after, decide_end, end)
    yield from _left(call, after, succeed_wait)
    for transition in (begin_wait, give_up_on_partners, expire_wait):
        yield from _left(call, after, transition, call.now)
    yield from _left(call, after, force_promote_frame)
    yield from _left(call, after, complete_episode)
    yield from _sent_again(call)


@contract("EP-6", "EP-7")
def success_comes_before_the_deadline(call: DriverCall) -> Problems:
    """A wait that can succeed does not expire."""
    for each in call.of(expire_wait.name):
        if call.protocol[succeed_wait].refusal(each.before, None) is None:
            yield "the wait expires although every frame is confirmed"


# --- what a driver tells ----------------------------------------------------------------------------------------------


@contract("BUF-3", "IN-8", "EP-8", "EV-1")
def drivers_tell_what_they_did(call: DriverCall) -> Problems:
    """How many records were promoted or forced, what refused a promotion, and a stall are told, each once."""
    expected: list[Event] = []
    promoted = call.of(promote_frame.name)
    if promoted and call.driver in ("tick", "poll"):
        expected.append(Promoted(len(promoted), promoted[-1].before.buffers.promoted))
    forced = call.of(force_promote_frame.name)
    if forced:
        expected.append(ForcedPromotion(len(forced)))
    for each, guard in call.refused(promote_frame.name)[:1]:
        if guard.name in (no_rollback_pending.name, no_rollback_in_progress.name):
            expected.append(PromotionRefused(each.before.buffers.promoted, guard.name))
    for each, guard in call.refused(simulate_frame.name)[:1]:
        if guard.name == within_prediction_window.name:
            expected.append(Stalled(each.before.frame, each.before.confirmed))
    told = [event for event in call.events if isinstance(event, OF_DRIVERS)]
    if sorted(map(repr, told)) != sorted(map(repr, expected)):
        yield f"told is {told or 'nothing'}, and happened has {expected or 'nothing'}"


@contract("ME-4")
def hashes_are_exchanged(call: DriverCall) -> Problems:
    """After every `hash_interval` promoted frames each partner is sent the hash; what can be compared is compared."""
    interval, partners = call.before.config.hash_interval, call.before.config.partners
    due = [
        (partner, each.before.buffers.promoted)
        for each in call.of(promote_frame.name)
        if (each.before.buffers.promoted + 1) % interval == 0
        for partner in partners
    ]
    sent = [(step.args.player, step.args.frame) for step in call.of("send_hash")]
    if sorted(sent) != sorted(due):
        yield f"hashes are sent of {sent}, and due are {due}"
    promoted = [each.before.buffers.promoted for each in call.of(promote_frame.name)]
    heard = [(each.args.player, each.args.frame) for each in call.of("receive_hash")]
    for partner, frame in (*((partner, frame) for frame in promoted for partner in partners), *heard):
        yield from _left(call, call.after, compare_hash, partner, frame)
