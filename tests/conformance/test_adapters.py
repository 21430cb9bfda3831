"""The adapters of other implementations, and what is published of them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from rollproof.conformance.cases.case import read_case
from rollproof.conformance.judge.verdict import Verdict
from rollproof.conformance.real.findings import RESULTS, about, findings
from rollproof.conformance.real.implementations import IMPLEMENTATIONS, INDEPENDENT, Configuration
from rollproof.conformance.real.page import page
from rollproof.conformance.suite.judged import run_and_judge
from rollproof.conformance.suite.smoke import smoke
from tests.conformance import cases

ROOT = Path(__file__).parents[2]
CASES = cases()
HANDFUL = (
    "core/active-3-peers",
    "core/input-delay-2-latency-5",
    "core/window-input-changes-in-stall",
    "diagnostics/desync",
    "diagnostics/metrics-relay",
    "episode/end-mispredicted-too-early",
    "episode/three-in-a-row",
    "recording/interleaved-late-input",
    "transport/loss-30-percent",
)
"""One for each thing that a peer must be able to do."""
FINDINGS = findings()

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")


@pytest.fixture(scope="module")
def independent():
    adapters = INDEPENDENT.target(Configuration()).make()
    yield adapters
    adapters.close()


@needs_node
@pytest.mark.parametrize("name", HANDFUL)
def test_the_independent_peer_passes(independent, name):
    judgement, _ = run_and_judge(CASES[name], independent)
    assert judgement.verdict is Verdict.PASS, judgement


@needs_node
def test_the_independent_peer_says_when_it_is_alone(independent):
    judgement, _ = run_and_judge(CASES["episode/silent-partner"], independent)
    assert judgement.verdict is Verdict.DEGRADED, judgement


@needs_node
def test_the_independent_peer_keeps_to_the_adapter_protocol():
    adapters = INDEPENDENT.target(Configuration()).make()
    try:
        assert len(list(smoke(adapters))) == 5
    finally:
        adapters.close()


@needs_node
@pytest.mark.parametrize(
    ("adapter", "options", "told"),
    [
        ("mug", ("--source", "nowhere"), 'MUG is not installed in nowhere: run "make conform-real"'),
        ("netplayjs", ("--source", "nowhere"), 'netplayjs is not installed in nowhere: run "make conform-real"'),
        (
            "netplayjs",
            ("--build", "other.js"),
            "usage: adapter.mjs [--build netplay.js|netplay.min.js] [--source DIRECTORY]",
        ),
    ],
)
def test_an_adapter_refuses_in_one_line(adapter, options, told):
    command = ("node", str(ROOT / "conformance" / "adapters" / adapter / "adapter.mjs"), *options)
    ended = subprocess.run(command, input="", capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", told + "\n")


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: f"{finding.of}/{finding.id}")
def test_a_finding_is_complete(finding):
    case = read_case(finding.path)
    assert case.id == f"{finding.of.removeprefix('@')}/{finding.id}"
    assert not finding.origin or finding.origin in CASES
    assert finding.code, "the lines that cause it are quoted"
    assert all(place["line"] > 0 and place["text"].strip() for place in finding.code)


def test_every_schedule_belongs_to_a_finding():
    assert sorted(path.name for path in (RESULTS / "cases").iterdir()) == sorted(each.path.name for each in FINDINGS)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS, ids=lambda each: each.file)
def test_the_published_page_is_that_of_the_published_results(implementation):
    document = json.loads((RESULTS / f"{implementation.file}.json").read_text(encoding="utf-8"))
    ours = [each for each in FINDINGS if each.of == implementation.name]
    for finding in ours:
        shown = document["findings"][finding.id][str(Configuration(finding.options))]
        assert shown["clause"] == finding.clause
    written = (RESULTS / f"{implementation.file}.md").read_text(encoding="utf-8")
    assert written == page(implementation, about(implementation), document, ours)


def test_no_third_party_code_or_registry_is_committed():
    listed = subprocess.run(("git", "ls-files"), cwd=ROOT, capture_output=True, text=True, timeout=60)
    if listed.returncode:
        pytest.skip("this is not a git repository")
    names = listed.stdout.split()
    assert not [name for name in names if "node_modules" in name or name.endswith((".whl", "Cargo.lock", "uv.lock"))]
    locks = [name for name in names if name.endswith("package-lock.json")]
    assert not [name for name in locks if '"resolved"' in (ROOT / name).read_text(encoding="utf-8")]
    for name in names:
        if name.startswith("conformance/") and name.endswith((".py", ".mjs", ".md", ".toml", ".rs", ".go")):
            text = (ROOT / name).read_text(encoding="utf-8") if (ROOT / name).exists() else ""
            assert not re.search(r"https?://[^ ]*(pypi|npmjs|registry)", text), name
