"""What adapters and cases must be: the game, the schemas, what is selected and searched, and names."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollproof.conformance.adapters.reference import CAPABILITIES, Adapter
from rollproof.conformance.cases.case import Case, dump, parse_case
from rollproof.conformance.game import START, play, step
from rollproof.conformance.mutants.catalogue import find_mutant, mutants
from rollproof.conformance.runner.play import Adapters, run_case
from rollproof.conformance.schema import SCHEMAS, InvalidError, check, parse
from rollproof.conformance.suite.fuzz import random_case
from rollproof.conformance.suite.suite import select
from rollproof.reference.protocol import PROTOCOL
from tests.conformance.test_suite import CASES


def test_the_game_is_fnv_1a():
    def fnv(data):
        value = 0x811C9DC5
        for byte in data:
            value = (value ^ byte) * 0x01000193 % 2**32
        return value

    assert step(START, [7, 200, 3]) == fnv(bytes([0, 7, 1, 200, 2, 3]))
    assert play([[1, 2], [3, 4]])[-1] == fnv(bytes([0, 1, 1, 2, 0, 3, 1, 4]))


def test_the_worked_exchange_of_the_contract_is_right():
    text = (Path(SCHEMAS).parent / "README.md").read_text(encoding="utf-8")
    block = re.search(r"## An exchange\n\n```\n(.*?)```", text, re.S).group(1)
    lines = [line.strip() for line in block.splitlines()]
    objects = " ".join(lines).replace("→", "\n→").replace("←", "\n←").split("\n")[1:]
    states = {}
    for line in objects:
        value = parse(line[1:])
        check("request" if line[0] == "→" else "response", value)
        for seen in value.get("obs", ()):
            if seen["obs"] == "advance":
                before = states.get(seen["frame"], START)
                assert seen["state"] == step(before, seen["inputs"])
                states[seen["frame"] + 1] = seen["state"]
    assert len(objects) == 10


def test_every_request_of_a_run_fits_the_schema():
    asked = []

    class Noting(Adapter):
        def handle(self, request):
            asked.append(request)
            return super().handle(request)

    for id in ("episode/three-in-a-row", "transport/way-full", "recording/interleaved-tick"):
        run_case(CASES[id], Adapters.in_process(Noting))
    for request in asked:
        check("request", request)
    assert {request["op"] for request in asked} >= {"hello", "reset", "tick", "deliver", "poll", "link", "command"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not JSON"),
        ("[" * 5000, "not JSON"),
        ('{"id": 1.5}', "1.5 is no integer"),
        ("{}", "is required"),
        (json.dumps({**CASES["core/idle"].json, "peers": ["A", "A"]}), "two peers have the same name"),
        (json.dumps({**CASES["core/idle"].json, "schedule": [{"tick": "Z", "input": 1}]}), "there is no peer Z"),
        (json.dumps({**CASES["core/idle"].json, "schedule": [{"round": [1]}]}), "a round must have"),
        (json.dumps({**CASES["core/idle"].json, "more": 1}), "must not contain"),
    ],
)
def test_a_broken_case_is_refused_in_one_line(text, why):
    with pytest.raises(InvalidError, match=why) as caught:
        parse_case(text, "somewhere.json")
    assert str(caught.value).startswith("somewhere.json: ")
    assert "\n" not in str(caught.value)


def test_selecting():
    every = list(CASES.values())
    assert [case.id for case in select(every, ids=["core/pulse"])] == ["core/pulse"]
    assert {case["profile"] for case in select(every, ids=["core/"])} == {"core"}
    assert {case["profile"] for case in select(every, profiles=["episode"])} == {"episode"}
    assert all(case["level"] == 0 for case in select(every, level=0))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**4))
def test_what_the_search_tries_is_a_case_and_a_function_of_its_seed(seed, number):
    able = frozenset(CAPABILITIES) | {"datagram"}
    one = random_case(seed, number, able, 2)
    assert parse_case(dump(one), "fuzz").json == one.json == random_case(seed, number, able, 2).json


def test_mutants_are_named_for_what_they_lack():
    assert f"without:{next(iter(PROTOCOL.transitions))}." in " ".join(mutants())
    with pytest.raises(KeyError, match="no mutant"):
        find_mutant("nothing")


def test_cases_are_values():
    case = Case({"id": "x", "peers": ["A"], "config": {}, "schedule": []})
    assert case.changed(id="y").id == "y"
    assert case.id == "x"
