"""The proof of code that is wrong, endless or nonsense; and what shows that a proof says something."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve as changed

from rollproof.model import bounded
from rollproof.model.search.instances import INSTANCES
from rollproof.model.theorems.properties import NEVER_CRASHES, PROPERTIES
from rollproof.model.theorems.property import lemma
from rollproof.model.variants.edits import acting, guarded
from rollproof.model.variants.mistakes import never
from rollproof.proofs.counterexamples import Counterexample, dumps, load, replay
from rollproof.proofs.implied import is_implied
from rollproof.proofs.induction import prove
from rollproof.proofs.necessity import THEOREMS, check_guard, sufficient_sets
from rollproof.proofs.paths import PathShown
from rollproof.proofs.trust import Trust
from rollproof.proofs.vacuity import look, look_for
from rollproof.proofs.verdict import judge, judge_suspect
from rollproof.reference.buffers import confirm_frame
from rollproof.reference.episode import reset_episode
from rollproof.reference.events import EpisodeReset
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import begin_episode
from rollproof.reference.transition import Protocol, guard
from rollproof.reference.values import evolve


def confirming(effect: Callable[..., Any]) -> Protocol:
    """Return the protocol in which this is what confirming does."""
    return acting(confirm_frame, effect)(PROTOCOL)


def raises(peer: Any) -> Any:
    return peer, peer.confirmed // 0


def loops(peer: Any) -> Any:
    frame = peer.frame
    while frame > peer.confirmed:
        frame = frame - 1
    return evolve(peer, confirmed=frame), ()


def returns_nothing(peer: Any) -> Any:
    return None


def returns_no_events(peer: Any) -> Any:
    return peer, None


def returns_no_peer(peer: Any) -> Any:
    return "peer", ()


def stores_text(peer: Any) -> Any:
    return evolve(peer, confirmed="0"), ()


def stores_nothing(peer: Any) -> Any:
    return evolve(peer, confirmed=None), ()


def sets_an_unknown_field(peer: Any) -> Any:
    return evolve(peer, confirmd=peer.confirmed + 1), ()


WRONG = {
    raises: "RefusedError: a division",
    loops: "UnexplorableError: more than 200 decisions on one path",
    returns_nothing: "the effect returned NoneType",
    returns_no_events: "the effect returned tuple",
    returns_no_peer: "the effect returned str in place of a peer",
    stores_text: "RefusedError: `<=` of an SInt and a str",
    stores_nothing: "RefusedError: `<=` of an SInt and a NoneType",
    sets_an_unknown_field: "confirmd",
}


@pytest.mark.parametrize("effect", WRONG, ids=[each.__name__ for each in WRONG])
def test_code_that_is_nonsense_leaves_an_obligation_that_says_so(effect: Callable[..., Any]) -> None:
    report = prove(confirming(effect), ["confirm_frame"], jobs=1)
    crashes = [each for each in report.unproved if each.property == NEVER_CRASHES]
    assert crashes
    assert {each.transition for each in crashes} == {"confirm_frame"}
    assert WRONG[effect] in crashes[0].reason


def test_the_line_that_raises_or_loops_is_named() -> None:
    for effect in (raises, loops):
        report = prove(confirming(effect), ["confirm_frame"], jobs=1)
        first = effect.__code__.co_firstlineno
        lines = {f"tests/proofs/test_proofs.py:{first + offset}" for offset in (1, 2, 3)}
        assert any(line in each.reason for each in report.unproved for line in lines), report.unproved


@pytest.mark.parametrize("effect", WRONG, ids=[each.__name__ for each in WRONG])
def test_no_verdict_on_nonsense_is_proved(effect: Callable[..., Any]) -> None:
    judgement = judge(confirming(effect), ["confirm_frame"], jobs=1)
    assert judgement.status in ("refuted", "undecided")


def test_code_that_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    def never_ends(peer: Any) -> Any:
        while True:
            pass

    stopped: list[int] = []
    raise_in = bounded._raise_in

    def noting(thread: int, error: type[Exception] | None) -> None:
        stopped.extend([thread] * (error is not None))
        raise_in(thread, error)

    monkeypatch.setattr(bounded, "LIMIT_S", 0.2)
    monkeypatch.setattr(bounded, "_raise_in", noting)
    judgement = judge(confirming(never_ends), jobs=1)
    assert len(stopped) <= 2  # when it is found, and when it is shown: each takes seconds
    assert judgement.status == "refuted"
    assert judgement.trace is not None
    violation = judgement.trace.violation
    assert violation is not None
    assert (violation.property, violation.clause) == (NEVER_CRASHES, "confirm_frame")
    assert "EndlessError" in str(violation.detail)
    report = prove(confirming(never_ends), ["confirm_frame"], jobs=1)
    assert any("EndlessError" in each.reason for each in report.unproved)


def test_a_guard_that_raises_is_an_obligation() -> None:
    @guard()
    def impossible(peer: Any) -> bool:
        """It cannot be evaluated."""
        return bool(peer.nothing)

    edited = PROTOCOL.replace("edited", changed(confirm_frame, guards=(impossible,)))
    report = prove(edited, ["confirm_frame"], jobs=1)
    assert any("guard impossible" in each.clause and "nothing" in each.reason for each in report.unproved)


# --- undecided ---


def late_mistake(peer: Any) -> Any:
    """The episode after the sixth is skipped."""
    epoch = peer.epoch + (2 if peer.epoch > 5 else 1)
    return begin_episode(peer, epoch), (EpisodeReset(epoch),)


def test_what_is_neither_proved_nor_refuted_is_undecided() -> None:
    judgement = judge(acting(reset_episode, late_mistake)(PROTOCOL), ["reset_episode"], jobs=1)
    assert judgement.status == "undecided"
    assert judgement.trace is None
    assert "episodes (846 states)" in judgement.searched
    assert any(each.open for each in judgement.judged)


# --- vacuity ---


@lemma()
def says_nothing(q: Any, peer: Any) -> Any:
    """Nothing is confirmed before the start."""
    return {
        "never": q.implies(peer.confirmed < -1, lambda: peer.frame < 0),
        "often": q.implies(peer.confirmed >= 0, lambda: peer.frame > 0),
    }


def test_a_clause_whose_premise_never_holds_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROPERTIES, says_nothing.name, says_nothing)
    expected = {(says_nothing.name, clause) for clause in ("never", "often")}
    seen = look(PROTOCOL, INSTANCES["core"], expected)
    assert seen.tested == {(says_nothing.name, "often")}
    untested = tuple(expected - seen.tested)
    shown = (PathShown("begin_tick", "", "taken"),)
    assert not Trust((), (), (), untested, seen.states, paths=shown).complete
    assert Trust((), (), (), (), seen.states, paths=shown).complete


def test_a_transition_that_is_never_taken_makes_the_trust_incomplete() -> None:
    assert "reset_episode" in look_for(PROTOCOL, "reset_episode").taken
    seen = look_for(guarded(reset_episode, never)(PROTOCOL), "reset_episode")
    assert not seen.taken
    shown = (PathShown("begin_tick", "", "taken"),)
    assert not Trust((), (), ("reset_episode",), (), seen.states, paths=shown).complete


# --- necessity ---


@guard("BUF-2")
def next_frame_is_complete_again(peer: Any) -> bool:
    """Every player's input of the frame after the confirmed one is known."""
    return bool(peer.inputs.known.complete(peer.confirmed + 1))


