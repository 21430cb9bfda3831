"""Kinds of mistakes that public bug reports describe, and ways to be right that are not ours: each with its verdict."""

from __future__ import annotations

import json
import shutil
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from rollproof.conformance.adapters import template
from rollproof.conformance.judge.verdict import Verdict
from rollproof.conformance.mutants.different import RIGHT, mistakes
from rollproof.conformance.mutants.selftest import is_long
from rollproof.conformance.runner.play import Adapters
from rollproof.conformance.suite.judged import run_and_judge
from rollproof.conformance.suite.suite import BAD
from tests import long_but
from tests.conformance import cases

CASES = cases()
SHORT = [case for case in CASES.values() if not is_long(case)]
FINE = (Verdict.PASS, Verdict.DEGRADED, Verdict.NOT_APPLICABLE)
INDEPENDENT = Path(template.__file__).parent / "independent"


def made(peer, **hello):
    """Return what makes adapters of a peer of the template's kind."""

    class Made(template.Adapter):
        def become(self, request):
            return peer(request["peer"], request["peers"], request["config"])

    Made.hello = {**template.Adapter.hello, **hello}
    return Made


def some_is_bad(make, cases):
    """Tell whether a case fails, and play none after it."""
    adapters = Adapters.in_process(make)
    return any(run_and_judge(case, adapters)[0].verdict in BAD for case in cases)


def verdicts(make, cases):
    adapters = Adapters.in_process(make)
    return {case.id: run_and_judge(case, adapters)[0] for case in cases}


class Overwrites(template.Peer):
    """A second value for a known frame replaces the first."""

    def deliver(self, sender, data):
        packet, player = json.loads(b64decode(data)), self.peers.index(sender)
        for frame, value in enumerate(packet["values"], packet["first"]):
            if self.known[player].get(frame, value) != value:
                self.known[player][frame] = value
                if frame < len(self.used):
                    self.wrong = frame if self.wrong is None else min(self.wrong, frame)
        super().deliver(sender, data)


class Forgets(template.Peer):
    """Inputs of frames that are older than so many ticks are ignored for ever."""

    history = 64

    def deliver(self, sender, data):
        packet = json.loads(b64decode(data))
        oldest = len(self.used) - self.history + 1
        if packet["first"] < oldest:
            packet["values"] = packet["values"][oldest - packet["first"] :]
            packet["first"] = oldest
        super().deliver(sender, b64encode(json.dumps(packet).encode()).decode())


class ForgetsLater(Forgets):
    """The same, with a longer history."""

    history = 500


class ToThePresent(template.Peer):
    """Loads the present state when an input for the next frame arrives: nothing is replayed."""

    def deliver(self, sender, data):
        packet, player = json.loads(b64decode(data)), self.peers.index(sender)
        new = [
            f for f in range(packet["first"], packet["first"] + len(packet["values"])) if f not in self.known[player]
        ]
        super().deliver(sender, data)
        if len(self.used) in new and self.wrong is None:
            self.wrong = len(self.used)


@pytest.mark.parametrize(
    ("peer", "case", "clause"),
    [
        (Overwrites, "transport/second-value-late-0", "agreement"),
        (Overwrites, "transport/second-value-of-an-open-frame", "agreement"),
        (Forgets, "transport/silence-of-65-frames", "agreement"),
        (Forgets, "transport/silence-of-128-frames-any-window", "agreement"),
        (ForgetsLater, "endurance/silence-of-512-frames", "agreement"),
    ],
)
def test_a_mistake_of_this_kind_fails(peer, case, clause):
    judgement = verdicts(made(peer), [CASES[case]])[case]
    assert judgement.verdict in BAD
    assert clause in {judgement.failure.clause, *(each.clause for each in judgement.others)}
    assert verdicts(template.Adapter, [CASES[case]])[case].verdict in FINE


def test_a_load_of_the_present_frame_is_found_by_some_case():
    assert some_is_bad(made(ToThePresent), SHORT)


@pytest.mark.parametrize("every", long_but([8], [8, 1]))
@pytest.mark.parametrize("name", sorted(RIGHT))
def test_who_is_right_in_another_way_is_accused_of_nothing(name, every):
    some = [case for number, case in enumerate(SHORT) if case["profile"] == "core" or number % every == 0]
    wrong = {id: each for id, each in verdicts(RIGHT[name], some).items() if each.verdict in BAD}
    assert wrong == {}


@pytest.mark.parametrize("name", ["run-ahead", "keeps-presses", "sparse", "contiguous", "forgives-silence"])
def test_what_is_not_declared_is_judged_strictly(name):
    class Silent(RIGHT[name]):
        def handle(self, request):
            answer = super().handle(request)
            if "hello" in answer:
                hello = {**answer["hello"], "variants": {}}
                hello["capabilities"] = [each for each in hello["capabilities"] if each != "sparse"]
                answer = {**answer, "hello": hello}
            return answer

    cases = [*SHORT, CASES["core/window-partner-is-back"]]
    assert some_is_bad(Silent, cases)


@pytest.mark.parametrize("mutant", list(mistakes()), ids=lambda mutant: mutant.name)
def test_who_is_right_in_another_way_can_be_wrong_in_it(mutant):
    named = [case for case in CASES.values() if mutant.name in case["kills"]]
    assert some_is_bad(mutant.make, named or SHORT)


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
@pytest.mark.parametrize(
    ("old", "new", "case"),
    [
        (  # a frame poll between the decision to roll back and the load
            "    if (this.work !== null) return;\n    this.work",
            "    if (this.work !== null) {\n"
            "      if (this.deciding && value !== null && this.schedule(now, value)) this.advance();\n"
            "      return;\n    }\n    this.work",
            "recording/between-ticks",
        ),
        (  # a second value replaces the first, while the frame is not final
            "} else if (known !== undefined) {",
            "} else if (known !== undefined && (known === value || frame < this.canonical.length)) {",
            "transport/second-value-of-an-open-frame",
        ),
    ],
)
def test_the_independent_peer_with_a_mistake_fails_a_generated_case(tmp_path, old, new, case):
    folder = tmp_path / "adapters" / "independent"
    shutil.copytree(INDEPENDENT.parent, tmp_path / "adapters")
    session = folder / "session.mjs"
    text = session.read_text(encoding="utf-8")
    decided = "    const target = game.rewind();"
    assert old in text
    assert decided in text
    waits = "    this.deciding = true;\n    yield;\n    this.deciding = false;\n" if "deciding" in new else ""
    session.write_text(text.replace(old, new).replace(decided, waits + decided), encoding="utf-8")
    for path, fine in ((folder, False), (INDEPENDENT, True)):
        adapters = Adapters.of_command(["node", str(path / "peer.mjs")], 20)
        try:
            judgement, _ = run_and_judge(CASES[case], adapters)
        finally:
            adapters.close()
        assert (judgement.verdict in FINE) is fine, judgement
