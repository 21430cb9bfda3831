"""The conformance suite as a whole: its files, its verdicts on the reference, and that it tells right from wrong."""

from __future__ import annotations

import json
import re
from base64 import b64decode

import pytest

from rollproof.conformance.adapters.misbehaving import NullAdapter, StuckAdapter
from rollproof.conformance.adapters.reference import CAPABILITIES, Adapter
from rollproof.conformance.cases.case import dump, parse_case, published_cases
from rollproof.conformance.generate.__main__ import stale
from rollproof.conformance.judge.properties import PROPERTIES
from rollproof.conformance.judge.verdict import Verdict
from rollproof.conformance.mutants.catalogue import find_mutant, mutants
from rollproof.conformance.mutants.different import RIGHT
from rollproof.conformance.mutants.selftest import RESULTS, all_cases, is_repeatable
from rollproof.conformance.runner.play import Adapters, run_case
from rollproof.conformance.schema import SCHEMAS, check
from rollproof.conformance.suite.judged import run_and_judge
from rollproof.conformance.suite.suite import BAD, Target, as_json, run_suite
from rollproof.reference.messages import InputMessage
from rollproof.reference.wire import decode
from tests import long_but

CASES = {case.id: case for case in all_cases()}
MATRIX = json.loads((RESULTS / "self-test.json").read_text(encoding="utf-8"))
EVERY_BUG = range(1, 27)
LONGEST = {"endurance/20000-frames"}
"""Cases that take so long that only `make test-long` plays them."""


def in_process(mutant: str | None = None) -> Target:
    make = Adapter if mutant is None else find_mutant(mutant).make
    return Target(lambda: Adapters.in_process(make), "" if mutant is None else f"--mutant {mutant}")


@pytest.mark.long
def test_the_files_are_what_the_generator_writes():
    assert stale() == []


@pytest.mark.fuzz
@pytest.mark.parametrize("id", long_but(set(CASES) - LONGEST, CASES))
def test_the_reference_passes_and_nothing_is_vacuous(id):
    case = CASES[id]
    makers = [Adapter, *RIGHT.values()]
    judged = (run_and_judge(case, Adapters.in_process(make)) for make in makers)
    judgement, run = next(each for each in judged if each[0].verdict is not Verdict.NOT_APPLICABLE)
    assert judgement.verdict in (Verdict.PASS, Verdict.DEGRADED), judgement
    assert (judgement.verdict is Verdict.DEGRADED) <= bool(case.json.get("degraded"))
    assert run is not None
    assert run.requests > (5 if case["origin"] == "model" else 10)


def test_every_class_of_bug_has_a_case():
    assert {bug for case in CASES.values() for bug in case["bugs"]} == set(EVERY_BUG)


def test_every_property_is_expected_by_some_case_or_always_judged():
    every = (*published_cases(), *CASES.values())
    assert {name for case in every for name in case["expect"]} | {"model"} == set(PROPERTIES)


def test_every_capability_that_a_case_needs_is_one_of_the_schema():
    schema = json.loads((SCHEMAS / "response.json").read_text(encoding="utf-8"))
    known = set(schema["definitions"]["capability"]["enum"])
    assert set(CAPABILITIES) <= known
    assert {need for case in CASES.values() for need in case["requires"]} <= known | {"datagram"}


def test_there_are_cases_for_two_three_and_four_peers_and_every_level_and_profile():
    assert {len(case.peers) for case in CASES.values()} == {2, 3, 4}
    assert {case["level"] for case in CASES.values()} == {0, 1, 2}
    profiles = {"core", "recording", "episode", "transport", "diagnostics", "endurance", "transitions"}
    assert {case["profile"] for case in CASES.values()} == profiles


def test_a_case_survives_being_written_and_read():
    for case in CASES.values():
        assert parse_case(dump(case), "again").json == case.json


# --- the published self-test ---


def test_the_published_matrix_is_of_these_cases_and_mutants():
    assert set(MATRIX["cases"]) == set(CASES)
    assert set(MATRIX["mutants"]) == set(mutants())
    assert MATRIX["wrong"] == []


KILLERS = {
    name: min(killers, key=lambda id: len(CASES[id]["schedule"]) * len(CASES[id].peers))
    for name, killers in MATRIX["mutants"].items()
    if killers
}
"""Of each mutant a short case that it fails."""


@pytest.mark.fuzz
@pytest.mark.parametrize("name", long_but([name for name, id in KILLERS.items() if id not in LONGEST], sorted(KILLERS)))
def test_a_mutant_is_killed_as_published(name):
    killer = KILLERS[name]
    judgement, _ = run_and_judge(CASES[killer], Adapters.in_process(find_mutant(name).make))
    assert judgement.verdict in BAD


