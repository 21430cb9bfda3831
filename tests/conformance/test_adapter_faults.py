"""Adapters that are wrong, around an implementation that is right: they are told so, and the implementation is not."""

from __future__ import annotations

import json
from base64 import b64decode
from itertools import count

import pytest

from rollproof.conformance.adapters import template
from rollproof.conformance.adapters.reference import Adapter
from rollproof.conformance.cases.writing import busy_rounds
from rollproof.conformance.judge.verdict import Verdict
from rollproof.conformance.runner.play import Adapters
from rollproof.conformance.runner.transport import BrokenError
from rollproof.conformance.suite.judged import run_and_judge
from rollproof.conformance.suite.smoke import smoke
from rollproof.conformance.suite.suite import BAD, Target, as_json, run_suite
from tests.conformance import cases

CASES = cases()
LOW = [case for case in CASES.values() if case["level"] < 2 and len(case["schedule"]) < 60][::4]


class SamplesOnce(template.Adapter):
    """Has the input of the first call in every call."""

    def handle(self, request):
        if request["op"] == "reset":
            self.sampled = None
        if request["op"] == "tick":
            self.sampled = request["input"] if self.sampled is None else self.sampled
            request = {**request, "input": self.sampled}
        return super().handle(request)


class SamplesLate(template.Adapter):
    """Has in each call the input of the call before."""

    def handle(self, request):
        if request["op"] == "reset":
            self.before = 0
        if request["op"] == "tick":
            self.before, value = request["input"], self.before
            request = {**request, "input": value}
        return super().handle(request)


class TellsNoSaves(template.Adapter):
    """Tells what it loads, and not what it saves."""

    def handle(self, request):
        answer = super().handle(request)
        if "obs" in answer:
            answer["obs"] = [each for each in answer["obs"] if each["obs"] != "save"]
        return answer


class PutsOff(template.Adapter):
    """Takes in what arrives, and acknowledges it, after it has answered: with the next request."""

    def handle(self, request):
        for sender, packet in self.__dict__.pop("put_off", ()):
            self.peer.deliver(sender, packet)
            self.peer.send(sender)
        if request["op"] == "deliver":
            self.put_off = [(request["from"], request["packet"])]
            return {"seq": request["seq"], "out": [], "obs": []}
        return super().handle(request)


class AskingSends(template.Adapter):
    """Forgets, when asked, what was acknowledged, so that the next packets are longer."""

    def handle(self, request):
        if request["op"] == "query":
            self.peer.acked = dict.fromkeys(self.peer.acked, -1)
        return super().handle(request)


class AskingAdvances(template.Adapter):
    """Simulates a frame when it is asked."""

    def handle(self, request):
        if request["op"] == "query":
            self.peer.tick(0)
        return super().handle(request)


class TellsNothingWhenAsked(Adapter):
    """Is of level 2, and knows no variable."""

    def handle(self, request):
        return {"seq": request["seq"], "vars": {}} if request["op"] == "query" else super().handle(request)


class RemembersAcrossResets(template.Adapter):
    """Counts its sessions in its packets."""

    def __init__(self):
        self.sessions = count()

    def handle(self, request):
        answer = super().handle(request)
        if request["op"] == "reset":
            self.peer.acked = dict.fromkeys(self.peer.acked, -1 - next(self.sessions))
            self.peer.known[self.peer.number].update(dict.fromkeys(range(-9, 0), 0))
        return answer


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (SamplesOnce, "the inputs of the game are not those of the calls"),
        (SamplesLate, "the inputs of the game are not those of the calls"),
        (TellsNoSaves, "tell each `save`"),
        (PutsOff, "work was put off"),
        (AskingSends, "it must change nothing"),
        (AskingAdvances, "by the time of a `query`"),
        (TellsNothingWhenAsked, "`query` is not answered"),
        (RemembersAcrossResets, "`reset` must forget everything"),
    ],
)
def test_the_smoke_test_catches_an_adapter_that_is_wrong(kind, told):
    with pytest.raises(BrokenError, match=told):
        list(smoke(Adapters.in_process(kind)))


@pytest.mark.parametrize("kind", [template.Adapter, Adapter])
def test_the_smoke_test_has_nothing_against_the_same_adapters_without_the_mistake(kind):
    assert len(list(smoke(Adapters.in_process(kind)))) >= 5


class MapsNothingWrongly(template.Adapter):
    """Tells another input than the game had where nothing is pressed."""

    def handle(self, request):
        answer = super().handle(request)
        for each in answer.get("obs", ()):
            if each["obs"] == "advance":
                each["inputs"] = [value or 255 for value in each["inputs"]]
        return answer


