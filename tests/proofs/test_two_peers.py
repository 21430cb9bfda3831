"""Attempts to have something false proved of two peers: each edit leaves open what it breaks, whatever it keeps."""

from __future__ import annotations

import pytest

from rollproof.proofs import composition
from tests import long_but
from tests.edited import edited, left_open
from tests.proofs.test_attacks import attack

KNOWN = "what_is_acknowledged_is_known"
SCHEDULED = "nobody_knows_what_was_not_scheduled"
NEARER = "a_round_brings_two_peers_nearer"
STORED = "inputs.known.set(item.player, item.frame, item.action)))\n    if"
TAKEN = "acknowledged=max(delivery.acknowledged, arrival.acknowledged),"
ACKNOWLEDGED = (
    "        acknowledged=peer.inputs.known.contiguous(to.player),\n"
    "        end_known=peer.ending.announced.get(to.player) is not None or not peer.ending.phase < Phase.COMPLETING,"
)
SENT = "        acknowledged=peer.inputs.known.contiguous(to.player),\n        time_ms=to.now,"
QUEUED = "evolve(peer.inputs, p2p=peer.inputs.p2p.push(item))"
RESET = "    return begin_episode(peer, epoch), (EpisodeReset(epoch),)"

ATTACKS = (
    attack("more is acknowledged than has arrived", "send_ack", KNOWN,
           ("transport", ACKNOWLEDGED, ACKNOWLEDGED.replace("(to.player),", "(to.player) + 1,"))),
    attack("an end is acknowledged that was not heard", "send_ack", KNOWN,
           ("transport", ACKNOWLEDGED, ACKNOWLEDGED.replace("is not None", "is None"))),
    attack("inputs acknowledge more than has arrived", "send_inputs", KNOWN,
           ("transport", SENT, SENT.replace("(to.player),", "(to.player) + 1,"))),
    attack("more is taken for acknowledged than was said", "receive_ack", KNOWN,
           ("transport", TAKEN, "acknowledged=max(delivery.acknowledged, arrival.acknowledged + 1),")),
    attack("acknowledgements of the last episode still count", "reset_episode", KNOWN,
           ("episode", RESET, RESET.replace("begin_episode(peer, epoch)",
                                            "evolve(begin_episode(peer, epoch), deliveries=peer.deliveries)"))),
    attack("an input is stored for a later frame", "drain_input", SCHEDULED,
           ("inputs", STORED, STORED.replace("item.frame,", "item.frame + 1,"))),
    attack("an input is queued for a later frame", "receive_input", SCHEDULED,
           ("inputs", QUEUED, QUEUED.replace("(item)", "(evolve(item, frame=item.frame + 1))"))),
    attack("an acknowledgement is taken back", "receive_ack", NEARER,
           ("transport", TAKEN, "acknowledged=arrival.acknowledged,")),
    attack("an acknowledgement is not taken", "receive_ack", NEARER,
           ("transport", TAKEN, "acknowledged=delivery.acknowledged,")),
    attack("an input that arrives is not queued", "receive_input", NEARER,
           ("inputs", QUEUED, "peer.inputs")),
    attack("a tick forgets what waits in a queue", "begin_tick", NEARER,
           ("rollback", "    return evolve(peer, ticks=peer.ticks + 1), ()",
            "    inputs = evolve(peer.inputs, relay=peer.inputs.relay.cleared())\n"
            "    return evolve(peer, ticks=peer.ticks + 1, inputs=inputs), ()")),
    attack("a partner's end is forgotten", "change_link", NEARER,
           ("transport", "    return evolve(peer, links=peer.links.set(change.player, link)), ()",
            "    ending = evolve(peer.ending, announced=peer.ending.announced.cleared())\n"
            "    return evolve(peer, links=peer.links.set(change.player, link), ending=ending), ()")),
)  # fmt: skip


SLOW = {
    "inputs acknowledge more than has arrived",
    "more is acknowledged than has arrived",
    "an input is stored for a later frame",
}
"""The attacks for which the solver takes ten seconds and more."""
BY_NAME = {each.name: each for each in ATTACKS}


@pytest.mark.parametrize("name", long_but(set(BY_NAME) - SLOW, BY_NAME))
def test_what_an_edit_breaks_between_two_peers_is_not_proved(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    each = BY_NAME[name]
    protocol = edited(each.name, *each.edits)
    found = [(it.path, it.clause) for it in left_open(protocol, each.transition, each.said)]
    assert found, f"{each.said} is proved"
    monkeypatch.setattr(composition, "has", lambda whole, part: False)
    assert [(it.path, it.clause) for it in left_open(protocol, each.transition, each.said)] == found