def test_mutants_that_no_case_kills_are_the_same_protocol():
    assert [name for name, killers in MATRIX["mutants"].items() if not killers] == MATRIX["implied"]


def test_every_case_kills_something():
    killing = {id for killers in MATRIX["mutants"].values() for id in killers}
    assert killing == set(CASES)


@pytest.mark.parametrize("kind", [NullAdapter, StuckAdapter])
def test_an_adapter_that_does_nothing_passes_nothing(kind):
    some = [case for number, case in enumerate(CASES.values()) if number % 9 == 0]
    report = run_suite(some, Target(lambda: Adapters.in_process(kind), ""))
    verdicts = {result.verdict for result in report.results}
    # who hangs is given up after a few cases, and the others are skipped
    assert verdicts <= {Verdict.FAIL, Verdict.STUCK, Verdict.VACUOUS, Verdict.NOT_APPLICABLE, Verdict.SKIP}
    assert report.exit_code() in (1, 4)


# --- repeats and observation ---


@pytest.mark.parametrize("id", ["core/jitter", "transport/loss-30-percent", "episode/three-in-a-row"])
def test_the_same_run_twice_is_equal_byte_by_byte(id):
    assert is_repeatable(CASES[id])


@pytest.mark.parametrize("id", ["core/active-3-peers", "recording/loss", "episode/loss"])
def test_observing_changes_no_packet(id):
    sent = []
    for level in (0, 2):
        run = run_case(CASES[id].changed(level=0), Adapters.in_process(Adapter), level=level)
        sent.append([event.data["data"] for event in run.events if event.kind == "send"])
    # At level 0 the runner does not see the end of an episode, and goes on for longer.
    assert sent[1] == sent[0][: len(sent[1])]
    assert sent[1]


def test_adapters_that_are_used_again_give_the_same_as_fresh_ones():
    adapters = Adapters.in_process(Adapter)
    for id in ("core/pulse", "episode/three-in-a-row", "core/pulse"):
        assert run_case(CASES[id], adapters).digest == run_case(CASES[id], Adapters.in_process(Adapter)).digest


# --- verdicts ---


def small(**parts):
    return CASES["core/pulse"].changed(**parts)


def test_a_premise_that_is_not_met_is_vacuous_and_never_green():
    case = small(premise=[{"obs": "load", "peer": "B", "at_least": 500}])
    report = run_suite([case], in_process())
    assert report.results[0].verdict is Verdict.VACUOUS
    assert report.exit_code() == 3


def test_nothing_matched_is_exit_3():
    assert run_suite([], in_process()).exit_code() == 3


class Skips(Adapter):
    still = True

    def on_reset(self, request):
        super().on_reset(request)
        if self.still or not request["force"]:
            return {"skipped": {"reason": "not yet", "issue": "issues/1"}}
        return None


class SkipsForNoReason(Skips):
    still = False


def test_a_skip_is_a_skip_with_its_issue():
    judgement, _ = run_and_judge(CASES["core/idle"], Adapters.in_process(Skips))
    assert judgement.verdict is Verdict.SKIP
    assert judgement.reason == "not yet (issues/1)"


def test_a_skip_that_is_no_longer_needed_fails():
    judgement, _ = run_and_judge(CASES["core/idle"], Adapters.in_process(SkipsForNoReason))
    assert judgement.verdict is Verdict.FAIL
    assert "no longer needed" in judgement.reason


class Shy(Adapter):
    def on_hello(self, request):
        answer = super().on_hello(request)
        answer["hello"] |= {"level": 0, "capabilities": ["core"]}
        return answer


def test_cases_beyond_level_and_capabilities_do_not_apply():
    for id, reason in (("recording/gap", "needs level 2"), ("core/window-4-silent-partner", "needs window")):
        judgement, run = run_and_judge(CASES[id], Adapters.in_process(Shy))
        assert (judgement.verdict, judgement.reason, run) == (Verdict.NOT_APPLICABLE, reason, None)


def test_a_should_counts_only_when_strict():
    cases = [CASES["core/misprediction-at-frame-0"].changed(strength="SHOULD"), CASES["core/idle"]]
    report = run_suite(cases, in_process("bug:no_rollback_to_frame_0"))
    assert [result.verdict for result in report.results] == [Verdict.FAIL, Verdict.PASS]
    assert (report.exit_code(), report.exit_code(strict=True)) == (0, 1)


