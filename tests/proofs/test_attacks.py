"""Attempts to have something false proved: wrong edits of the reference, and Python that stand-ins could get wrong.

Each is an edit of the text of one transition's code, tried on the proof alone: no search is there to help it. It must
leave an obligation open, of the property that says what is wrong.
"""

from __future__ import annotations

import pytest
from attrs import frozen

from rollproof.model.theorems.properties import NEVER_CRASHES
from rollproof.proofs.induction import Discharge
from tests.edited import edited, left_open

UNREADABLE = "UnreadableError"
REFUSED = "RefusedError"


@frozen
class Attack:
    """An edit, with what must be said of it."""

    name: str
    transition: str
    """Whose proof must fail."""
    said: str
    """The property that is not proved; or the error by which the code is refused."""
    edits: tuple[tuple[str, str, str], ...]
    """Each a module, the old text, and the new one."""


def attack(name: str, transition: str, said: str, *edits: tuple[str, str, str]) -> Attack:
    return Attack(name, transition, said, edits)


def in_effect(module: str, line: str, new: str) -> tuple[str, str, str]:
    """Return the edit that puts a text in place of a line."""
    return module, line, new


CONFIRM = "    return evolve(peer, confirmed=frame), (FrameConfirmed(frame),)"
COMPARE = "    first = frame if desync.first_mismatch is None else"
PASSED = "    return peer.ending.deadline is not None and at.now >= peer.ending.deadline"
POSSIBLE = (
    "    return arrival.acknowledged <= newest_own_input(peer) and not (arrival.end_known and peer.ending.own is None)"
)
IN_SIGHT = "    return Phase.RUNNING < peer.ending.phase < Phase.COMPLETING"
DELIVERED = "evolve(peer, deliveries=peer.deliveries.set(to.player, delivery))"
ANNOUNCED = f"    return _send({DELIVERED}, to.player, message, to.accepts)"
ACK_SENT = '    return _send(peer, to.player, message, to.accepts)\n\n\n@guard("EP-2")\ndef own_end'
ACK_HEARD = "    peer = evolve(peer, deliveries=peer.deliveries.set(arrival.player, delivery))"
PROMOTED = "    return peer, (FramePromoted(frame, forced=False),)"
TICKED = "    return evolve(peer, ticks=peer.ticks + 1), ()"
RUNNING = "    return peer.ending.phase == Phase.RUNNING"
DECIDED = "    return evolve(peer, ending=ending), (EndDecided(end), *_far_apart(peer, end))"
EXPIRED = "(WaitTimedOut(peer.confirmed, given(peer.ending.termination) - 1),)"
SUCCEEDED = "(WaitSucceeded(peer.confirmed, given(peer.ending.termination) - 1),)"
LINKED = "    return evolve(peer, links=peer.links.set(change.player, link)), ()"
HASHED = "    return evolve(peer, desync=evolve(peer.desync, heard=heard)), ()"

