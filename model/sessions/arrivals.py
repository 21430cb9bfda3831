"""What a peer must do with what arrives: nothing of a partner's is lost, and nothing of anybody else's is believed."""

from __future__ import annotations

from rollproof.model.sessions.calls import DriverCall
from rollproof.model.sessions.contract import Problems, contract
from rollproof.reference.containers import Player
from rollproof.reference.events import HashMismatch, Sent
from rollproof.reference.inputs import input_is_unknown
from rollproof.reference.messages import AckMessage, EndMessage, HashMessage, InputMessage
from rollproof.reference.state import Phase
from rollproof.reference.values import normal, same


@contract("IN-1", "IN-3", "IN-7", "IN-9", "IN-11", "EP-2", "ME-4")
def everything_that_arrives_is_taken(call: DriverCall) -> Problems:
    """Every input of a partner is queued, known, a conflict or rejected; the rest of the message is taken as well."""
    if call.driver != "receive":
        return
    _, message = call.args
    before, sender = call.before, message.player
    if sender not in before.config.partners or (message.game, message.epoch) != (before.config.game, before.epoch):
        yield from _ignored(call)
        if isinstance(message, InputMessage):
            yield from _rejections_told(call, message, len(message.actions))
        return
    taken = {each.name: each for each in call.taken}
    match message:
        case InputMessage():
            yield from _inputs_taken(call, message)
            yield from _acknowledged(call, sender, message.acknowledged)
            yield from _answered(call, before.ending.phase != Phase.RUNNING)
        case AckMessage():
            if not message.end_known or before.ending.own is not None:
                yield from _acknowledged(call, sender, message.acknowledged)
            yield from _answered(call, False)
        case EndMessage():
            known = before.ending.announced.get(sender) is not None or not before.ending.phase < Phase.COMPLETING
            if "receive_end" in taken and "receive_hash" not in taken and "compare_hash" not in taken:
                yield "the hash of the announced end is not taken"
            yield from _answered(call, known or "receive_end" in taken)
            yield from _hash_taken(call, message.end - 1, message)
        case HashMessage():
            reach = before.frame + before.config.max_frames_ahead
            if "receive_hash" not in taken and 0 <= message.frame <= reach:
                yield f"the hash of frame {message.frame} is not taken"
            yield from _hash_taken(call, message.frame, message)
            yield from _answered(call, False)


def _ignored(call: DriverCall) -> Problems:
    """Say so if what is of another session or episode, or a stranger's, changes more than a counter (IN-11)."""
    allowed = ("reject_input",)
    for each in call.taken:
        if each.name not in allowed:
            yield f"{each.name} happens because of a message of another session or episode, or of a stranger"
    if any(isinstance(event, Sent) for event in call.events):
        yield "a message of another session or episode, or of a stranger, is answered"


def _inputs_taken(call: DriverCall, message: InputMessage) -> Problems:
    before, sender = call.before, message.player
    queued = [each.args.frame for each in call.of("receive_input")]
    conflicts = len(call.of("ignore_conflict"))
    reach, is_open = before.frame + before.config.max_frames_ahead, before.ending.phase < Phase.COMPLETING
    expected: list[int] = []
    refused = contradicted = 0
    for frame, action in enumerate(message.actions, message.first):
        known = before.inputs.known.get(sender, frame)
        allowed = before.config.actions.admits(action)
        if known is not None and same(known, normal(action)):
            continue
        if known is not None and allowed and is_open:
            contradicted += 1
        elif 0 <= frame <= reach and allowed and is_open:
            expected.append(frame)
        else:
            refused += 1
    if queued != expected:
        yield f"the inputs of frames {queued} are queued, and new are those of {expected}"
    if conflicts != contradicted:
        yield f"{conflicts} inputs are conflicts, and {contradicted} should be"
    yield from _rejections_told(call, message, refused)


def _rejections_told(call: DriverCall, message: InputMessage, expected: int) -> Problems:
    """Say so if an input that is refused is not rejected once, with its player, its frame and the reason (IN-7)."""
    refused = [
        (message.player, each.args.frame, guard.name)
        for each, guard in call.refused("receive_input")
        if guard.name != input_is_unknown.name and each.args.frame in frames_of(message)
    ]
    told = [(each.args.player, each.args.frame, each.args.reason) for each in call.of("reject_input")]
    if told != refused or len(told) != expected:
        yield f"told is of {len(told)} rejections: {told}; {expected} inputs must be refused, and are: {refused}"


def _hash_taken(call: DriverCall, frame: int, message: EndMessage | HashMessage) -> Problems:
    for each in call.of("receive_hash"):
        if (each.args.player, each.args.frame, each.args.digest) != (message.player, frame, message.digest):
            yield f"the hash of {message.player} of frame {frame} is taken for that of frame {each.args.frame}"


def frames_of(message: InputMessage) -> range:
    """Return the frames of which a message tells."""
    return range(message.first, message.first + len(message.actions))


def _acknowledged(call: DriverCall, sender: Player, said: int) -> Problems:
    own = call.before.inputs.known.contiguous(call.before.config.player)
    if call.after.deliveries[sender].acknowledged < said <= own:
        yield f"the acknowledgement of frame {said} is not taken"


def _answered(call: DriverCall, wanted: bool) -> Problems:
    answers = [event for event in call.events if isinstance(event, Sent) and isinstance(event.message, AckMessage)]
    if len(answers) != int(wanted):
        yield f"the message is answered {len(answers)} times, and not {'once' if wanted else 'never'}"


HASHES_CHANGE_IN = ("receive_hash", "compare_hash", "reset_episode")
"""The transitions that may change what is known of partners' hashes."""


@contract("ME-4")
def hashes_wait_until_compared(call: DriverCall) -> Problems:
    """A hash that was heard is kept until it is compared; of the frames that differ the lowest is remembered."""
    for each in call.taken:
        before, after = each.before.desync, each.after.desync
        if after is not before and after != before and each.name not in HASHES_CHANGE_IN:
            yield f"{each.name} changes what is known of partners' hashes"
        for event in each.events:
            if isinstance(event, HashMismatch):
                first = event.frame if before.first_mismatch is None else min(before.first_mismatch, event.frame)
                if after.first_mismatch != first:
                    yield f"the first frame that differs is {first}, and {after.first_mismatch} is remembered"