DOUBLED = PROTOCOL.replace(
    "doubled", changed(confirm_frame, guards=(*confirm_frame.guards, next_frame_is_complete_again))
)
TWICE = ("next_frame_is_complete", "next_frame_is_complete_again")


@pytest.mark.parametrize("name", TWICE)
def test_a_guard_that_is_there_twice_is_redundant(name: str) -> None:
    assert check_guard(DOUBLED, "confirm_frame", name).verdict == "redundant"


def test_of_two_equal_guards_each_is_implied_and_one_that_is_needed_is_not() -> None:
    assert all(is_implied(DOUBLED, "confirm_frame", name) for name in TWICE)
    assert not is_implied(PROTOCOL, "confirm_frame", "next_frame_is_complete")
    with pytest.raises(KeyError):
        is_implied(PROTOCOL, "confirm_frame", "completing")


def test_a_guard_on_which_another_one_relies_is_not_implied() -> None:
    """Without it that one would raise, and not refuse."""
    assert not is_implied(PROTOCOL, "replay_frame", "rollback_in_progress")


def test_the_minimal_sets_have_one_of_two_equal_guards() -> None:
    rest = ("no_rollback_in_progress", "next_frame_is_simulated")
    found = sufficient_sets(DOUBLED, "confirm_frame", ["episode_is_open", *TWICE])
    assert {frozenset(each) for each in found} == {frozenset((*rest, each)) for each in TWICE}


