"""`rollproof simulate`: what it prints, what it writes, how it exits."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rollproof import campaigns, output
from rollproof.cli import run
from rollproof.model import documents
from rollproof.model.sessions.scenarios import SCENARIOS
from rollproof.output import UsageError

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run one command line; campaigns run on a thread, to be quick."""

    @contextmanager
    def on_a_thread(jobs: int | None, dask: str | None) -> Iterator[Executor]:
        with ThreadPoolExecutor(1) as pool:
            yield pool

    monkeypatch.setattr(campaigns, "executor", on_a_thread)

    def call(*arguments: object) -> tuple[int, str, str]:
        code = run(["simulate", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_a_scenario_that_holds_exits_with_0(command: Command) -> None:
    code, out, err = command("active_input_parity")
    assert (code, err) == (0, "")
    assert "1 of 1 session kept every promise" in out
    assert "held" in out


def test_all_scenarios_hold_without_a_differing_cell_where_parity_is_promised(command: Command, tmp_path: Path) -> None:
    code, out, _ = command("--all", "--json", tmp_path / "out.json")
    document = read(tmp_path / "out.json")
    assert code == 0
    assert document["held"] is True
    assert [session["name"] for session in document["sessions"]] == list(SCENARIOS)
    for session in document["sessions"]:
        if SCENARIOS[session["name"]].promises_parity:
            assert {count for peer in session["peers"] for count in peer["differing"].values()} == {0}
            assert all(peer["rows"] > 0 for peer in session["peers"])
    assert all(name in out for name in SCENARIOS)


def test_the_revision_before_73_exits_with_1(command: Command, tmp_path: Path) -> None:
    names = ("active_input_parity", "active_input_with_latency", "active_input_with_packet_loss")
    code, out, _ = command(*names, "--variant", "phase_61", "--json", tmp_path / "out.json")
    assert code == 1
    for session in read(tmp_path / "out.json")["sessions"]:
        assert sum(count for peer in session["peers"] for count in peer["differing"].values()) > 0
        assert any(promise["name"] == "parity" and promise["broken"] for promise in session["promises"])
    assert "rollproof simulate active_input_parity --variant phase_61" in out


def test_a_family_plays_all_of_its_forms(command: Command) -> None:
    _, out, _ = command("aggressive_debug_delay")
    assert all(f"aggressive_debug_delay_{frames}" in out for frames in (2, 3, 5))
    assert "3 of 3" in out


def test_a_session_is_written_out_and_played_again(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "schedule.json"
    first = command("three_peers", "--variant", "phase_61", "--save-schedule", path, "--json", tmp_path / "1.json")
    again = command("--schedule", path, "--variant", "phase_61", "--json", tmp_path / "2.json")
    assert (first[0], again[0]) == (1, 1)
    assert read(tmp_path / "1.json")["sessions"][0]["peers"] == read(tmp_path / "2.json")["sessions"][0]["peers"]
    assert command("--schedule", path)[0] == 0


def test_a_campaign_that_holds_exits_with_0(command: Command, tmp_path: Path) -> None:
    code, out, _ = command("--campaign", 6, "--seed", 3, "--json", tmp_path / "out.json")
    document = read(tmp_path / "out.json")
    assert code == 0
    assert (document["sessions"], document["seed"], document["failed"]) == (6, 3, 0)
    assert document["rollbacks"] > 0
    assert "Campaign" in out


def test_a_campaign_that_fails_says_how_to_see_it_again(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "schedule.json"
    code, out, _ = command("--campaign", 6, "--variant", "phase_61", "--save-schedule", path)
    assert code == 1
    assert "rollproof simulate --campaign 1 --seed " in out
    assert command("--schedule", path, "--variant", "phase_61")[0] == 1


def test_nothing_is_written_of_a_campaign_that_holds(command: Command, tmp_path: Path) -> None:
    code, _, err = command("--campaign", 2, "--save-schedule", tmp_path / "schedule.json")
    assert code == 0
    assert "no schedule is written" in err
    assert list(tmp_path.iterdir()) == []


def test_the_scenarios_are_listed(command: Command, tmp_path: Path) -> None:
    code, out, _ = command("--list", "--json", tmp_path / "out.json")
    assert code == 0
    assert all(name in out for name in SCENARIOS)
    assert [each["name"] for each in read(tmp_path / "out.json")["scenarios"]] == list(SCENARIOS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give one of"),
        (["three_peers", "--all"], "give one of"),
        (["--all", "--campaign", "2"], "give one of"),
        (["three_peer"], "did you mean three_peers"),
        (["active_input"], "did you mean"),
        (["x" * 5000], "there is no scenario"),
        (["--all", "--variant", "phase61"], "did you mean phase_61"),
        (["--campaign", "0"], "--campaign must be"),
        (["--campaign", "many"], "--campaign"),
        (["--campaign", "1", "--seed", "-1"], "--seed must be"),
        (["--campaign", "1", "--jobs", "0"], "--jobs must be"),
        (["--campaign", "1", "--jobs", "1", "--dask", "x"], "exclude"),
        (["--all", "--jobs", "2"], "belong to --campaign"),
        (["--all", "--save-schedule", "x"], "one scenario"),
        (["--schedule", "/no/such/file"], "cannot be read"),
        (["--schedule", __file__], "not JSON"),
        (["idle_parity", "--json", "/no/such/folder/x"], "cannot be written"),
        (["--unknown"], "--unknown"),
    ],
)
def test_wrong_usage_is_told_in_one_line_with_exit_code_2(command: Command, arguments: list[str], said: str) -> None:
    code, _, err = command(*arguments)
    assert code == 2
    assert said in err
    assert err.startswith("rollproof: ")
    assert err.count("\n") == 1
    assert len(err) < 400


def test_an_unknown_command_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulat"]) == 2
    assert "simulate" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["simulate", "--help"], ["simulate", "idle_parity"]])
def test_no_solver_is_loaded(arguments: list[str]) -> None:
    program = (
        f"import sys; from rollproof.cli import run; code = run({arguments}); sys.exit(code or 'z3' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "rollproof" in done.stdout or "kept every promise" in done.stdout


def test_processes_play_a_campaign_and_end(tmp_path: Path) -> None:
    arguments = ["simulate", "--campaign", "3", "--jobs", "1"]
    done = subprocess.run([sys.executable, "-m", "rollproof", *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout


def test_a_pipe_that_is_closed_early_ends_without_a_traceback() -> None:
    arguments = [sys.executable, "-m", "rollproof", "simulate", "--list"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    output.write_file(path, "before\n")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(documents.os, "replace", fail)
    with pytest.raises(UsageError, match="No space left"):
        output.write_file(path, "after\n")
    assert path.read_text() == "before\n"
    assert list(tmp_path.iterdir()) == [path]