ATTACKS = (
    # Python that a stand-in could get wrong
    attack(
        "is on a phase, and a wrong decision",
        "decide_end",
        UNREADABLE,
        ("guards", IN_SIGHT, "    return peer.ending.phase is Phase.SYNCING or peer.ending.phase is Phase.WAITING"),
        ("episode", "        own=end,\n", "        own=end if end < 5 else end - 1,\n"),
    ),
    attack("is not True", "begin_tick", UNREADABLE, ("guards", RUNNING, RUNNING + " is not True")),
    attack(
        "not of an integer",
        "compare_hash",
        "desync_is_not_blind",
        ("desync", COMPARE, "    first = frame if not desync.first_mismatch else"),
    ),
    attack(
        "or of an integer",
        "compare_hash",
        "desync_is_not_blind",
        ("desync", COMPARE, "    first = frame if (desync.first_mismatch or 0) == 0 else"),
    ),
    attack(
        "bool of an integer",
        "expire_wait",
        "possible_exactly_when_the_rules_say",
        ("guards", PASSED, "    return bool(peer.ending.deadline) and at.now >= (peer.ending.deadline or 0)"),
    ),
    attack(
        "a caught refusal",
        "begin_tick",
        UNREADABLE,
        (
            "rollback",
            TICKED,
            "    try:\n        more = int(peer.ticks)\n    except Exception:\n        more = 1\n"
            "    return evolve(peer, ticks=peer.ticks + more), ()",
        ),
    ),
    attack(
        "type of a number",
        "begin_tick",
        UNREADABLE,
        ("rollback", TICKED, "    return evolve(peer, ticks=peer.ticks + (2 if type(peer.ticks) == int else 1)), ()"),
    ),
    attack(
        "isinstance of a number",
        "begin_tick",
        UNREADABLE,
        (
            "rollback",
            TICKED,
            "    return evolve(peer, ticks=peer.ticks + (2 if isinstance(peer.ticks, int) else 1)), ()",
        ),
    ),
    attack(
        "getattr with a default",
        "begin_tick",
        UNREADABLE,
        ("rollback", TICKED, '    return evolve(peer, ticks=peer.ticks + getattr(peer.ticks, "real", 1)), ()'),
    ),
    attack(
        "a text of a number",
        "begin_tick",
        REFUSED,
        ("rollback", TICKED, '    return evolve(peer, ticks=peer.ticks + (1 if f"{peer.ticks}" != "7" else 2)), ()'),
    ),
    attack(
        "a number in a set",
        "begin_tick",
        REFUSED,
        ("rollback", TICKED, "    return evolve(peer, ticks=peer.ticks + (2 if peer.ticks in {7, 8} else 1)), ()"),
    ),
    attack(
        "a number in a tuple",
        "begin_tick",
        "held_back_inputs_wait",
        ("rollback", TICKED, "    return evolve(peer, ticks=peer.ticks + (2 if peer.ticks in (7, 8) else 1)), ()"),
    ),
    attack(
        "a remainder",
        "begin_tick",
        "held_back_inputs_wait",
        ("rollback", TICKED, "    return evolve(peer, ticks=peer.ticks + (2 if peer.ticks % 7 == 6 else 1)), ()"),
    ),
    attack(
        "a power",
        "begin_tick",
        REFUSED,
        ("rollback", TICKED, "    return evolve(peer, ticks=peer.ticks**1 + 1), ()"),
    ),
    attack(
        "a list that remembers",
        "begin_tick",
        UNREADABLE,
        ("rollback", TICKED, "    SEEN.append(1)\n    return evolve(peer, ticks=peer.ticks + len(SEEN)), ()"),
        ("rollback", '@guard("IN-5")\ndef local_input', 'SEEN: list[int] = []\n\n\n@guard("IN-5")\ndef local_input'),
    ),
    attack(
        "a default value that remembers",
        "begin_tick",
        UNREADABLE,
        (
            "rollback",
            TICKED,
            "    def more(seen=[0]):\n        seen[0] += 1\n        return seen[0]\n"
            "    return evolve(peer, ticks=peer.ticks + more()), ()",
        ),
    ),
    attack(
        "a field that is assigned",
        "begin_tick",
        UNREADABLE,
        ("rollback", TICKED, "    peer.ticks = peer.ticks + 2\n    return peer, ()"),
    ),
    attack(
        "match on a class",
        "begin_tick",
        UNREADABLE,
        (
            "rollback",
            TICKED,
            "    match peer.ticks:\n        case int():\n            return evolve(peer, ticks=peer.ticks + 2), ()\n"
            + TICKED,
        ),
    ),
    attack(
        "chance",
        "begin_tick",
        UNREADABLE,
        (
            "rollback",
            TICKED,
            "    import random\n    return evolve(peer, ticks=peer.ticks + random.choice((1, 2))), ()",
        ),
    ),
    attack(
        "equality of a part with a number",
        "begin_tick",
        REFUSED,
        ("rollback", TICKED, "    return evolve(peer, ticks=peer.ticks + (1 if peer.rollback != 3 else 2)), ()"),
    ),
    attack(
        "equality of two parts",
        "begin_tick",
        "held_back_inputs_wait",
        (
            "rollback",
            TICKED,
            "    return evolve(peer, ticks=peer.ticks + (1 if peer.rollback == Rollback() else 2)), ()",
        ),
        ("rollback", "running, no_rollback_in_progress)", "running,)"),
    ),
    attack(
        "all players in place of the partners",
        "begin_wait",
        "possible_exactly_when_the_rules_say",
        ("episode", "announced.covers(peer.config.partners)", "announced.covers(peer.config.players)"),
    ),
    attack(
        "constants of two paths of a guard",
        "receive_ack",
        "only_what_was_said_is_acknowledged",
        (
            "transport",
            POSSIBLE,
            "    if arrival.end_known:\n"
            "        known = peer.inputs.known.contiguous(arrival.player)\n"
            "        return arrival.acknowledged <= known and peer.ending.own is not None\n"
            "    return arrival.acknowledged <= newest_own_input(peer)",
        ),
    ),
    # what must be told (EV-1)
    attack(
        "nothing is announced", "announce_end", "messages_are_told", ("transport", ANNOUNCED, "    return peer, ()")
    ),
    attack(
        "no answer",
        "send_ack",
        "messages_are_told",
        ("transport", ACK_SENT, ACK_SENT.replace("_send(peer, to.player, message, to.accepts)", "peer, ()")),
    ),
    attack(
        "an answer twice",
        "send_ack",
        "messages_are_told",
        (
            "transport",
            ACK_SENT,
            ACK_SENT.replace(
                "return _send(peer, to.player, message, to.accepts)",
                "step = _send(peer, to.player, message, to.accepts)\n    return peer, (*step[1], *step[1])",
            ),
        ),
    ),
    attack(
        "a lie before the truth",
        "announce_end",
        "announcements_are_true",
        (
            "transport",
            ANNOUNCED,
            "    lie = evolve(message, end=message.end - 1)\n"
            "    told = _send(peer, to.player, lie, to.accepts)[1]\n"
            "    peer = evolve(peer, deliveries=peer.deliveries.set(to.player, delivery))\n"
            "    return peer, (*told, *_send(peer, to.player, message, to.accepts)[1])",
        ),
    ),
    attack(
        "no confirmation",
        "confirm_frame",
        "frames_are_told",
        ("buffers", CONFIRM, CONFIRM.replace("(FrameConfirmed(frame),)", "()")),
    ),
    attack(
        "a confirmation of another frame",
        "confirm_frame",
        "frames_are_told",
        ("buffers", CONFIRM, CONFIRM.replace("FrameConfirmed(frame)", "FrameConfirmed(frame + 1)")),
    ),
    attack(
        "a confirmation with each promotion",
        "promote_frame",
        "frames_are_told",
        ("buffers", PROMOTED, PROMOTED.replace("(FramePromoted", "(FrameConfirmed(frame), FramePromoted")),
    ),
    attack("no promotion", "promote_frame", "frames_are_told", ("buffers", PROMOTED, "    return peer, ()")),
    attack("a silent timeout", "expire_wait", "phases_are_told", ("episode", EXPIRED, "()")),
    attack("a silent success", "succeed_wait", "phases_are_told", ("episode", SUCCEEDED, "()")),
    attack(
        "a success for a timeout",
        "expire_wait",
        "phases_are_told",
        ("episode", EXPIRED, SUCCEEDED),
    ),
    attack(
        "an acknowledgement that is not told",
        "receive_ack",
        "messages_are_told",
        ("transport", "(AckReceived(arrival.player, arrival.acknowledged, arrival.end_known),)", "()"),
    ),
    attack(
        "an acknowledgement of the wrong end",
        "receive_ack",
        "messages_are_told",
        ("transport", "arrival.acknowledged, arrival.end_known),)", "arrival.acknowledged, not arrival.end_known),)"),
    ),
    attack(
        "no decision told",
        "decide_end",
        "phases_are_told",
        ("episode", DECIDED, DECIDED.replace("EndDecided(end), *_far_apart(peer, end)", "*_far_apart(peer, end),")),
    ),
    attack(
        "no misprediction told",
        "drain_input",
        "inputs_are_told",
        ("inputs", "(stored, Mispredicted(item.player, item.frame, peer.frame, predicted, item.action))", "(stored,)"),
    ),
    attack(
        "no input told",
        "drain_input",
        "inputs_are_told",
        (
            "inputs",
            "    if item.frame >= peer.frame:\n        return peer, (stored,)",
            "    if item.frame >= peer.frame:\n        return peer, ()",
        ),
    ),
    attack(
        "a text for an event",
        "begin_tick",
        "messages_are_told",
        ("rollback", TICKED, TICKED.replace("()", '("tick",)')),
    ),
    attack(
        "another prediction told",
        "simulate_frame",
        "frames_are_told",
        (
            "rollback",
            "FrameSimulated(frame, actions, predicted, replayed)",
            "FrameSimulated(frame, actions, not predicted, replayed)",
        ),
    ),
    # what must be kept
    attack(
        "an acknowledgement for all",
        "receive_ack",
        "partners_are_kept_apart",
        ("transport", ACK_HEARD, "    peer = evolve(peer, deliveries=peer.deliveries.filled(delivery))"),
    ),
    attack(
        "sent counts as acknowledged",
        "send_inputs",
        "partners_are_kept_apart",
        (
            "transport",
            '    return _transmit(peer, to, first, last)\n\n\n@guard("IN-9")\ndef inputs_are',
            "    delivery = evolve(peer.deliveries[to.player], acknowledged=last)\n"
            "    peer = evolve(peer, deliveries=peer.deliveries.set(to.player, delivery))\n"
            '    return _transmit(peer, to, first, last)\n\n\n@guard("IN-9")\ndef inputs_are',
        ),
    ),
    attack(
        "hashes forgotten at a promotion",
        "promote_frame",
        "partners_are_kept_apart",
        (
            "buffers",
            PROMOTED,
            "    peer = evolve(peer, desync=evolve(peer.desync, heard=peer.desync.heard.cleared()))\n" + PROMOTED,
        ),
    ),
    attack(
        "a hash that is not kept",
        "receive_hash",
        "partners_are_kept_apart",
        ("desync", HASHED, "    return peer, ()"),
    ),
    attack(
        "a link that forgets its fallback",
        "change_link",
        "relay_only_as_fallback",
        ("transport", LINKED, LINKED.replace("link))", "evolve(link, fallback_frame=None)))")),
    ),
    attack(
        "other settings",
        "begin_tick",
        NEVER_CRASHES,
        (
            "rollback",
            TICKED,
            "    config = evolve(peer.config, max_resent=0)\n"
            "    return evolve(peer, ticks=peer.ticks + 1, config=config), ()",
        ),
    ),
    attack(
        "a deadline that moves with each end",
        "receive_end",
        "ending_is_kept",
        (
            "episode",
            "        announced=peer.ending.announced.set(arrival.player, arrival.end),\n",
            "        announced=peer.ending.announced.set(arrival.player, arrival.end),\n"
            "        deadline=None if peer.ending.deadline is None else peer.ending.deadline + 1,\n",
        ),
    ),
    attack(
        "alone, and nothing to export",
        "give_up_on_partners",
        "phases_are_told",
        ("episode", "    end = peer.simulation.steps if peer.simulation.over else peer.frame\n", "    end = 0\n"),
    ),
    attack(
        "a log that forgets",
        "begin_rollback",
        "log_entries_tell_what_happened",
        (
            "rollback",
            "rollbacks=peer.metrics.rollbacks.push(entry)",
            "rollbacks=peer.metrics.rollbacks.push(entry).rest()",
        ),
    ),
    attack(
        "an empty queue is drained",
        "drain_input",
        NEVER_CRASHES,
        (
            "inputs",
            "    return queue_of(peer, drain.path).first() is not None",
            "    return queue_of(peer, drain.path) is not None",
        ),
    ),
    attack(
        "a partner's inputs sent as one's own",
        "send_inputs",
        "one_value_per_player_and_frame",
        (
            "transport",
            "peer.inputs.known.slice(peer.config.player, first, last)",
            "peer.inputs.known.slice(to.player, first, last)",
        ),
    ),
)


def first_open(each: Attack) -> Discharge | None:
    """Return the first obligation of the attacked property that is not proved; no other property is tried."""
    open_ = left_open(edited(each.name, *each.edits), each.transition, each.said, NEVER_CRASHES)
    return next((found for found in open_ if each.said in (found.property, found.reason.split(":")[0])), None)


@pytest.mark.parametrize("each", ATTACKS, ids=[each.name for each in ATTACKS])
def test_an_attack_is_not_proved(each: Attack) -> None:
    found = first_open(each)
    assert found is not None
    if each.said in (UNREADABLE, REFUSED):
        assert "reference/" in found.reason, "file and line are named"


def test_the_attacks_are_different() -> None:
    assert len({each.name for each in ATTACKS}) == len(ATTACKS) >= 50