class LateByDesign(Adapter):
    """Rolls back on every late input, and says so."""

    def __init__(self):
        super().__init__(find_mutant("rollback_on_every_late_input").make().protocol)

    def on_hello(self, request):
        answer = super().on_hello(request)
        answer["hello"]["variants"] = {"rollback_on": "late"}
        return answer


@pytest.mark.parametrize("id", ["core/idle-with-latency", "recording/2-peers-latency-3", "core/jitter"])
def test_a_variant_that_is_declared_is_right(id):
    judgement, _ = run_and_judge(CASES[id], Adapters.in_process(LateByDesign))
    assert judgement.verdict is Verdict.PASS, judgement


class NeedsOrder(Adapter):
    """Breaks when a packet overtakes another, and says that it needs a transport that keeps them in order."""

    def on_hello(self, request):
        answer = super().on_hello(request)
        answer["hello"]["variants"] = {"transport_needs": "reliable-ordered"}
        return answer

    def on_reset(self, request):
        self.newest = {}
        return super().on_reset(request)

    def on_deliver(self, request):
        message = decode(b64decode(request["packet"]))
        assert message.game == "game"
        if isinstance(message, InputMessage):
            last = message.first + len(message.actions)
            assert message.time_ms >= self.newest.get(message.player, 0), f"frame {last} was overtaken"
            self.newest[message.player] = message.time_ms
        return super().on_deliver(request)


def test_where_order_is_needed_nothing_is_lost_doubled_or_overtaken():
    some = [case for case in CASES.values() if case["level"] < 2 and len(case["schedule"]) < 45][::2]
    report = run_suite([*some, CASES["core/duplicates"]], Target(in_process_of(NeedsOrder), ""))
    assert {result.verdict for result in report.results} == {Verdict.PASS, Verdict.NOT_APPLICABLE}
    assert sum(result.verdict is Verdict.PASS for result in report.results) > 10
    reasons = {result.case.id: result.judgement.reason for result in report.results}
    assert reasons["core/duplicates"] == "needs datagram"


def in_process_of(kind):
    return lambda: Adapters.in_process(kind)


class TellsLittle(Adapter):
    """Level 2 with no more observations than are needed."""

    def on_hello(self, request):
        answer = super().on_hello(request)
        answer["hello"]["observes"] = ["advance", "save", "load", "input_local", "input_recv"]
        return answer


@pytest.mark.parametrize("id", ["core/active-3-peers", "core/jitter", "core/window-latency-beyond"])
def test_missing_observations_are_inferred(id):
    judgement, run = run_and_judge(CASES[id].changed(premise=[{"obs": "advance"}]), Adapters.in_process(TellsLittle))
    assert judgement.verdict is Verdict.PASS, judgement
    seen = {event.data["obs"] for event in run.events if event.kind == "obs"}
    assert seen == {"advance", "save", "load", "input_local", "input_recv"}


def test_a_failure_names_clause_peer_frame_both_values_and_how_to_repeat_it():
    report = run_suite([CASES["core/misprediction-at-frame-0"]], in_process("bug:no_rollback_to_frame_0"))
    document = as_json(report, "test")
    check("result", document)
    failure = document["results"][0]["failure"]
    assert (failure["peer"], failure["frame"]) == ("B", 0)
    assert "IN" in " ".join(failure["rules"]) or "RB" in " ".join(failure["rules"])
    assert failure["expected"] != failure["actual"]
    assert document["results"][0]["repeat"] == (
        "rollproof conform --case core/misprediction-at-frame-0 --mutant bug:no_rollback_to_frame_0"
    )
    assert document["results"][0]["repeatable"] is True
    assert document["results"][0]["diagram"][-1]["number"] == failure["event"]
    assert document["exit"] == 1


def test_guards_of_the_reference_are_the_clauses_of_level_2():
    judgement, _ = run_and_judge(
        CASES["recording/gap-three-peers"], Adapters.in_process(find_mutant("confirmed_jumps_gap").make)
    )
    assert judgement.failure.clause == "confirm_frame.next_frame_is_complete"
    assert judgement.failure.rules == ("BUF-2",)
    assert re.search(
        r"the input of frame \d+ had not arrived from [ABC], and confirmed became", judgement.failure.actual
    )


def test_a_guard_that_refuses_is_told_as_what_went_wrong():
    mutant = "without:simulate_frame.no_rollback_pending"
    told = r"input of frame \d+ arrived, differs from the prediction and was not corrected, and frame \d+ was simulated"
    some = [CASES[id] for id in MATRIX["mutants"][mutant][:6]]
    judged = [run_and_judge(case, Adapters.in_process(find_mutant(mutant).make))[0].failure for case in some]
    assert any(each is not None and re.search(told, each.actual) for each in judged), judged
