"""Mends: what is proposed is proved, and what is not proved is not proposed."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from rollproof.model.traces.trace import Trace
from rollproof.proofs.counterexamples import load, replay
from rollproof.proofs.induction import Discharge, Found
from rollproof.proofs.necessity import HARM, THEOREMS
from rollproof.proofs.repair import Repair, repair, suspects
from rollproof.proofs.words import words
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.transition import Protocol


class Others:
    """Takes the transitions that a mend does not touch for proved, as other tests show them to be."""

    def __init__(self, transition: str) -> None:
        self.anew = {transition, "(consequences)"}

    def find(self, name: str) -> Found | None:
        return None if name in self.anew else Found((), frozenset(), frozenset())

    def keep(self, name: str, proved: list[Discharge], asked: Collection[str]) -> None:
        assert name in self.anew


def broken(removed: str) -> tuple[Protocol, Trace]:
    protocol = PROTOCOL.without(*removed.split("."))
    kept = load()[removed]
    trace = replay(protocol, kept, HARM) or replay(protocol, kept, THEOREMS)
    assert trace is not None
    return protocol, trace


def mended(removed: str, most: int = 1) -> Repair:
    protocol, trace = broken(removed)
    transition = removed.split(".")[0]
    return repair(protocol, trace, lambda _: Others(transition), 1, most)


@pytest.mark.parametrize(
    ("removed", "guard"),
    [
        pytest.param(
            "confirm_frame.next_frame_is_simulated", "peer.confirmed + 1 < peer.frame", marks=pytest.mark.long
        ),
        pytest.param("promote_frame.no_rollback_pending", "no_rollback_pending", marks=pytest.mark.long),
        ("export_episode.completed", "peer.ending.phase == Phase.COMPLETED"),
    ],
)
def test_a_guard_that_was_taken_out_is_found_again_or_one_that_says_the_same(removed: str, guard: str) -> None:
    found = mended(removed)
    (mend,) = found.mends
    assert (mend.transition, mend.text) == (removed.split(".")[0], guard)
    assert 0 < mend.refused < mend.steps
    assert found.tried > found.stopping > 0
    added = mend.protocol.transitions[mend.transition].guards[-1]
    assert guard in (added.name, added.sentence)


def test_no_mend_is_told_where_no_word_mends() -> None:
    """Whether an input conflicts is said by one guard alone, and by no comparison of counters."""
    found = mended("ignore_conflict.input_conflicts")
    assert found.mends == ()
    assert found.tried > 100
    assert found.blamed


def test_what_was_changed_is_blamed_first() -> None:
    protocol, trace = broken("confirm_frame.no_rollback_in_progress")
    assert suspects(protocol, trace)[0] == "confirm_frame"
    assert set(suspects(protocol, trace)) >= {step.transition for step in trace.steps}


def test_words_are_lines_of_python_that_the_prover_can_read() -> None:
    transition = PROTOCOL.transitions["decide_end"]
    found = list(words(PROTOCOL, transition))
    assert len({word.text for word in found}) > 300
    assert {"waiting", "not waiting(peer)", "peer.rollback.pending is None", "args.end >= 1"} <= {w.text for w in found}
    assert not any(word.text == guard.name for word in found for guard in transition.guards)
