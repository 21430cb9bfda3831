"""The league: what is made of the results of real implementations; and the family of cases in which a player leaves."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import attrs
import pytest

from rollproof.conformance.adapters.template import Adapter
from rollproof.conformance.judge.verdict import Verdict
from rollproof.conformance.real import __main__ as command
from rollproof.conformance.real.effect import effect_of, network_of
from rollproof.conformance.real.findings import RESULTS, findings
from rollproof.conformance.real.implementations import IMPLEMENTATIONS, INDEPENDENT
from rollproof.conformance.real.install import Nothing, NotRunError, Npm
from rollproof.conformance.real.judge import misquoted
from rollproof.conformance.real.league import league
from rollproof.conformance.runner.play import Adapters
from rollproof.conformance.suite.judged import run_and_judge
from tests.conformance import cases

CASES = cases()
CLAIMS = {**Adapter.hello, "capabilities": [*Adapter.hello["capabilities"], "leave"]}


class Careless(Adapter):
    """Claims to let players leave, and goes on as if they were there."""

    hello = CLAIMS


def judged(name, make=Careless):
    adapters = Adapters.in_process(make)
    try:
        return run_and_judge(CASES[name], adapters)
    finally:
        adapters.close()


class Honest(Careless):
    """Says that games differ, whenever somebody has left."""

    def handle(self, request):
        answer = super().handle(request)
        if request["op"] == "link":
            answer["obs"] = [{"obs": "violation", "kind": "desync", "frame": 15}]
        return answer


@pytest.mark.parametrize("how", ["told", "silent"])
def test_survivors_that_predict_alike_agree(how):
    assert judged(f"leaving/{how}-3-peers")[0].verdict is Verdict.PASS


def test_survivors_that_have_heard_unequally_are_told_apart():
    judgement, _ = judged("leaving/silent-last-4-reach-one")
    assert judgement.failure.clause == "survivors"
    assert effect_of(judgement) == "game"


def test_whoever_says_so_is_degraded():
    assert judged("leaving/silent-last-4-reach-one", Honest)[0].verdict is Verdict.DEGRADED


def test_whoever_waits_for_ever_is_stuck():
    judgement, _ = judged("leaving/silent-stalled")
    assert (judgement.verdict, judgement.failure.clause) == (Verdict.STUCK, "goes_on")
    assert effect_of(judgement) == "frozen"


class Hasty(Careless):
    """Calls every frame confirmed that it has simulated."""

    def handle(self, request):
        answer = super().handle(request)
        if request["op"] == "tick":
            told = [each["frame"] for each in answer["obs"] if each["obs"] == "advance"]
            answer["obs"] += [{"obs": "confirm", "frame": max(told)}] if told else []
        return answer


def test_what_was_called_confirmed_is_final():
    assert judged("leaving/silent-3-peers", Hasty)[0].failure.clause == "confirmed_is_final"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("core/constant-latency-100ms", "constant"),
        ("core/active-4-peers", "constant"),
        ("core/window-latency-beyond", "lossless"),
        ("core/jitter", "lossy"),
        ("transport/loss-30-percent", "lossy"),
        ("leaving/silent-3-peers", "leaving"),
    ],
)
def test_a_case_has_its_kind_of_network(name, kind):
    assert network_of(CASES[name]) == kind


def row_of(told):
    document = {"judged": "2026-11-27", "runs": [{"options": "", "summary": {}, "results": {"core/idle": told}}]}
    return league([(INDEPENDENT, document)], list(CASES.values()), [])[0]


def test_the_headline_tells_the_worst_of_what_must_hold():
    bad = {"verdict": "fail", "effect": "game", "strength": "MUST", "cause": None}
    assert row_of({"verdict": "pass"}).headline["constant"] == "right"
    assert row_of({"verdict": "n/a"}).headline["constant"] == "not tried"
    assert row_of(bad).headline["constant"] == "**wrong game** (1 of 1 cases)"
    assert row_of({**bad, "strength": "SHOULD"}).headline["constant"] == "not tried"


def test_every_failure_is_traced_to_a_finding():
    for implementation in IMPLEMENTATIONS:
        document = json.loads((RESULTS / f"{implementation.file}.json").read_text(encoding="utf-8"))
        ours = {each.id for each in findings(implementation)}
        for run in document["runs"]:
            for name, told in run["results"].items():
                if "effect" in told:
                    assert told["cause"] in ours, (implementation.name, name)


def test_a_quoted_line_must_stand_in_the_source(tmp_path):
    finding = findings()[0]
    quoting = attrs.evolve(finding, code=({"file": "a.js", "line": 2, "text": "two"},))
    implementation = attrs.evolve(INDEPENDENT, recipe=Nothing(tmp_path))
    assert list(misquoted(quoting, implementation))
    (tmp_path / "a.js").write_text("one\nand two\n", encoding="utf-8")
    assert not list(misquoted(quoting, implementation))
    (tmp_path / "a.js").write_text("two\nand one\n", encoding="utf-8")
    assert list(misquoted(quoting, implementation))


def test_what_has_no_toolchain_is_not_run(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotRunError, match="there is no node and no npm here"):
        Npm("nowhere", "nothing", "1").install()
    assert command.main(["ggrs", "independent"]) == 3
    told = capsys.readouterr().out
    assert "not run: ggrs: there is no cargo here" in told
    assert "not run: independent: there is no node here" in told


def test_wrong_usage_is_told(capsys):
    assert command.main(["nobody"]) == 2
    assert "NAME is one of" in capsys.readouterr().err
    assert command.main(["--finding", "ggrs", "nothing"]) == 2


def test_the_page_stands_alone():
    page = (RESULTS / "league.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "src=" not in page
    for finding in findings():
        assert f'id="{next(each.file for each in IMPLEMENTATIONS if each.name == finding.of)}-{finding.id}"' in page


@pytest.mark.skipif(shutil.which("go") is None, reason="Go is not installed")
@pytest.mark.slow
def test_the_template_in_go_passes(tmp_path):
    source = Path(__file__).parents[2] / "conformance" / "adapters" / "go" / "template.go"
    subprocess.run(("go", "build", "-o", str(tmp_path / "adapter"), str(source)), check=True, timeout=300)
    adapters = Adapters.of_command((str(tmp_path / "adapter"),), 60.0)
    try:
        for name in ("core/active-3-peers", "core/input-delay-2-latency-5", "core/window-input-changes-in-stall"):
            assert run_and_judge(CASES[name], adapters)[0].verdict is Verdict.PASS
    finally:
        adapters.close()


@pytest.mark.parametrize("name", sorted({finding.of for finding in findings()}))
def test_there_is_a_text_for_the_maintainers_that_names_each_finding(name):
    (text,) = (
        path.read_text(encoding="utf-8")
        for path in (RESULTS / "issues").glob("*.md")
        if path.stem == name.rpartition("/")[2]
    )
    for finding in findings():
        if finding.of == name and finding.strength == "MUST":
            assert finding.id in text, finding.id
