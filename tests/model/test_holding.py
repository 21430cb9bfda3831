"""Theorems read on the steps of whole sessions, and what a partner that contradicts makes of a peer."""

from __future__ import annotations

import pytest

from rollproof.model.sessions.campaign import small_setup
from rollproof.model.sessions.examined import examine
from rollproof.model.sessions.holding import can_be_held, holding
from rollproof.model.theorems.properties import PROPERTIES
from rollproof.model.variants.edits import guarded
from rollproof.proofs.induction import Discharge
from rollproof.proofs.played import play_held
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.rollback import begin_rollback
from rollproof.reference.state import Peer
from rollproof.reference.transition import guard
from tests.edited import edited

ALL = [each for each in PROPERTIES.values() if can_be_held(each)]
FAR = PROPERTIES["far_ends_are_reported"]


def doubt(name: str, transition: str) -> Discharge:
    """Return what says that a property is not proved of a transition."""
    return Discharge(transition, "", name, "", proved=False, reason="")


@pytest.mark.parametrize("seed", [3, 8])
def test_every_step_of_a_session_has_every_property(seed: int) -> None:
    broken = examine(small_setup(seed), (), PROTOCOL, "", tuple(map(holding, ALL)))
    assert broken is None, broken
    assert len(ALL) > 60


def test_a_far_end_that_is_not_told_is_found_by_a_partner_that_contradicts() -> None:
    silent = edited("silent", ("episode", "(EndDecided(end), *_far_apart(peer, end))", "(EndDecided(end),)"))
    broken = play_held(silent, [doubt(FAR.name, "decide_end"), doubt("canonical_is_lockstep", "decide_end")], jobs=1)
    assert broken is not None
    assert broken.name == FAR.name
    assert broken.problem.startswith("decide_end(end=")
    assert broken.again.endswith("--strict --theorem far_ends_are_reported")


def test_what_nobody_can_hold_is_not_played() -> None:
    assert play_held(PROTOCOL, [doubt("canonical_is_lockstep", "promote_frame")], jobs=1) is None
    assert not can_be_held(PROPERTIES["what_is_acknowledged_is_known"])


def early(peer: Peer) -> bool:
    """It is early."""
    return peer.frame < 300


def test_what_holds_a_step_back_only_late_is_found_in_a_long_session() -> None:
    """LI-3: no small session and no searched instance has so many frames."""
    late = guarded(begin_rollback, guard("RB-3")(early))(PROTOCOL)
    broken = play_held(late, [doubt("possible_exactly_when_the_rules_say", "begin_rollback")], jobs=1)
    assert broken is not None
    assert "begin_rollback" in broken.problem
    assert broken.again == "--campaign 1 --seed 0 --long --strict --theorem possible_exactly_when_the_rules_say"
