"""`rollproof explain`: every name there is, of every kind."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from rollproof.cli import run
from rollproof.conformance.cases.case import published_cases
from rollproof.conformance.judge.clauses import ANSWERS, MODEL
from rollproof.conformance.judge.properties import PROPERTIES as CLAUSES
from rollproof.conformance.mutants.catalogue import mutants
from rollproof.conformance.mutants.selftest import RESULTS
from rollproof.model.rules import rules
from rollproof.model.sessions.scenarios import SCENARIOS
from rollproof.names import KINDS, entries, every_entry
from rollproof.proofs.explain import kinds as explainable
from rollproof.reference.config import Config


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["explain", *arguments]) == 0
    return capsys.readouterr().out


def test_everything_is_listed_by_kind(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = told(capsys, "--json", str(tmp_path / "all.json"))
    kinds = json.loads((tmp_path / "all.json").read_text())["kinds"]
    assert list(kinds) == list(KINDS)
    assert all(kinds.values())
    assert all(sentence for names in kinds.values() for sentence in names.values())
    for kind in ("theorem", "rule", "setting", "scenario", "variant", "clause", "word"):
        assert all(name in out for name in kinds[kind]), kind
    assert set(kinds["mutant"]) == set(mutants())
    assert set(kinds["rule"]) == set(rules())


def test_every_setting_clause_mutant_scenario_and_case_is_known() -> None:
    names = {(each.kind, each.name) for each in every_entry()}
    assert {("setting", each.name) for each in Config.__attrs_attrs__} <= names
    assert {("clause", name) for name in (*CLAUSES, *MODEL, *ANSWERS)} <= names
    assert {("mutant", name) for name in mutants()} <= names
    assert {("scenario", name) for name in SCENARIOS} <= names
    assert {("case", case.id) for case in published_cases()} <= names
    assert all(each.sentence for each in every_entry())


def test_every_clause_of_a_published_verdict_is_explained() -> None:
    told = {
        clause
        for path in RESULTS.glob("*.json")
        for clause in re.findall(r'"clause": "([\w.]+)"', path.read_text(encoding="utf-8"))
    }
    assert len(told) > 5
    known = {each.name for each in every_entry()} | set(explainable())
    assert told <= known


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("IN-7", "What cannot be right is rejected."),
        ("stale_clear", "variant:stale_clear, a mutant"),
        ("prediction_window", "prediction window, a word"),
        ("rollback window", "MAX_PREDICTION_FRAMES"),
        ("bug:short_ring", "rollproof conform --mutant bug:short_ring"),
        ("agreement", "all peers have simulated every frame with the same inputs"),
        ("core/pulse", "rollproof conform --case core/pulse"),
        ("three_peers", "rollproof simulate three_peers"),
        ("desync", "ME-4"),
        ("speculative", "a rollback may still replace it"),
        ("settings", "input_delay"),
    ],
)
def test_a_name_of_any_kind_is_explained(name: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert says in told(capsys, *name.split())


def test_a_rule_is_shown_first_and_what_is_done_instead(capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(capsys, "RB-2").splitlines()
    assert lines[0] == "RB-2, a rule"
    assert lines[1].startswith("A pending rollback is never dropped.")
    assert "Variant `stale_clear`" in lines[2]


def test_a_name_with_several_meanings_is_explained_in_all_of_them(tmp_path: Path) -> None:
    assert run(["explain", "input_delay", "--json", str(tmp_path / "out.json")]) == 0
    document = json.loads((tmp_path / "out.json").read_text())
    assert (document["kind"], document["details"]["default"]) == ("setting", "0")
    assert [each["kind"] for each in document["besides"]] == ["word"]
    assert entries("ggpo_set_frame_delay")[0].name == "input delay"
