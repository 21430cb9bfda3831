"""What the reports say, and how the page looks in a browser."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from rollproof.cli import run
from rollproof.conformance.adapters.reference import Adapter
from rollproof.conformance.cases.case import dump
from rollproof.conformance.mutants.catalogue import find_mutant
from rollproof.conformance.report.report import KINDS, LEGEND, failure_text, html, junit
from rollproof.conformance.runner.play import Adapters, run_case
from rollproof.conformance.schema import check
from rollproof.conformance.suite.suite import Target, as_json, run_suite
from tests.conformance import cases

CASES = cases()
SOME = [CASES[id] for id in ("core/deep-rollback", "core/idle", "transport/loss-10-percent", "episode/no-wait")]


@pytest.fixture(scope="module")
def document():
    make = find_mutant("bug:short_ring").make
    report = run_suite(SOME, Target(lambda: Adapters.in_process(make), "--mutant bug:short_ring"))
    made = as_json(report, "0")
    check("result", made)
    return made


def test_a_failure_in_words(document):
    failed = next(result for result in document["results"] if "failure" in result)
    text = failure_text(failed)
    for part in ("clause", "where", "expected", "got", failed["failure"]["expected"], "TICK"):
        assert part in text
    assert (
        text.splitlines()[-1].strip() == "repeat    rollproof conform --case core/deep-rollback --mutant bug:short_ring"
    )


def test_junit_counts_and_names(document):
    suite = ElementTree.fromstring(junit(document))
    assert suite.attrib["tests"] == "4"
    assert suite.attrib["failures"] == "1"
    failed = [case for case in suite if case.find("failure") is not None]
    assert [case.attrib["name"] for case in failed] == ["core/deep-rollback"]
    assert "rollproof conform --case" in failed[0].find("failure").text


def test_junit_survives_control_characters(document):
    broken = json.loads(json.dumps(document))
    broken["results"][0]["failure"]["actual"] = "\x00\x1b[31m\ud800 <&>"
    assert "<&>" in ElementTree.fromstring(junit(broken)).find("testcase/failure").attrib["message"]


def test_the_page_is_self_contained_and_escapes(document):
    evil = json.loads(json.dumps(document))
    evil["implementation"]["name"] = "<script>alert(1)</script>"
    evil["results"][0]["diagram"][0]["text"] = "<script>alert(2)</script>"
    page = html([evil, document])
    assert "<script" not in page
    assert "http://www.w3.org/2000/svg" in page
    assert page.count("http:") + page.count("https:") == page.count("http://www.w3.org/2000/svg")


def test_the_page_in_a_browser(document, tmp_path):
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("Chromium is not installed")
    from selenium import webdriver
    from selenium.webdriver.common.by import By

    page = tmp_path / "report.html"
    page.write_text(html([document, document]), encoding="utf-8")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={tmp_path / 'profile'}")
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        browser.get(page.as_uri())
        rows = browser.find_elements(By.CSS_SELECTOR, "#matrix tbody tr")
        assert len(rows) == len(SOME)
        assert len(browser.find_elements(By.CSS_SELECTOR, "section.failure")) == 2
        link = browser.find_element(By.CSS_SELECTOR, "#matrix a.fail")
        section = browser.find_element(By.ID, link.get_attribute("href").split("#")[1])
        assert "core/deep-rollback" in section.text
        assert "rollproof conform --case core/deep-rollback" in section.text
        diagram = section.find_element(By.CSS_SELECTOR, "svg.diagram")
        assert diagram.size["width"] > 300
        assert diagram.size["height"] > 200
        assert len(diagram.find_elements(By.CSS_SELECTOR, "circle.failed")) == 1
        body = browser.find_element(By.TAG_NAME, "body")
        assert body.size["width"] <= browser.execute_script("return window.innerWidth")
        assert not [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    finally:
        browser.quit()


# --- the command ---


def test_the_command_judges_the_reference(capsys, tmp_path):
    files = {name: tmp_path / f"report.{name}" for name in ("json", "junit", "html")}
    arguments = [part for name, path in files.items() for part in (f"--{name}", str(path))]
    assert run(["conform", "--case", "core/idle", "--case", "core/pulse", *arguments]) == 0
    assert "rollproof reference 1: 2 pass" in capsys.readouterr().out
    document = json.loads(files["json"].read_text(encoding="utf-8"))
    check("result", document)
    assert document["summary"] == {"pass": 2}
    again = (run_case(CASES[result["case"]], Adapters.in_process(Adapter)) for result in document["results"])
    assert [result["digest"] for result in document["results"]] == [each.digest for each in again]
    assert len({result["digest"] for result in document["results"]}) == 2
    assert ElementTree.parse(files["junit"]).getroot().attrib["failures"] == "0"
    assert "rollproof reference" in files["html"].read_text(encoding="utf-8")


def test_the_command_judges_a_mutant(capsys, tmp_path):
    assert run(["conform", "--case", "core/deep-rollback", "--mutant", "short_ring"]) == 1
    out = capsys.readouterr().out
    assert "rollproof conform --case core/deep-rollback --mutant bug:short_ring" in out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--case", "core/nothing"], 2, "there is no case 'core/nothing'"),
        (["--profile", "cores"], 2, "did you mean core"),
        (["--level", "3"], 2, "levels 0, 1 and 2"),
        (["--mutant", "x"], 2, "there is no mutant"),
        (["--mutant", "short_ring", "--", "node"], 2, "takes no adapter command"),
        (["--case", "/nowhere/case.json"], 2, "No such file"),
        (["--also", "/nowhere/r.json"], 2, "No such file"),
        (["--case", "core/idle", "--json", "/nowhere/r.json"], 2, "cannot be written"),
        (["--case", "core/idle", "--", "./nothing"], 4, "cannot start ./nothing"),
        (["--profile", "episode", "--level", "0"], 3, "no case matched"),
        (["--no-such-option"], 2, "no-such-option"),
    ],
)
def test_wrong_usage_is_told_in_one_line(arguments, code, said, capsys):
    assert run(["conform", *arguments]) == code
    captured = capsys.readouterr()
    assert said in captured.err + captured.out
    assert "Traceback" not in captured.err + captured.out


def test_smoke(capsys):
    assert run(["conform", "--smoke"]) == 0
    assert "the same in all that happened" in capsys.readouterr().out


def test_a_case_that_the_search_saved_can_be_run(capsys, tmp_path):
    saved = tmp_path / "found.json"
    mutant = ["--level", "0", "--mutant", "no_rollback_to_frame_0"]
    assert run(["conform", "--fuzz", "12", "--seed", "1", *mutant, "--save", str(saved)]) == 1
    assert f"--case {saved}" in capsys.readouterr().out
    assert run(["conform", "--case", str(saved), *mutant]) == 1
    assert run(["conform", "--case", str(saved)]) == 0


def test_the_search_goes_on_past_what_is_known_and_says_how_often(capsys):
    command = ["conform", "--fuzz", "12", "--seed", "1", "--level", "0", "--mutant", "no_rollback_to_frame_0"]
    assert run(command) == 1
    clause = re.search(r"clause +(\w+)", capsys.readouterr().out)[1]
    code = run([*command, "--except", clause])
    told = capsys.readouterr().out
    assert f"with a failure of {clause} as known" in told
    assert code == 0 or re.search(r"clause +(\w+)", told)[1] != clause
    assert run([*command, "--except", "nonsense"]) == 2


@pytest.mark.parametrize("option", ["--case", "--profile"])
def test_what_the_search_cannot_honour_is_refused(option, capsys):
    value = {"--case": "core/idle", "--profile": "core"}[option]
    assert run(["conform", "--fuzz", "1", option, value]) == 2
    assert f"it takes no {option}" in capsys.readouterr().err


def test_a_case_of_a_file_is_repeated_by_its_file(tmp_path, capsys):
    mine = tmp_path / "my case.json"
    mine.write_text(dump(CASES["core/deep-rollback"].changed(id="mine/deep")))
    assert run(["conform", "--case", str(mine), "--mutant", "bug:short_ring"]) == 1
    again = re.search(r"repeat +.*?(conform .*)", capsys.readouterr().out)[1]
    assert run(shlex.split(again)) == 1


def test_listing(capsys):
    assert run(["conform", "--list", "--profile", "core"]) == 0
    assert "core/deep-rollback" in capsys.readouterr().out


def test_the_page_template_is_packaged():
    assert (Path(__file__).parents[2] / "conformance" / "report" / "templates" / "report.html.j2").exists()


def test_what_went_wrong_comes_first_and_the_rest_is_a_choice_away(document):
    page = html([document])
    rows = re.findall(r'<tr class="(bad|untold|good)">', page)
    assert rows == sorted(rows, key=KINDS.index)
    assert len(rows) == len(document["results"])
    assert rows[0] == "bad"
    assert re.findall(r'id="show-(\w+)" checked', page) == ["bad"]
    for kind in KINDS:
        assert f"({rows.count(kind)})" in page
    verdicts = {result["verdict"] for result in document["results"]}
    assert all((f"</span>: {meaning}" in page) == (verdict in verdicts) for verdict, meaning in LEGEND.items())
