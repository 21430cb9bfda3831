"""The mutants of the reference: how they are made, and that a few of them are judged as they must be."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.mutants.__main__ import known, verdict_on
from benchmarks.mutants.operators import mutants

ROOT = Path(__file__).parents[2]
ALL = mutants(ROOT)
README = (ROOT / "proofs" / "README.md").read_text(encoding="utf-8")
JUDGED = (
    "reference/state.py:Delivery:number:0 -> 1",
    "reference/containers.py:Sequence.push:sum",
    "reference/protocol.py::poll dropped",
)
"""What the names of a few begin with. The first of each is judged whenever the tests are run."""


def test_the_published_numbers_are_those_of_the_mutants() -> None:
    said = r"are (\d+)\s+of them: (\d+) are refuted, (\d+) refused .*?, (\d+) proved and (\d+) undecided; these (\d+)"
    found = re.search(said, README, re.DOTALL)
    assert found is not None
    every, refuted, refused, proved, undecided, listed = map(int, found.groups())
    assert every == refuted + refused + proved + undecided == len(ALL)
    assert listed == proved + undecided == len(known())


def test_each_mutant_has_a_name_of_its_own_and_changes_one_place() -> None:
    names = Counter(each.name for each in ALL)
    assert max(names.values()) == 1
    for each in ALL[::11]:
        text = (ROOT / each.file).read_text(encoding="utf-8")
        after = each.applied(text)
        assert after != text
        assert text[: each.start] + each.old + text[each.end :] == text
        ast.parse(after)


def test_every_kind_of_change_is_made() -> None:
    kinds = {each.kind for each in ALL}
    assert kinds >= {
        "and/or",
        "arguments swapped",
        "boolean",
        "comparison",
        "condition dropped",
        "condition negated",
        "event dropped",
        "field dropped",
        "function",
        "guards dropped",
        "not dropped",
        "number",
        "poll dropped",
        "statement dropped",
        "sum",
        "tick dropped",
        "transition dropped",
    }
    assert {each.file for each in ALL} >= {f"reference/{name}.py" for name in ("tick", "buffers", "state", "world")}


def test_what_is_listed_as_equivalent_is_a_mutant_and_has_a_reason() -> None:
    names = {each.name for each in ALL}
    for name, reason in known().items():
        assert name in names
        assert len(reason.split()) >= 5


@pytest.mark.slow
@pytest.mark.parametrize("start", JUDGED)
def test_a_mutant_is_refuted(start: str) -> None:
    chosen = next(each for each in ALL if each.name.startswith(start))
    outcome = verdict_on(chosen)
    assert outcome.verdict == "refuted", outcome
    assert outcome.because
