"""The rules of the protocol, and where they are cited; guards and transitions as data."""

from __future__ import annotations

from collections import Counter
from pathlib import Path as FilePath
from typing import Any

import pytest

from rollproof.model.rules import RULE, rules
from rollproof.model.theorems.properties import PROPERTIES
from rollproof.reference.guards import from_a_partner, no_rollback_in_progress
from rollproof.reference.messages import Path
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.rollback import Moment
from rollproof.reference.tick import STAGES
from rollproof.reference.transition import Guard, Transition, guard, transition
from tests.bench import ME, YOU, Bench, config

RULES = set(rules())
ROOT = FilePath(__file__).parents[2]


def citations(*folders: str) -> dict[str, Counter[str]]:
    """Return which rules each Python file of some folders cites."""
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    return {str(file.relative_to(ROOT)): Counter(RULE.findall(file.read_text())) for file in files}


def test_every_rule_is_demanded_or_promised() -> None:
    """By a guard, a transition or the code of the reference, or else by a theorem."""
    cited = set().union(*citations("reference").values())
    promised = {rule for each in PROPERTIES.values() if each.kind == "theorem" for rule in each.rules}
    assert sorted(RULES - cited - promised) == []


def test_every_rule_has_a_test() -> None:
    tests = citations("tests")
    tests.pop("tests/reference/test_rules.py")
    of_the_reference = {name for name in tests if name.startswith("tests/reference/")}
    of_one_step = set().union(*(tests[name] for name in of_the_reference))
    of_the_whole = {rule for rule in set().union(*tests.values()) if rule.startswith(("LI-", "EV-"))}
    assert sorted(RULES - of_one_step - of_the_whole) == []


def test_no_rule_is_cited_that_does_not_exist() -> None:
    for name, found in citations("reference", "model", "proofs", "conformance", "rollproof", "tests").items():
        assert sorted(set(found) - RULES) == [], name


@pytest.mark.parametrize("each", PROTOCOL.transitions.values(), ids=lambda each: each.name)
def test_a_transition_says_what_it_does_and_why(each: Transition) -> None:
    assert each.rules
    assert set(each.rules) <= RULES
    assert each.sentence.endswith(".")
    assert len({condition.name for condition in each.guards}) == len(each.guards)
    for condition in each.guards:
        assert condition.rules
        assert set(condition.rules) <= RULES
        assert condition.sentence.endswith(".")


def test_a_name_means_one_guard() -> None:
    guards = {condition.name: condition for each in PROTOCOL.transitions.values() for condition in each.guards}
    for each in PROTOCOL.transitions.values():
        for condition in each.guards:
            assert condition is guards[condition.name]


def test_the_stages_of_the_protocol_exist() -> None:
    assert set(PROTOCOL.tick) | set(PROTOCOL.poll) == set(STAGES)


ABOUT_A_PLAYER = [each for each in PROTOCOL.transitions.values() if from_a_partner in each.guards]


@pytest.mark.parametrize("stranger", [ME, "stranger", "", "A", f"{YOU} "])
@pytest.mark.parametrize("each", ABOUT_A_PLAYER, ids=lambda each: each.name)
def test_whoever_is_no_partner_is_refused_everywhere(each: Transition, stranger: str) -> None:
    """IN-7: in every transition that is about a player, whatever else is told."""
    bench = Bench(config=config(max_steps=1)).run("hear:0 tick confirm suspect_end decide_end:1")
    args = bench.usual(each.name, [0, 0, 0])
    enabled = each.refusal(bench.peer, each.arguments(*args)) is None
    at, before = args.index(YOU), bench.peer
    refused = bench.do(each.name, *args[:at], stranger, *args[at + 1 :])
    assert refused == "from_a_partner" if enabled else refused is not None
    assert bench.peer is before


def test_all_transitions_about_a_player_ask_whether_it_is_a_partner() -> None:
    """IN-7: but for the one that counts the refusal."""
    about = {each.name for each in PROTOCOL.transitions.values() if "player" in each.parameters}
    assert about - {each.name for each in ABOUT_A_PLAYER} == {"reject_input"}


def test_a_refused_transition_names_the_first_guard_that_does_not_hold() -> None:
    bench = Bench().run("tick hear:0 begin_rollback")
    confirm = PROTOCOL.transitions["simulate_frame"]
    assert confirm.refusal(bench.peer, Moment(0, focused=True)) is no_rollback_in_progress
    assert confirm.fire(bench.peer, Moment(0, focused=True)) is no_rollback_in_progress
    assert PROTOCOL.transitions["replay_frame"].refusal(bench.peer, Moment(0, focused=True)) is None


def test_a_protocol_without_a_guard_is_a_value() -> None:
    without = PROTOCOL.without("confirm_frame", "next_frame_is_complete")
    assert without.name == "present without confirm_frame.next_frame_is_complete"
    names = [condition.name for condition in without.transitions["confirm_frame"].guards]
    assert "next_frame_is_complete" not in names
    assert len(names) == len(PROTOCOL.transitions["confirm_frame"].guards) - 1
    with pytest.raises(KeyError, match="no transition is named 'x'"):
        PROTOCOL.without("x", "next_frame_is_complete")
    with pytest.raises(KeyError, match="'confirm_frame' has no guard 'x'"):
        PROTOCOL.without("confirm_frame", "x")


def test_a_protocol_with_another_transition_is_a_value() -> None:
    @guard("IN-1")
    def never(*_: Any) -> bool:
        """Nothing holds."""
        return False

    @transition("IN-1", guards=(never,))
    def confirm_frame(peer: Any) -> Any:
        """Nothing happens."""
        return peer, ()

    @transition("IN-1")
    def jump(peer: Any) -> Any:
        """Nothing happens."""
        return peer, ()

    bench = Bench(PROTOCOL.replace("other", confirm_frame))
    assert bench.do("confirm_frame") == "never"
    assert bench.protocol[PROTOCOL.transitions["confirm_frame"]] is confirm_frame
    assert isinstance(never, Guard)
    with pytest.raises(KeyError, match="no transition is named 'jump'"):
        PROTOCOL.replace("other", jump)
    extended = PROTOCOL.extend("more", jump)
    assert Bench(extended).do("jump") is None
    assert set(extended.transitions) - set(PROTOCOL.transitions) == {"jump"}
    with pytest.raises(KeyError, match="'confirm_frame' already"):
        PROTOCOL.extend("more", confirm_frame)


def test_paths_are_two() -> None:
    """TR-2"""
    assert [path.value for path in Path] == ["p2p", "relay"]
