"""`proofs/README.md` says what the tool says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rollproof.model.search.agreement import search_pairs
from rollproof.model.search.instances import INSTANCES
from rollproof.model.search.search import Exhausted, search
from rollproof.model.theorems.properties import PROPERTIES
from rollproof.model.theorems.property import Property
from rollproof.model.variants.variants import VARIANTS
from rollproof.proofs.counterexamples import load, replay
from rollproof.proofs.necessity import THEOREMS, check_guard
from rollproof.reference.protocol import PROTOCOL

TEXT = (Path(__file__).parents[2] / "proofs" / "README.md").read_text(encoding="utf-8")
GUARD_B = "confirm_frame.no_rollback_in_progress"
DATA = [
    PROPERTIES[name]
    for name in ("canonical_is_lockstep", "export_is_canonical_gapless_once", "termination_is_lockstep")
]
COUNTED = [(name, int(count)) for name, count in re.findall(r"^\| `(\w+\.\w+)` \| (\d+) \|$", TEXT, re.MULTILINE)]


def trusts(each: Property) -> str:
    return "partners" if each.trusting else "nobody"


def test_the_table_holds_every_property() -> None:
    rows = [
        f"| `{each.name}` | {each.kind} | {' '.join(each.rules)} | {trusts(each)} | {each.sentence} |"
        for each in PROPERTIES.values()
    ]
    assert TEXT.split("| --- | --- | --- | --- | --- |\n")[1].splitlines() == rows


@pytest.mark.slow
@pytest.mark.fuzz
@pytest.mark.long
@pytest.mark.parametrize(("name", "states"), COUNTED)
def test_no_exported_value_goes_wrong_without_these_guards(name: str, states: int) -> None:
    result = search(PROTOCOL.without(*name.split(".")), DATA)
    assert isinstance(result, Exhausted), result
    assert sum(each.states for each in result.counts) == states
    if name == GUARD_B:
        assert len(result.counts) == 10
        assert f"in all states of the ten instances\n  that have this transition, {states} states" in TEXT


def test_two_peers_agree_without_guard_b() -> None:
    agree = PROPERTIES["peers_agree_or_one_reports_degraded"]
    result = search_pairs(PROTOCOL.without(*GUARD_B.split(".")), [agree], INSTANCES["episodes"])
    assert isinstance(result, Exhausted), result
    one, other = (each.states for each in result.counts)
    assert f"({one} and {other} states)" in TEXT


@pytest.mark.parametrize(
    ("guard", "theorem", "steps"),
    [
        ("promote_frame.no_rollback_pending", "canonical_is_lockstep", 6),
        (GUARD_B, "confirmed_prefix_has_no_holes", 6),
        (GUARD_B, "confirmed_never_advances_during_rollback", None),
        ("succeed_wait.no_rollback_pending", "wait_ends_by_deadline", None),
        ("expire_wait.no_rollback_pending", "wait_ends_by_deadline", None),
    ],
)
def test_what_fails_without_a_guard(guard: str, theorem: str, steps: int | None) -> None:
    trace = replay(PROTOCOL.without(*guard.split(".")), load()[guard], [PROPERTIES[theorem]])
    assert trace is not None
    assert steps in (None, len(trace.steps))
    assert guard in TEXT
    assert theorem in TEXT


def test_guard_d_is_redundant_alone_and_not_with_other_mistakes() -> None:
    assert check_guard(PROTOCOL, "complete_episode", "no_rollback_pending").verdict == "redundant"
    variant = VARIANTS["complete_with_pending"]
    assert replay(variant.protocol, load()["complete_with_pending"], THEOREMS) is not None