def test_a_guard_that_is_needed_has_a_run_and_a_guard_that_is_not_there_is_refused() -> None:
    verdict = check_guard(
        PROTOCOL, "confirm_frame", "next_frame_is_complete", load()["confirm_frame.next_frame_is_complete"]
    )
    assert verdict.verdict == "needed"
    assert verdict.trace is not None
    assert verdict.trace.violation is not None
    with pytest.raises(KeyError):
        check_guard(PROTOCOL, "confirm_frame", "completing")


# --- counterexamples are hints ---

WITHOUT = PROTOCOL.without("promote_frame", "no_rollback_pending")
KNOWN = load()["promote_frame.no_rollback_pending"]


def test_every_counterexample_is_a_run_of_its_own_protocol() -> None:
    assert replay(WITHOUT, KNOWN, THEOREMS) is not None
    assert replay(PROTOCOL, KNOWN, THEOREMS) is None


STALE = {
    "of another instance": changed(KNOWN, instance="delay"),
    "of no instance": changed(KNOWN, instance="nowhere"),
    "an unknown transition": changed(KNOWN, steps=(("fly", ()),)),
    "too many arguments": changed(KNOWN, steps=(("confirm_frame", (1, 2)),)),
    "absurd arguments": changed(KNOWN, steps=(("receive_input", ("b", 0, "p2p", "x", [])),)),
    "a lie": changed(KNOWN, steps=(("receive_input", ("b", 0, "p2p", -7, 9)),)),
    "cut": changed(KNOWN, steps=KNOWN.steps[:-1]),
    "empty": changed(KNOWN, steps=()),
}


@pytest.mark.parametrize("name", STALE)
def test_a_stale_counterexample_proves_nothing_and_leads_to_a_search(name: str) -> None:
    assert replay(PROTOCOL, STALE[name], THEOREMS) is None
    judgement = judge_suspect(WITHOUT, STALE[name], jobs=1)
    assert judgement.status == "refuted"
    assert judgement.trace is not None
    assert len(judgement.trace.steps) == 6


@pytest.mark.parametrize(
    "text", ["", "[]", "7", '{"a": 1}', '{"a": {"instance": 1}}', '{"a": {"steps": [[]]}}', "[" * 100_000, "\x00"]
)
def test_a_file_that_holds_no_counterexamples_is_none(text: str, tmp_path: Path) -> None:
    file = tmp_path / "counterexamples.json"
    file.write_text(text, encoding="utf-8")
    assert load(file) == {}
    assert load(tmp_path / "missing.json") == {}


def test_counterexamples_survive_being_written(tmp_path: Path) -> None:
    file = tmp_path / "counterexamples.json"
    file.write_text(dumps(load()), encoding="utf-8")
    assert load(file) == load()
    assert all(isinstance(each, Counterexample) for each in load().values())
    assert set(json.loads(file.read_text(encoding="utf-8"))) == set(load())


def test_code_that_swallows_its_end_is_stopped_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    swallowed = []

    def loops() -> None:
        while True:
            pass

    def swallows() -> None:
        while len(swallowed) < 3:
            try:
                loops()
            except bounded.EndlessError:
                swallowed.append(True)

    monkeypatch.setattr(bounded, "LIMIT_S", 0.05)
    bounded.bounded(swallows)
    assert len(swallowed) == 3