def test_if_nearly_all_cases_fail_by_one_clause_the_verdict_is_about_the_adapter():
    report = run_suite(LOW, Target(lambda: Adapters.in_process(MapsNothingWrongly), ""))
    document = as_json(report, "0")
    assert sum(each.verdict in BAD for each in report.results) >= 10
    assert len(document["causes"][0]["cases"]) >= 10
    assert "cases fail by one clause" in document["adapter"]
    assert document["exit"] == 4


def test_a_failure_that_cannot_be_repeated_is_the_adapters():
    made = count()

    class Moody(template.Adapter):
        """Tells a wrong state, another in each process."""

        def __init__(self):
            self.mood = next(made)

        def handle(self, request):
            answer = super().handle(request)
            for each in answer.get("obs", ()):
                if each["obs"] == "advance" and each["frame"] == 5:
                    each["state"] = self.mood
            return answer

    report = run_suite([CASES["core/pulse"]], Target(lambda: Adapters.in_process(Moody), ""))
    assert [each.repeatable for each in report.results] == [False]
    assert "cannot be repeated" in report.adapter_fault()
    assert report.exit_code() == 4


def resyncing(declared):
    """Return an adapter whose peer B has a wrong input in frame 8, notices it at 14, and is given A's state."""
    pressed = [{}, {}]

    class Peer(template.Peer):
        def tick(self, value):
            pressed[self.number][len(self.used)] = value
            super().tick(value)

        def deliver(self, sender, data):
            super().deliver(sender, data)
            if self.number == 1 and 8 in self.known[0]:
                self.known[0][8] = 99

        def advance(self):
            frame = len(self.used)
            if frame == 14 and self.number == 1:
                right = [self.states[0]]
                for number in range(14):
                    right.append(template.game(right[-1], [pressed[0][number], pressed[1][number]]))
                self.states = right
                self.obs.append({"obs": "violation", "kind": "desync", "frame": frame})
                self.obs.append({"obs": "load", "frame": frame, "state": right[-1]})
            super().advance()

    class Made(template.Adapter):
        hello = template.Adapter.hello | {"variants": {"resync": "state"} if declared else {}}

        def become(self, request):
            return Peer(request["peer"], request["peers"], request["config"])

    return Made


class ControlInOrder(template.Adapter):
    """Sends acknowledgements apart from inputs, and breaks if one is lost, doubled or overtaken."""

    hello = template.Adapter.hello | {"variants": {"transport_needs": "reliable-control"}}

    def handle(self, request):
        if request["op"] == "reset":
            self.sent, self.heard = count(), 0
        if request["op"] == "deliver" and "control" in json.loads(b64decode(request["packet"])):
            assert json.loads(b64decode(request["packet"]))["control"] == self.heard, "a control packet is missing"
            self.heard += 1
            return {"seq": request["seq"]}
        answer = super().handle(request)
        if request["op"] == "tick" and len(self.peer.peers) == 2:
            (partner,) = self.peer.acked
            packet = template.b64encode(json.dumps({"control": next(self.sent)}).encode()).decode()
            answer["out"] = [*answer["out"], {"to": partner, "class": "other", "packet": packet}]
        return answer


class ControlNeedsMore(ControlInOrder):
    """The same, and does not say so."""

    hello = template.Adapter.hello


def test_a_state_of_a_partner_after_a_desync_is_no_wrong_state_if_that_is_declared():
    case = CASES["core/pulse"].changed(
        schedule=busy_rounds(20),
        network={"latency_us": 0},
        end={"how": "stop"},
        premise=[{"obs": "violation", "kind": "desync"}],
        expect=["game"],
    )
    declared, _ = run_and_judge(case, Adapters.in_process(resyncing(declared=True)))
    assert declared.verdict is Verdict.PASS, declared
    strict, _ = run_and_judge(case, Adapters.in_process(resyncing(declared=False)))
    assert strict.failure.clause == "game"


LOSSY = [CASES[id] for id in ("transport/loss-10-percent", "transport/loss-30-percent", "core/duplicates")]


def test_inputs_may_be_lost_where_a_control_channel_is_reliable_if_that_is_declared():
    for case in LOSSY:
        judgement, run = run_and_judge(case, Adapters.in_process(ControlInOrder))
        if judgement.verdict is Verdict.NOT_APPLICABLE:
            continue
        assert judgement.verdict is Verdict.PASS, judgement
        sent = [event.data for event in run.events if event.kind == "send"]
        lost = {each["class"] for each in sent if each["fate"].startswith("lost")}
        assert lost <= {"input"}
    assert any(run_and_judge(case, Adapters.in_process(ControlNeedsMore))[0].verdict is Verdict.CRASH for case in LOSSY)
