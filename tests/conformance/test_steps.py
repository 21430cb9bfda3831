"""Single transitions: the cases made from the model, what is judged of an answer, and which guards need no case."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from rollproof.conformance.adapters.misbehaving import NullAdapter, StuckAdapter
from rollproof.conformance.adapters.reference import Adapter
from rollproof.conformance.cases.case import dump, parse_case, read_cases
from rollproof.conformance.cases.single_step import VARIABLES, decoded, encoded
from rollproof.conformance.generate.derived import way_of
from rollproof.conformance.judge.steps import same
from rollproof.conformance.judge.verdict import Verdict
from rollproof.conformance.mutants.catalogue import find_mutant, mutants
from rollproof.conformance.mutants.selftest import RESULTS, SINGLE_STEPS, is_same_protocol, noting, watched_run
from rollproof.conformance.report.diagram import as_text, rows
from rollproof.conformance.report.report import html, junit
from rollproof.conformance.runner.play import Adapters
from rollproof.conformance.runner.run import Hello
from rollproof.conformance.runner.transport import BrokenError
from rollproof.conformance.schema import SCHEMAS, InvalidError, check, parse
from rollproof.conformance.suite.judged import run_and_judge
from rollproof.conformance.suite.minimise import minimise
from rollproof.conformance.suite.smoke import STEPS, smoke
from rollproof.conformance.suite.suite import BAD, Target, as_json, run_suite
from rollproof.proofs.implied import unproved
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.transition import Guard

CASES = {case.id: case for case in read_cases(SINGLE_STEPS)}
MATRIX = json.loads((RESULTS / "self-test.json").read_text(encoding="utf-8"))
GUARDS = [(each.name, guard.name) for each in PROTOCOL.transitions.values() for guard in each.guards]
IMPLIED = {tuple(name.removeprefix("without:").split(".")) for name in MATRIX["implied"]}
GAP = "transitions/confirm_frame-next_frame_is_complete"
CONFIRM = {"step": "A", "transition": "confirm_frame", "args": {}}


def judged(make, case=STEPS):
    return run_and_judge(case, Adapters.in_process(make))[0]


# --- the cases ---


def test_every_guard_has_a_case_or_is_implied():
    assert {f"transitions/{transition}-{guard}" for transition, guard in set(GUARDS) - IMPLIED} <= set(CASES)
    assert not {f"transitions/{transition}-{guard}" for transition, guard in IMPLIED} & set(CASES)


@pytest.mark.parametrize("name", sorted(".".join(each) for each in IMPLIED))
def test_a_guard_without_a_case_is_proved_to_be_implied(name):
    assert unproved(PROTOCOL, *name.split(".")) == []
    assert is_same_protocol(f"without:{name}")


@pytest.mark.parametrize(
    "name", ["confirm_frame.next_frame_is_complete", "receive_end.end_is_plausible", "send_ack.from_a_partner"]
)
def test_what_a_case_shows_is_not_proved(name):
    assert unproved(PROTOCOL, *name.split(".")) != []
    assert not is_same_protocol(f"without:{name}")


def test_a_mutant_that_lacks_no_guard_is_never_the_same_protocol():
    assert not any(is_same_protocol(name) for name in mutants() if not name.startswith("without:"))


@pytest.mark.parametrize("name", sorted(name for name in mutants() if name.split(":")[0] in ("without", "noop")))
def test_a_mutant_fails_the_case_that_was_made_for_it(name):
    for case in CASES.values():
        if name in case["kills"]:
            assert judged(find_mutant(name).make, case).verdict in BAD


def test_every_case_of_a_guard_ends_where_that_guard_alone_refuses():
    for transition, guard in sorted(set(GUARDS) - IMPLIED):
        case = CASES[f"transitions/{transition}-{guard}"]
        *before, last = case["schedule"]
        _, seen = watched_run(case)
        assert (transition, guard) in seen
        adapter = Adapter()
        played(adapter, case, before)
        asked = PROTOCOL.transitions[transition]
        record = asked.arguments(*decoded(transition, last["args"], adapter.peer))
        assert last["transition"] == transition
        assert [
            each.name for each in PROTOCOL.transitions[transition].guards if refuses(each, adapter.peer, record)
        ] == [guard]


def refuses(guard, peer, record):
    try:
        return not guard.holds(peer, record)
    except (LookupError, ValueError):  # it relies on the one that is asked before
        return False


def played(adapter, case, steps):
    asked = {"peer": "A", "peers": case.peers, "config": case.config, "observe": [], "interleave": False}
    adapter.handle({"seq": 0, "op": "reset", **asked})
    for step in steps:
        assert adapter.handle({"seq": 0, "op": "step", "now": 0, **step})["step"]["fired"]


def test_every_transition_is_taken_and_every_way_of_draining():
    fired, ways = set(), set()
    for case in CASES.values():
        seen = set()
        adapters = Adapters.in_process(lambda seen=seen: Adapter(noting(seen)))
        run_and_judge(case, adapters)
        fired |= {name for name, guard in seen if not guard}
        adapter = Adapter()
        played(adapter, case, [])
        for step in case["schedule"]:
            transition = PROTOCOL.transitions[step["transition"]]
            args = decoded(transition.name, step["args"], adapter.peer)
            if (
                transition.name == "drain_input"
                and transition.refusal(adapter.peer, transition.arguments(*args)) is None
            ):
                ways.add(way_of(transition, adapter.peer, args))
            adapter.handle({"seq": 0, "op": "step", "now": 0, **step})
    assert fired == set(PROTOCOL.transitions)
    # On each path: a future frame, a right and a wrong prediction, a duplicate, a conflict.
    assert len(ways) == 10


def test_arguments_survive_being_written_and_read():
    for case in CASES.values():
        adapter = Adapter()
        played(adapter, case, [])
        for step in case["schedule"]:
            transition = PROTOCOL.transitions[step["transition"]]
            args = decoded(transition.name, step["args"], adapter.peer)
            assert encoded(transition, args, adapter.peer) == step["args"] or step["args"]["digest"] == "equal"
            adapter.handle({"seq": 0, "op": "step", "now": 0, **step})


def test_an_equal_hash_is_compared_and_found_equal():
    adapter = Adapter()
    case = CASES[GAP]
    played(adapter, case, case["schedule"][:2])
    for name, args in (
        ("receive_input", {"player": "B", "epoch": 0, "path": "relay", "frame": 0, "action": 0}),
        ("drain_input", {"path": "relay", "now": 0}),
        ("confirm_frame", {}),
        ("promote_frame", {}),
        ("receive_hash", {"player": "B", "epoch": 0, "frame": 0, "digest": "equal"}),
        ("compare_hash", {"player": "B", "frame": 0}),
    ):
        assert adapter.handle({"seq": 0, "op": "step", "now": 0, "transition": name, "args": args})["step"]["fired"]
    told = adapter.handle({"seq": 0, "op": "query", "names": ["hashes_compared", "hash_mismatch"]})["vars"]
    assert told == {"hashes_compared": 1, "hash_mismatch": None}


# --- answers ---


class Told(Adapter):
    """Answers steps and queries as a test wants it."""

    step: object = None
    told: object = None

    def on_step(self, request):
        answer = super().on_step(request)
        return answer if self.step is None else self.step

    def on_query(self, request):
        answer = super().on_query(request)
        return answer if self.told is None else {"vars": self.told}


def telling(**parts):
    return lambda: type("Telling", (Told,), parts)()


@pytest.mark.parametrize(
    ("step", "verdict"),
    [
        ({}, Verdict.FAIL),
        ({"step": {}}, Verdict.HARNESS_ERROR),
        ({"step": {"fired": "yes"}}, Verdict.HARNESS_ERROR),
        ({"step": {"fired": 1}}, Verdict.HARNESS_ERROR),
        ({"step": {"fired": True, "more": 1}}, Verdict.HARNESS_ERROR),
        ({"step": [True]}, Verdict.HARNESS_ERROR),
        ({"step": {"fired": True}}, Verdict.FAIL),
        ({"step": {"fired": False}}, Verdict.FAIL),
        ({"step": {"fired": False, "guard": "no such guard"}}, Verdict.FAIL),
        ({"step": {"fired": True}, "obs": [{"obs": "confirm", "frame": 0}]}, Verdict.FAIL),
        ({"step": {"fired": True}, "out": [{"to": "B", "packet": "AAAA"}]}, Verdict.FAIL),
        ({"step": {"fired": True}, "out": [{"to": "Z", "packet": "AAAA"}]}, Verdict.HARNESS_ERROR),
        ({"error": "out of luck"}, Verdict.CRASH),
        ({"skipped": {"reason": "there is no such transition here"}}, Verdict.SKIP),
        ({"skipped": 1}, Verdict.HARNESS_ERROR),
        ({"hello": 1}, Verdict.HARNESS_ERROR),
    ],
)
def test_every_answer_to_a_step_gets_a_verdict(step, verdict):
    judgement = judged(telling(step=step))
    assert judgement.verdict is verdict, judgement
    assert judgement.failure is not None or judgement.reason


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        ({}, Verdict.PASS),
        ({"frame": "x"}, Verdict.FAIL),
        ({"frame": None}, Verdict.FAIL),
        ({"rolling_back": 0}, Verdict.FAIL),
        ({"confirmed": [[[[-1]]]]}, Verdict.FAIL),
        ({"ways": {"B": "p2p", "C": "p2p"}}, Verdict.FAIL),
        ({"ways": {"B": "p2p"}}, Verdict.PASS),
        ({"state": "x" * 100_000}, Verdict.FAIL),
        ({"something else": 1}, Verdict.PASS),
        ([], Verdict.HARNESS_ERROR),
        ({str(number): 0 for number in range(101)}, Verdict.HARNESS_ERROR),
    ],
)
def test_every_answer_to_the_query_after_a_step_gets_a_verdict(told, verdict):
    judgement = judged(telling(told=told))
    assert judgement.verdict is verdict, judgement
    assert judgement.failure is None or len(str(judgement.failure)) < 1000


def test_what_is_not_told_is_not_judged():
    class TellsLittle(Adapter):
        def on_hello(self, request):
            answer = super().on_hello(request)
            answer["hello"]["observes"] = ["input_local"]
            return answer

    assert judged(TellsLittle, CASES["transitions/variant-both_paths"]).verdict is Verdict.PASS


def test_a_refusal_names_guard_rules_peer_and_frame():
    failure = judged(find_mutant("without:confirm_frame.next_frame_is_complete").make, CASES[GAP]).failure
    assert (failure.clause, failure.rules) == ("confirm_frame.next_frame_is_complete", ("BUF-2",))
    assert failure.sentence == "Every player's input of the frame after the confirmed one is known."
    assert (failure.peer, failure.frame) == ("A", 1)
    assert (failure.expected, failure.actual) == ("confirm_frame to be refused", "it fired")


def test_a_transition_that_does_nothing_is_told_apart_by_what_it_should_do():
    failure = judged(find_mutant("noop:simulate_frame").make).failure
    assert (failure.clause, failure.expected, failure.actual) == ("simulate_frame", "2 × observation", "0")


@pytest.mark.parametrize("kind", [NullAdapter, StuckAdapter])
def test_an_adapter_that_does_nothing_passes_no_step(kind):
    report = run_suite(list(CASES.values())[::7], Target(lambda: Adapters.in_process(kind), ""))
    assert {result.verdict for result in report.results} == {Verdict.FAIL}


def test_an_adapter_that_does_not_offer_transitions_is_not_asked():
    class Shy(Adapter):
        def on_hello(self, request):
            answer = super().on_hello(request)
            answer["hello"]["capabilities"].remove("transitions")
            return answer

    judgement = judged(Shy, CASES[GAP])
    assert (judgement.verdict, judgement.reason) == (Verdict.NOT_APPLICABLE, "needs transitions")
    assert len(list(smoke(Adapters.in_process(Shy)))) == 5


class NoFrames(Adapter):
    """Fires no `simulate_frame` alone."""

    def on_step(self, request):
        refused = {"step": {"fired": False}}
        return refused if request["transition"] == "simulate_frame" else super().on_step(request)


def test_the_smoke_test_tries_single_transitions():
    assert list(smoke(Adapters.in_process(Adapter)))[-1].startswith("steps")
    with pytest.raises(BrokenError, match="single transitions do not work yet: simulate_frame"):
        list(smoke(Adapters.in_process(NoFrames)))


def test_one_and_true_are_different_json():
    assert same({"a": [1, None]}, {"a": [1, None]})
    assert not same({"a": [1]}, {"a": [True]})
    assert not same([1], [1, 1])
    assert not same({"a": 1}, {"b": 1})


# --- files, reports, contract ---


def test_reports_show_the_steps():
    make = find_mutant("without:confirm_frame.next_frame_is_complete").make
    report = run_suite([CASES[GAP]], Target(lambda: Adapters.in_process(make), "--mutant x"))
    document = as_json(report, "test")
    check("result", document)
    text = as_text(document["results"][0]["peers"], document["results"][0]["diagram"])
    assert "STEP confirm_frame" in text
    assert "STEP simulate_frame 0 True" in html([document])
    assert "confirm_frame.next_frame_is_complete" in junit(document)
    assert document["exit"] == 1


def test_variables_are_shown_only_where_one_is_wrong():
    judgement, run = run_and_judge(STEPS, Adapters.in_process(telling(told={"frame": 7})))
    shown = [row["text"] for row in rows(run, judgement.failure.event)]
    assert shown == ["STEP schedule_input 3", "fires", "own input of frame 0: 3", "frame 7"]


def test_a_failing_schedule_of_steps_is_made_small():
    make = find_mutant("without:confirm_frame.next_frame_is_complete").make
    late = {"step": "B", "transition": "schedule_input", "args": {"action": 9}}
    padded = CASES[GAP].changed(schedule=[late, CONFIRM, *CASES[GAP]["schedule"], CONFIRM, late])

    def fails(case):
        failure = judged(make, case).failure
        return failure is not None and failure.clause == "confirm_frame.next_frame_is_complete"

    smallest, _ = minimise(padded, fails, 100)
    assert smallest["schedule"] == CASES[GAP]["schedule"]
    assert smallest.config == {}


def case_with(*schedule, **parts):
    return json.dumps({**CASES[GAP].json, "schedule": schedule, **parts})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (case_with({**CONFIRM, "step": "Z"}), "there is no peer Z"),
        (case_with({**CONFIRM, "transition": "confirm"}), "there is no transition confirm"),
        (case_with({**CONFIRM, "args": {"frame": 1}}), "confirm_frame takes nothing, not frame"),
        (case_with({**CONFIRM, "transition": "begin_wait"}), "begin_wait takes now, not nothing"),
        (case_with({**CONFIRM, "args": {"more": 1}}), "must be valid exactly by one definition"),
        (case_with(CONFIRM, {"poll": "A"}), "single steps go with nothing else"),
        (case_with(CONFIRM, end={"how": "settle"}), "single steps go with nothing else"),
    ],
)
def test_a_broken_step_is_refused_in_one_line(text, why):
    with pytest.raises(InvalidError, match=why) as caught:
        parse_case(text, "somewhere.json")
    assert "\n" not in str(caught.value)


def test_the_order_of_a_steps_fields_does_not_matter():
    case = parse_case(case_with(dict(reversed(CONFIRM.items()))), "reversed")
    assert judged(Adapter, case).verdict is Verdict.PASS
    assert parse_case(dump(case), "again").json == case.json


def test_the_worked_example_of_the_contract_is_what_the_reference_answers():
    text = (Path(SCHEMAS).parent / "README.md").read_text(encoding="utf-8")
    block = re.search(r"## Single transitions\n.*?```\n(.*?)```", text, re.S).group(1)
    adapter = Adapter()
    played(adapter, CASES[GAP].changed(config={}), [])
    adapter.observe = frozenset({"input_local"})
    lines = [line for line in block.splitlines() if line]
    for asked, answered in zip(lines[::2], lines[1::2], strict=True):
        request, answer = parse(asked[1:]), parse(answered[1:])
        check("request", request)
        check("response", answer)
        assert adapter.handle(request) == answer


def test_the_contract_names_every_variable_and_the_arguments_of_every_transition():
    text = (Path(SCHEMAS).parent / "README.md").read_text(encoding="utf-8")
    section = text.split("## Single transitions")[1].split("\n## ")[0]
    assert {name for name in VARIABLES if f"`{name}`" not in section} == set()
    allowed = json.loads((SCHEMAS / "case.json").read_text(encoding="utf-8"))["definitions"]["arguments"]["properties"]
    used = {name for case in CASES.values() for step in case["schedule"] for name in step["args"]}
    assert used == set(allowed)


def test_the_reference_is_level_2_with_transitions():
    hello = Hello(Adapter().on_hello({})["hello"])
    assert "transitions" in hello.capabilities
    assert isinstance(PROTOCOL.transitions["begin_rollback"].fire(fresh()), Guard)


def fresh():
    adapter = Adapter()
    played(adapter, CASES[GAP], [])
    return adapter.peer
