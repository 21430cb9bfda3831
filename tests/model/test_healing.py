"""Sessions whose links heal: the present protocol comes to its end in all of them, and a standstill is explained."""

from __future__ import annotations

import pytest

from rollproof.model.sessions.examined import Broken, examine
from rollproof.model.sessions.healing import HEALED, healing_setup
from rollproof.model.sessions.session import run
from rollproof.model.sessions.worlds import ArithmeticWorld
from rollproof.model.variants.variants import VARIANTS
from rollproof.proofs.played import standstill
from rollproof.proofs.verdict import judge_suspect
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.transition import Protocol
from tests.edited import edited

CERTAIN = '@guard("EP-1", "EP-2")\ndef end_is_certain('
PREDICTED = (
    (
        "episode",
        CERTAIN,
        '@guard("EP-1")\ndef last_frame_was_known(peer: Peer, decision: Decision) -> bool:\n'
        '    """The last frame below the end was never predicted."""\n'
        "    return not peer.buffers.canonical[decision.end - 1].record.was_speculative\n\n\n" + CERTAIN,
    ),
    (
        "episode",
        "        frames_below_end_are_canonical,\n        end_is_certain,\n",
        "        frames_below_end_are_canonical,\n        end_is_certain,\n        last_frame_was_known,\n",
    ),
)
DEAF = (("transport", "end_known=delivery.end_known or arrival.end_known", "end_known=delivery.end_known"),)
LOST = "    return evolve(peer, links=peer.links.set(loss.player, link)), (FallbackTriggered("
MUTE = (
    (
        "transport",
        LOST,
        "    delivery = evolve(peer.deliveries[loss.player], acknowledged=newest_own_input(peer))\n"
        "    peer = evolve(peer, deliveries=peer.deliveries.set(loss.player, delivery))\n" + LOST,
    ),
)


def found(protocol: Protocol) -> Broken:
    broken = standstill(protocol, jobs=1)
    assert broken is not None
    assert broken.name == "nobody_waits_for_ever"
    return broken


@pytest.mark.parametrize("seed", range(0, 96, 3))
def test_the_present_protocol_comes_to_its_end(seed: int) -> None:
    setup = healing_setup(seed)
    result = run(setup, PROTOCOL)
    assert result.standstill is None
    assert [problem for each in HEALED for problem in each.broken(result)] == []
    assert all(len(exports) == setup.settings.episodes for exports in result.exports.values())


def test_what_is_not_sent_again_is_waited_for_in_vain() -> None:
    broken = found(VARIANTS["redundancy_only"].protocol)
    assert "a waits for b's end; b has not decided it" in broken.problem
    assert "b waits for a's input of frame 0; a has it, and does not send it again" in broken.problem
    assert any("WaitBegun" in line for line in broken.story)


def test_an_end_that_is_never_decided_is_waited_for_in_vain() -> None:
    broken = found(edited("the last frame must be known", *PREDICTED))
    assert "a waits for b's end; b has not decided it" in broken.problem
    assert "decide_end is refused by last_frame_was_known (The last frame below the end was never" in broken.problem


def test_an_acknowledgement_that_is_ignored_is_waited_for_in_vain() -> None:
    broken = found(edited("deaf", *DEAF))
    assert (
        "a waits for b's acknowledgement of its end; b sends an ack again and again, and a takes no" in broken.problem
    )


def test_what_counts_as_acknowledged_is_waited_for_in_vain() -> None:
    broken = found(edited("mute", *MUTE))
    assert "takes it for acknowledged, and has nothing left to send" in broken.problem


def test_a_session_is_looked_at_until_nothing_changes_any_more() -> None:
    setup = next(healing_setup(seed) for seed in range(20) if run(healing_setup(seed), _redundant()).standstill)
    still = run(setup, _redundant()).standstill
    assert still is not None
    assert still.since_ms >= (setup.settings.heals_ms or 0)
    broken = examine(setup, HEALED, _redundant(), "")
    assert broken is not None
    last = max(int(line.split()[0]) for line in broken.story)
    assert last <= still.since_ms + 50, "nothing changes after that"


def _redundant() -> Protocol:
    return VARIANTS["redundancy_only"].protocol


def test_a_refutation_by_what_is_held_back_shows_what_comes_of_it() -> None:
    judgement = judge_suspect(_redundant(), None, jobs=1)
    assert judgement.status == "refuted"
    assert judgement.trace is not None
    assert judgement.broken is not None
    assert judgement.broken.name == "nobody_waits_for_ever"


def test_the_short_sessions_come_first() -> None:
    worlds = [healing_setup(seed).settings.world for seed in range(160)]
    lengths = [world.end_when for world in worlds if isinstance(world, ArithmeticWorld) and world.end_when is not None]
    assert len(lengths) == len(worlds)
    assert lengths == sorted(lengths)
    assert lengths[0] == 1
    assert {len(healing_setup(seed).settings.players) for seed in range(160)} == {2, 3}
