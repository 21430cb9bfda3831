"""The search: it goes on past what is known, keeps one case of each cause, and its reports and repeat lines hold."""

from __future__ import annotations

import json
import re
import shlex
from xml.etree import ElementTree

import pytest

from rollproof.cli import run
from rollproof.conformance.adapters.reference import Adapter
from rollproof.conformance.cases.case import parse_case
from rollproof.conformance.judge.verdict import judge
from rollproof.conformance.mutants.catalogue import find_mutant
from rollproof.conformance.runner.play import Adapters, run_case
from rollproof.conformance.schema import check
from rollproof.conformance.suite.fuzz import PATIENT_MS, fuzz, random_case
from rollproof.conformance.suite.judged import run_and_judge
from rollproof.conformance.suite.suite import BAD, Target, cause_of

MUTANT = "variant:latest_misprediction_wins"
SHALLOW = "bug:no_rollback_to_frame_0"


def target(mutant=None):
    make = Adapter if mutant is None else find_mutant(mutant).make
    return Target(lambda: Adapters.in_process(make), "" if mutant is None else f"--mutant {mutant}")


def test_the_search_finds_nothing_in_the_reference():
    found = fuzz(target(), 12, seed=3)
    assert (found.findings, found.runs, found.judged, found.exit_code) == ([], 12, 12, 0)


