"""That the proof of a path says something: each path is taken by a real step, or it is proved that none takes it."""

from __future__ import annotations

import pytest
from attrs import evolve

from rollproof.proofs import obligations
from rollproof.proofs.induction import cases, prove_transition
from rollproof.proofs.obligations import before
from rollproof.proofs.paths import examined, found
from rollproof.proofs.witnesses import dumps, load, played
from rollproof.reference.protocol import PROTOCOL
from tests.edited import edited

TICKED = "    return evolve(peer, ticks=peer.ticks + 1), ()"
SOME = ("schedule_input", "begin_tick", "confirm_frame", "receive_end", "withdraw_end")


@pytest.mark.parametrize("name", SOME)
def test_each_path_is_taken_or_provably_never(name: str) -> None:
    shown = examined(PROTOCOL, name)
    assert shown.paths
    assert {each.verdict for each in shown.paths} <= {"taken", "by lies", "seen by lies", "never"}


def test_where_nobody_lies_a_desync_is_provably_never_found() -> None:
    verdicts = [each.verdict for each in examined(PROTOCOL, "compare_hash").paths]
    assert verdicts.count("by lies") == 3
    assert set(verdicts) == {"taken", "by lies", "never"}


@pytest.mark.parametrize("name", SOME)
def test_as_many_obligations_are_made_as_there_must_be(name: str) -> None:
    assert examined(PROTOCOL, name).obligations == len(prove_transition(PROTOCOL, name))


def test_a_clause_that_is_not_stated_any_more_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    due = examined(PROTOCOL, "begin_tick").obligations
    state, every = before(PROTOCOL), obligations._goals
    lost = ("frames_are_told", next(clause for name, clause in state.stated if name == "frames_are_told"))
    monkeypatch.setattr(
        obligations, "_goals", lambda *given: {k: goal for k, goal in every(*given).items() if k != lost}
    )
    made = sum(len(case.goals) for case in cases(PROTOCOL, state, "begin_tick"))
    assert made == due - 1


def test_a_path_that_no_step_takes_and_no_lemma_excludes_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rollproof.proofs.paths.LIMIT", 20)
    rare = edited("rare", ("rollback", TICKED, f"    if peer.ticks == 1000:\n        return peer, ()\n{TICKED}"))
    verdicts = [each.verdict for each in examined(rare, "begin_tick").paths]
    assert sorted(verdicts) == ["not shown", "taken"]


def test_a_path_that_the_lemmas_exclude_is_never_taken() -> None:
    dead = edited("dead", ("rollback", TICKED, f"    if peer.confirmed < -1:\n        return peer, ()\n{TICKED}"))
    verdicts = [each.verdict for each in examined(dead, "begin_tick").paths]
    assert sorted(verdicts) == ["never", "taken"]


def test_a_kept_run_that_is_not_one_any_more_shows_nothing() -> None:
    kept = next(each for each in load() if each.transition == "withdraw_end")
    assert list(played(PROTOCOL, kept))
    shorter = evolve(kept, way=evolve(kept.way, steps=kept.way.steps[-1:]))
    assert list(played(PROTOCOL, shorter)) == []
    assert list(played(PROTOCOL, evolve(kept, run=99))) == []
    assert list(played(PROTOCOL, evolve(kept, way=evolve(kept.way, instance="none")))) == []


def test_kept_runs_are_written_as_they_are_read() -> None:
    kept = load()
    assert {each.transition for each in kept} == set(PROTOCOL.transitions)
    assert dumps(kept).count("\n") == len(kept) + 2


def test_kept_runs_are_kept_while_they_take_a_path() -> None:
    again = list(found(PROTOCOL, "decide_end", limit=1))
    assert again
    assert all(each in load() for each in again)
    verdicts = [each.verdict for each in examined(PROTOCOL, "decide_end", again).paths]
    assert verdicts == [each.verdict for each in examined(PROTOCOL, "decide_end").paths]
