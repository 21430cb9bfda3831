"""Adapters that are processes: right ones, and every way to misbehave."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rollproof.cli import run
from rollproof.conformance.adapters.misbehaving import KINDS
from rollproof.conformance.adapters.reference import Adapter
from rollproof.conformance.judge.verdict import Verdict
from rollproof.conformance.runner.play import Adapters, run_case
from rollproof.conformance.runner.transport import AdapterError, Process, Request
from rollproof.conformance.suite.judged import run_and_judge
from rollproof.conformance.suite.suite import Target, run_suite
from tests.conformance import cases

CASES = cases()
ADAPTERS = Path(__file__).parents[2] / "conformance" / "adapters"
REFERENCE = (sys.executable, "-m", "rollproof.conformance.adapters.reference")
MUTANT = (sys.executable, "-m", "rollproof.conformance.mutants")
TEMPLATES = {"python": (sys.executable, str(ADAPTERS / "template.py")), "node": ("node", str(ADAPTERS / "template.js"))}
CRASH, STUCK, BROKEN = Verdict.CRASH, Verdict.STUCK, Verdict.HARNESS_ERROR
VERDICTS = {
    **dict.fromkeys(KINDS, BROKEN),
    **dict.fromkeys(("says-error", "dies", "leaves-a-child"), CRASH),
    **dict.fromkeys(("silence", "ignores-termination", "stderr-flood"), STUCK),
}


def run_one(command, case, limit=20.0):
    adapters = Adapters.of_command(command, limit)
    try:
        return run_and_judge(case, adapters)
    finally:
        adapters.close()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_suite_survives(kind):
    limit = 1.0 if VERDICTS[kind] is STUCK else 20.0
    command = (sys.executable, "-m", "rollproof.conformance.adapters.misbehaving", kind)
    judgement, run = run_one(command, CASES["core/idle"], limit)
    assert judgement.verdict is VERDICTS[kind], judgement
    assert "\n" not in (judgement.reason or str(judgement.failure))
    if kind == "dies":
        assert "something went wrong here" in run.stderr
        assert "code 3" in judgement.failure.actual


def test_no_process_is_left_behind():
    marker = f"misbehaving-{os.getpid()}"
    script = (
        "import os,signal,sys,time\n"
        f"# {marker}\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "os.fork()\n"
        "time.sleep(3600)\n"
    )
    process = Process([sys.executable, "-c", script], limit_s=0.5)
    with pytest.raises(AdapterError, match="no answer within"):
        process.ask(Request(1, "hello", {"protocol": 1}))
    process.close()
    deadline = time.monotonic() + 10
    while marker in _command_lines() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert marker not in _command_lines()


def _command_lines():
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


def test_a_command_that_does_not_exist_is_told():
    with pytest.raises(AdapterError, match="cannot start"):
        run_suite([CASES["core/idle"]], Target(lambda: Adapters.of_command(["./nothing"], 1), ""))


@pytest.mark.parametrize("more", [[], ["--case", "core/idle"], ["--smoke"], ["--fuzz", "1"]])
def test_a_crash_at_start_shows_all_that_the_adapter_wrote(more, capsys):
    script = "import sys; sys.exit('Error: no module named rollback\\n    at load\\n\\nNode.js v20')"
    assert run(["conform", *more, "--", sys.executable, "-c", script]) == 4
    told = capsys.readouterr().err
    assert told.count("Error: no module named rollback") == 1
    assert "exited with code 1" in told


def test_after_a_crash_the_next_case_gets_fresh_adapters():
    command = (sys.executable, "-m", "rollproof.conformance.adapters.misbehaving", "dies")
    report = run_suite([CASES["core/idle"], CASES["core/pulse"]], Target(lambda: Adapters.of_command(command, 20), ""))
    assert [result.verdict for result in report.results] == [CRASH, CRASH]
    assert report.exit_code() == 1


def test_the_reference_as_a_process_gives_the_same_bytes_as_in_process():
    adapters = Adapters.of_command(REFERENCE, 20)
    try:
        for id in ("core/active-3-peers", "recording/interleaved-second-rollback", "episode/three-in-a-row"):
            assert run_case(CASES[id], adapters).digest == run_case(CASES[id], Adapters.in_process(Adapter)).digest
    finally:
        adapters.close()


def test_a_mutant_can_be_a_process():
    judgement, _ = run_one((*MUTANT, "bug:short_ring"), CASES["core/deep-rollback"])
    assert judgement.verdict is Verdict.FAIL


@pytest.mark.parametrize("language", sorted(TEMPLATES))
def test_the_templates_pass_all_that_applies_to_them(language):
    if shutil.which(TEMPLATES[language][0]) is None:
        pytest.skip(f"{language} is not installed")
    some = [case for case in CASES.values() if case["level"] < 2][::4]
    report = run_suite(some, Target(lambda: Adapters.of_command(TEMPLATES[language], 20), ""), jobs=2)
    assert {result.verdict for result in report.results} <= {Verdict.PASS, Verdict.NOT_APPLICABLE}
    assert sum(result.verdict is Verdict.PASS for result in report.results) >= 8
    assert report.exit_code() == 0


@pytest.mark.parametrize("language", ["python", "node"])
def test_a_template_is_about_a_hundred_lines(language):
    lines = Path(TEMPLATES[language][1]).read_text(encoding="utf-8").splitlines()
    assert len(lines) < 155
