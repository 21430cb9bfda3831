"""The rules and the glossary: read whole, and nothing is cited or referred to that does not exist."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rollproof.conformance.cases.case import published_cases
from rollproof.model import rules as rules_module
from rollproof.model.glossary import glossary, spoken, synonyms
from rollproof.model.rules import FILE, RULE, RuleError, check_citations, protocol_version, rules
from rollproof.model.sessions.scenarios import FAMILIES, SCENARIOS
from rollproof.model.variants.variants import VARIANTS
from rollproof.names import every_entry
from rollproof.proofs.explain import kinds
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.transition import guard, transition

ROOT = Path(__file__).parents[2]
TEXT = FILE.read_text(encoding="utf-8")


def test_every_heading_of_a_rule_is_read() -> None:
    assert len(rules()) == len(re.findall("^### ", TEXT, re.MULTILINE)) >= 54


@pytest.mark.parametrize("rule", rules().values(), ids=lambda each: each.id)
def test_a_rule_is_complete(rule: Any) -> None:
    assert rule.text.endswith(".")
    assert len(rule.text.split()) >= 8
    assert set(rule.variants) <= set(VARIANTS)
    assert rule.variants or not rule.wrong
    assert all(re.fullmatch(r"\+|\d\d( \([A-D]\))?", source) for source in rule.sources)


def test_the_rules_of_a_chapter_are_numbered_without_a_gap() -> None:
    for chapter in {rule.split("-")[0] for rule in rules()}:
        numbers = [int(rule.split("-")[1]) for rule in rules() if rule.split("-")[0] == chapter]
        assert numbers == list(range(1, len(numbers) + 1)), chapter


def test_every_variant_is_named_by_a_rule_that_it_breaks() -> None:
    for name, variant in VARIANTS.items():
        named_by = {rule.id for rule in rules().values() if name in rule.variants}
        assert not named_by or named_by & set(variant.rules), name


def test_the_scenarios_of_the_document_are_those_that_can_be_played() -> None:
    section = TEXT[TEXT.index("## 9. Named scenarios") : TEXT.index("## 10.")]
    rows = {name for line in section.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line)}
    assert rows == {scenario.family or scenario.name for scenario in SCENARIOS.values()}
    assert rows <= {*SCENARIOS, *FAMILIES}


def test_what_the_protocol_cites_exists() -> None:
    check_citations(PROTOCOL)


def test_a_guard_that_cites_no_rule_of_the_protocol_is_told() -> None:
    @guard("FOO-1")
    def whatever(peer: Any) -> bool:
        """Whatever."""
        return True

    @transition("IN-1", guards=[whatever])
    def begin_tick(peer: Any) -> Any:
        """Nothing."""

    with pytest.raises(RuleError, match=r"guard whatever cites 'FOO-1', which is no rule of reference/PROTOCOL\.md"):
        check_citations(PROTOCOL.replace("other", begin_tick))


def test_cases_documents_and_results_cite_rules_that_exist() -> None:
    cited = {rule for case in published_cases() for rule in case["rules"]}
    for file in [*ROOT.glob("*.md"), *ROOT.glob("*/*.md"), ROOT / "model" / "glossary.toml"]:
        cited |= set(RULE.findall(file.read_text(encoding="utf-8")))
    assert cited
    assert sorted(cited - set(rules())) == []


def test_the_version_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert protocol_version() >= 2
    protocol_version.cache_clear()
    monkeypatch.setattr(rules_module, "FILE", tmp_path / "PROTOCOL.md")
    (tmp_path / "PROTOCOL.md").write_text("# The protocol\n")
    with pytest.raises(RuleError, match="does not say which version"):
        protocol_version()
    monkeypatch.undo()
    protocol_version.cache_clear()


def test_a_word_has_one_entry() -> None:
    names = [spoken(word.name) for word in glossary()]
    assert len(names) == len(set(names)) >= 50
    for word in glossary():
        assert word.says.endswith((".", ")")), word.name
        assert spoken(word.name) not in map(spoken, word.also)


def test_what_a_word_refers_to_exists() -> None:
    known = {*kinds(), *(each.name for each in every_entry())}
    assert [(word.name, each) for word in glossary() for each in word.see if each not in known] == []


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("desync", "desync"),
        ("rollback window", "prediction window"),
        ("MAX_PREDICTION_FRAMES", "prediction window"),
        ("DesyncDetected", "desync"),
        ("savestate", "snapshot"),
        ("latestFinalizedFrame", "confirmed"),
        ("resimulation", "replay"),
        ("Speculative", "speculative"),
        ("delay frames", "input delay"),
        ("CTI", "counterexample to induction"),
    ],
)
def test_words_of_others_are_known(said: str, meant: str) -> None:
    assert synonyms()[spoken(said)][0].name == meant


def test_words_that_results_use_are_schematic_nowhere() -> None:
    """The glossary is plain data: it can be shown by a page as it is."""
    assert json.loads(json.dumps([word.elsewhere for word in glossary()]))
