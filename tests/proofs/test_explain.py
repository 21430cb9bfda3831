"""Everything that has a name can be explained, in words and as formulas."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import z3

from rollproof.cli import run
from rollproof.model.theorems.logic import Logic
from rollproof.model.theorems.properties import NEVER_CRASHES, PROPERTIES
from rollproof.model.theorems.property import Clauses, lemma
from rollproof.model.variants.variants import VARIANTS
from rollproof.proofs import obligations
from rollproof.proofs.diff import changes
from rollproof.proofs.explain import explain, kinds
from rollproof.proofs.readable import readable
from rollproof.proofs.source import ROOT
from rollproof.proofs.unused import unused_lemmas
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer
from tests import long_but
from tests.reference.test_rules import RULES

CODE_ONLY = {"IN-13", "ME-3"}
"""Rules that no guard, transition, theorem or lemma is about."""


EVERY = [*PROPERTIES, NEVER_CRASHES]
SOME = {*EVERY[::8], NEVER_CRASHES}
"""To explain one takes half a second or more."""


@pytest.mark.parametrize("name", long_but(SOME, EVERY))
def test_every_theorem_and_lemma_can_be_explained(name: str) -> None:
    check(name)


@pytest.mark.parametrize("name", PROTOCOL.transitions)
def test_every_transition_and_its_guards_can_be_explained(name: str) -> None:
    check(name)
    for guard in PROTOCOL.transitions[name].guards:
        check(f"{name}.{guard.name}")
        check(guard.name)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_can_be_explained(name: str) -> None:
    check(name)
    assert explain(name).violates == VARIANTS[name].refuted_by


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_can_be_explained(name: str) -> None:
    check(name)


def check(name: str) -> None:
    found = explain(name, full=kinds()[name] == "rule", proof=False)
    assert found.name == name
    assert found.kind == kinds()[name]
    assert found.sentence
    if name not in CODE_ONLY:
        assert found.formulas
        assert all(label and text for label, text in found.formulas)
        assert all("z3" not in text and "<" not in text.replace(" < ", "") for _, text in found.formulas)
    assert found.sources
    for place in found.sources:
        file, _, line = place.rpartition(":")
        assert len((ROOT / file).read_text(encoding="utf-8").splitlines()) >= int(line)


def test_the_formula_of_a_guard_is_what_it_says() -> None:
    for transition in PROTOCOL.transitions.values():
        for guard in transition.guards:
            ((_, formula),) = explain(f"{transition.name}.{guard.name}", proof=False).formulas
            assert formula not in ("false", "true"), guard.name
    ((_, formula),) = explain("receive_input.same_epoch", proof=False).formulas
    assert formula == "arg.epoch = epoch"


def test_a_source_is_where_the_thing_is() -> None:
    for name in ("canonical_is_lockstep", "promote_frame", "no_rollback_pending", "known_inputs_are_true"):
        (place,) = explain(name, proof=False).sources
        file, _, line = place.rpartition(":")
        near = (ROOT / file).read_text(encoding="utf-8").splitlines()[int(line) - 1 : int(line) + 20]
        assert any(text.startswith(f"def {name}(") for text in near)


def test_what_a_theorem_rests_on() -> None:
    found = explain("canonical_is_lockstep")
    assert {"known_inputs_are_true", "records_follow_from_snapshots"} <= set(found.rests_on)
    assert "canonical_is_lockstep" not in found.rests_on
    assert set(found.rests_on) <= set(PROPERTIES)
    assert "promote_frame" in found.constrains
    assert "begin_tick" not in found.constrains
    assert found.obligations > 0
    assert found.unproved == 0
    assert {"variant counters_not_restored", "guard promote_frame.no_rollback_pending"} <= set(found.kills)


def test_what_goes_wrong_without_a_guard() -> None:
    found = explain("confirm_frame.next_frame_is_complete")
    assert "without confirm_frame.next_frame_is_complete: confirmed_prefix_has_no_holes" in found.violates
    assert found.constrains == ("confirm_frame",)
    assert len(explain("no_rollback_pending").constrains) > 5


def test_a_guard_that_the_others_imply_says_so() -> None:
    assert explain("no_rollback_pending").implied_in == ("force_promote_frame", "complete_episode")
    assert explain("no_rollback_pending", proof=False).implied_in == ()


def test_what_a_variant_changes() -> None:
    parts = {each.part for each in changes(PROTOCOL, VARIANTS["phase_61"].protocol)}
    assert {"promote_frame.no_rollback_pending", "order of a tick", "order of a poll"} <= parts
    assert changes(PROTOCOL, PROTOCOL) == []
    (change,) = changes(PROTOCOL, PROTOCOL.without("promote_frame", "no_rollback_pending"))
    assert change.right == "not there"


# --- lemmas that nothing needs ---


@lemma("RB-1")
def frames_are_somewhere(q: Logic, peer: Peer) -> Clauses:
    """The next frame is not far below zero."""
    return {"frame": peer.frame >= -5}


@pytest.fixture
def with_an_unused_lemma(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setitem(PROPERTIES, frames_are_somewhere.name, frames_are_somewhere)
    obligations._arbitrary.cache_clear()
    yield frames_are_somewhere.name
    obligations._arbitrary.cache_clear()


@pytest.mark.slow
@pytest.mark.long
def test_a_lemma_that_nothing_needs_is_reported(with_an_unused_lemma: str) -> None:
    assert unused_lemmas(PROTOCOL) == [with_an_unused_lemma]


# --- formulas ---

X, Y = z3.Int("peer.frame"), z3.Int("arg.frame")
HAS = z3.Function("peer.buffers.canonical.has", z3.IntSort(), z3.BoolSort())
THERE = z3.Bool("peer.rollback.pending?")


@pytest.mark.parametrize(
    ("term", "text"),
    [
        (z3.Implies(z3.And(X > 0, THERE), z3.Or(HAS(X), X == Y)),
         "frame > 0 ∧ rollback.pending ≠ none → frame ∈ buffers.canonical ∨ frame = arg.frame"),
        (z3.Not(z3.Or(THERE, z3.Not(HAS(X)))), "¬(rollback.pending ≠ none ∨ frame ∉ buffers.canonical)"),
        (z3.Not(THERE), "rollback.pending = none"),
        (z3.Not(X <= Y), "frame > arg.frame"),
        (z3.ForAll([Y], z3.Implies(HAS(Y), Y < X)), "∀arg.frame: arg.frame ∈ buffers.canonical → arg.frame < frame"),
        (z3.And(z3.Or(THERE, X > Y), THERE), "(rollback.pending ≠ none ∨ frame > arg.frame) ∧ rollback.pending ≠ none"),
        (z3.Int("peer.ending.phase") < 4, "ending.phase < completed"),
        (z3.If(THERE, X, Y) == X + 1, "(frame if rollback.pending ≠ none else arg.frame) = frame + 1"),
        (z3.And(), "true"),
        (X - (Y - 1) > -2, "frame - (arg.frame - 1) > -2"),
    ],
)  # fmt: skip
def test_a_formula_is_readable(term: z3.ExprRef, text: str) -> None:
    assert readable(term) == text


def test_a_long_formula_is_cut_and_says_so() -> None:
    long = z3.And(*(number < X for number in range(200)))
    assert len(readable(long)) <= 300
    assert readable(long).endswith(" …")
    assert readable(long, None).count("∧") == 199


# --- the command ---


def test_the_command_tells_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "explained.json"
    assert run(["explain", "promote_frame.no_rollback_pending", "--json", str(file)]) == 0
    told = capsys.readouterr().out
    assert "holds: rollback.pending = none" in told
    assert "never_promote_during_rollback" in told
    document = json.loads(file.read_text(encoding="utf-8"))
    assert document["kind"] == "guard"
    assert document["formulas"] == [{"label": "holds", "formula": "rollback.pending = none"}]


def test_the_whole_formula_only_if_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "give_up_on_partners"]) == 0
    short = capsys.readouterr().out
    assert re.search(r"and \d+ more: --full shows them", short)
    assert run(["explain", "give_up_on_partners", "--full"]) == 0
    assert len(capsys.readouterr().out) > len(short)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["promote_frames"], "did you mean promote_frame"),
        (["BUF-X4"], "did you mean BUF-4"),
        (["BUF-4", "--unused"], "--unused lists lemmas"),
        (["BUF-4", "--jobs", "0"], "--jobs must be at least 1"),
        (["x" * 5000], "there is no name"),
    ],
)
def test_wrong_usage_gets_one_line(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert line in said.err
    assert said.err.count("\n") == 1
    assert len(said.err) < 400