@pytest.fixture(scope="module", autouse=True)
def hasty():
    """Make what is found less small, for speed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rollproof.conformance.suite.fuzz.LONGEST_MINIMISATION", 25)
        yield


@pytest.fixture(scope="module")
def found(hasty):
    return fuzz(target(MUTANT), 12, seed=1)


def test_the_search_goes_on_and_keeps_one_small_case_of_each_cause(found):
    assert (found.runs, found.exit_code) == (12, 1)
    causes = [cause_of(each.result.judgement) for each in found.findings]
    assert len(causes) == len(set(causes)) >= 1
    failed = len(causes) + sum(each.again for each in found.findings)
    assert failed > len(causes), "some cause is met twice, and told once"


def test_what_the_search_finds_fails_as_the_schedule_did_and_not_in_the_reference(found):
    for each in found.findings:
        whole = random_case(1, each.number - 1, target_able(), 2)
        first, _ = run_and_judge(whole, Adapters.in_process(find_mutant(MUTANT).make))
        again = parse_case(each.case_text(), "found")
        judgement, _ = run_and_judge(again, Adapters.in_process(find_mutant(MUTANT).make))
        assert cause_of(judgement) == cause_of(first)
        assert judgement.effect in again["why"]
        assert judgement.failure.clause in again["title"]
        assert len(again["schedule"]) < each.steps_before
        assert judge(run_case(again, Adapters.in_process(Adapter))).verdict not in BAD


def target_able():
    adapters = Adapters.in_process(Adapter)
    adapters.get(1)
    return adapters.hello.capabilities


def test_what_is_known_is_passed_over_by_clause_and_by_cause(found):
    judged = [each.result.judgement for each in found.findings]
    causes = {(failure.clause, each.effect) for each in judged for failure in (each.failure, *each.others)}
    clauses = {clause for clause, _ in causes}
    for known in ({"excepted": clauses}, {"known": causes}):
        again = fuzz(target(MUTANT), 12, seed=1, **known)
        assert again.runs == 12
        assert again.known.total() > 0
        assert "as known" in again.sentence()
        # what was hidden behind it is found, once it is known
        assert not causes & {cause_of(each.result.judgement) for each in again.findings}


def test_where_no_deadline_can_pass_an_end_must_be_agreed():
    able = target_able()
    made = [random_case(5, number, able, 2) for number in range(60)]
    patient = [case for case in made if case.config.get("input_confirmation_timeout_ms") == PATIENT_MS]
    assert patient
    assert all("ends_agreed" in case["expect"] and "degraded" not in case.json for case in patient)
    assert all(case.json.get("degraded") for case in made if "max_steps" in case.config and case not in patient)


def test_every_report_of_a_search_is_written_and_its_causes_can_be_made_known(tmp_path, capsys):
    files = {kind: tmp_path / f"found.{kind}" for kind in ("json", "html", "xml")}
    command = ["conform", "--fuzz", "4", "--seed", "1", "--mutant", SHALLOW]
    written = ["--json", str(files["json"]), "--html", str(files["html"]), "--junit", str(files["xml"])]
    assert run([*command, *written]) == 1
    document = json.loads(files["json"].read_text(encoding="utf-8"))
    check("result", document)
    assert document["search"]["runs"] == 4
    assert len(document["results"]) == len(document["causes"]) >= 1
    assert document["results"][0]["case"] in files["html"].read_text(encoding="utf-8")
    assert int(ElementTree.parse(files["xml"]).getroot().attrib["tests"]) == len(document["results"])
    capsys.readouterr()
    causes = {(each["clause"], each["effect"]) for each in document["causes"]}
    more = tmp_path / "more.json"
    assert run([*command, "--known", str(files["json"]), "--json", str(more)]) in (0, 1)
    assert "as known" in capsys.readouterr().out
    left = json.loads(more.read_text(encoding="utf-8"))
    assert not causes & {(each["clause"], each["effect"]) for each in left["causes"]}
    assert sum(left["search"]["known"].values()) > 0


def repeated(out):
    """Return the arguments of the first line that says how to repeat a failure."""
    line = re.search(r"repeat +.*?(conform .*)", out).group(1)
    return shlex.split(line)


@pytest.mark.parametrize("saved", [False, True])
def test_the_repeat_line_of_a_search_works_as_printed(tmp_path, capsys, saved):
    options = ["--save", str(tmp_path / "a case.json")] if saved else []
    assert run(["conform", "--fuzz", "4", "--seed", "1", "--mutant", SHALLOW, *options]) == 1
    out = capsys.readouterr().out
    clause = re.search(r"clause +(\S+)", out).group(1)
    assert run(repeated(out)) == 1
    again = capsys.readouterr().out
    assert re.search(r"clause +(\S+)", again).group(1) == clause
    assert repeated(again)[:2] == repeated(out)[:2]
    if saved:
        assert run(repeated(again)) == 1


@pytest.mark.parametrize("folder", [False, True])
def test_the_repeat_line_after_a_file_works_as_printed(found, tmp_path, capsys, folder):
    path = tmp_path / "mine" / "found here.json"
    path.parent.mkdir()
    path.write_text(found.findings[0].case_text(), encoding="utf-8")
    assert run(["conform", "--case", str(path.parent if folder else path), "--seed", "7", "--mutant", MUTANT]) == 1
    line = repeated(capsys.readouterr().out)
    assert str(path) in line
    assert line[line.index("--seed") + 1] == "7"
    assert run(line) == 1


def test_two_findings_are_saved_side_by_side(tmp_path, capsys):
    path = tmp_path / "found.json"
    assert run(["conform", "--fuzz", "12", "--seed", "1", "--mutant", MUTANT, "--save", str(path)]) == 1
    names = sorted(each.name for each in tmp_path.iterdir())
    assert names[0] in ("found.json", "found-2.json")
    assert len(names) == int(re.search(r"(\d+) by causes of their own", capsys.readouterr().out).group(1))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--fuzz", "3", "--case", "core/idle"], "--case"),
        (["--fuzz", "3", "--profile", "core"], "--profile"),
        (["--fuzz", "3", "--smoke"], "--smoke"),
        (["--fuzz", "3", "--list"], "--list"),
        (["--fuzz", "3", "--strict"], "--strict"),
        (["--fuzz", "3", "--jobs", "2"], "--jobs"),
        (["--except", "agreement"], "--fuzz N"),
        (["--save", "found.json"], "--fuzz N"),
        (["--fuzz", "3", "--except", "agrement"], "agreement"),
    ],
)
def test_what_a_search_cannot_use_is_refused_in_one_line(options, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["conform", *options]) == 2
    said = capsys.readouterr().err.strip()
    assert told in said
    assert list(tmp_path.iterdir()) == []
