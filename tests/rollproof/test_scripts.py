"""A tool that scripts can rely on: exit codes, files, pipes, encodings, and nothing left running."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from rollproof import reference
from rollproof.cli import app, run
from rollproof.conformance.cases.case import published_cases
from rollproof.conformance.judge.verdict import Verdict
from rollproof.conformance.runner.play import Adapters
from rollproof.conformance.schema import ADAPTER_PROTOCOL, schema
from rollproof.conformance.suite.suite import GIVEN_UP_AFTER, Target, run_suite
from rollproof.model import documents
from rollproof.model.documents import DocumentError, check_writable, write_text
from rollproof.output import EXIT_CODES, many
from tests import long_but

ROOT = Path(__file__).parents[2]
HOME = Path(reference.__file__).parents[1]
"""Where the chapters are: the checkout, or the installed package, against which test_wheel.py runs these tests."""
PROGRAM = [sys.executable, "-m", "rollproof"]
SECOND_SOLVER = pytest.mark.skipif(find_spec("cvc5") is None, reason="needs the second solver")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*PROGRAM, *arguments], cwd=ROOT, capture_output=True, timeout=120, env={**os.environ, **environment}
    )


def until(holds: Callable[[], object], seconds: float = 30) -> None:
    """Wait until something holds; the time is generous, so that only what never holds fails."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# --- exit codes ---


@pytest.mark.parametrize("name", ["", *(name for name in app if not name.startswith("-"))])
def test_every_help_lists_the_exit_codes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*name.split(), "--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"{code:>4}  {meaning}" in out for code, meaning in EXIT_CODES.items())


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the chapters in a copy of the project, or of what is installed, to be broken."""
    folder = tmp_path_factory.mktemp("copy")
    ignore = shutil.ignore_patterns("__pycache__", "results")
    if HOME.name == "rollproof" and (HOME / "cli.py").exists():
        return Path(shutil.copytree(HOME, folder / "rollproof", ignore=ignore))
    for name in ("rollproof", "reference", "model", "proofs", "conformance", "lessons"):
        shutil.copytree(HOME / name, folder / name, ignore=ignore)
    return folder


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("reference/buffers.py", "def promote_frame", "def promote_frame(", "reference/buffers.py:"),
        ("reference/guards.py", '@guard("', 'raise RuntimeError("oh")\n@guard("', "RuntimeError: oh"),
        ("reference/state.py", "from attrs", "from attrz", "reference/state.py:"),
        ("reference/guards.py", '@guard("', '@guard("FOO-1", "', "cites 'FOO-1', which is no rule"),
        ("reference/PROTOCOL.md", "Protocol version", "Version", "which version"),
    ],
)
def test_a_broken_protocol_is_bad_input_in_one_line(copy: Path, file: str, old: str, new: str, says: str) -> None:
    text = (copy / file).read_text(encoding="utf-8")
    changed = text.replace(old, new, 1)
    assert changed != text
    (copy / file).write_text(changed, encoding="utf-8")
    place = copy.parent if copy.name == "rollproof" else copy
    arguments = ["--version"] if file.endswith(".md") else ["verify", "--transition", "confirm_frame"]
    try:
        done = subprocess.run(
            [*PROGRAM, *arguments],
            cwd=place,
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"},
        )
    finally:
        (copy / file).write_text(text, encoding="utf-8")
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("rollproof: ")
    assert done.stderr.count("\n") == 1
    assert says in done.stderr


def test_a_fault_of_our_own_is_no_verdict(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("whatever")

    monkeypatch.setattr("rollproof.trace.load", fail)
    assert run(["trace", "x"]) == 70
    err = capsys.readouterr().err
    assert "KeyError: 'whatever'" in err
    assert err.count("\n") == 1
    monkeypatch.setenv("ROLLPROOF_TRACEBACK", "1")
    with pytest.raises(KeyError):
        run(["trace", "x"])


def test_a_closed_pipe_and_a_full_disk_are_no_verdict() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        arguments = ["simulate", "active_input_parity"]
        done = subprocess.run([*PROGRAM, *arguments], cwd=ROOT, stdout=closed, stderr=subprocess.PIPE, timeout=120)
    assert (done.returncode, done.stderr) == (2, b"")
    if Path("/dev/full").exists():
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run([*PROGRAM, *arguments], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, timeout=120)
        assert done.returncode == 2
        assert done.stderr.count(b"\n") <= 1
        assert b"No space left" in done.stderr
        assert run(["simulate", "idle_parity", "--json", "/dev/full"]) == 2


# --- files ---


def test_what_is_no_ordinary_file_is_written_through(tmp_path: Path) -> None:
    done = call("simulate", "idle_parity", "--json", "/dev/stdout")
    assert done.returncode == 0
    assert json.loads(done.stdout[: done.stdout.index(b"\n}\n") + 2])["held"] is True
    target, link, pipe = tmp_path / "target", tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(target)
    write_text(link, "text\n")
    assert (link.is_symlink(), target.read_text()) == (True, "text\n")
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write_text(pipe, "text\n")
    reader.join()
    assert read == ["text\n"]
    assert pipe.is_fifo()
    write_text(Path("/dev/null"), "text\n")
    assert Path("/dev/null").is_char_device()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe", "target"]


def test_rights_of_a_file_stay_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("before\n")
    file.chmod(0o640)
    write_text(file, "after\n")
    assert (file.stat().st_mode & 0o777, file.read_text()) == (0o640, "after\n")


def test_text_that_no_encoding_has_is_written(tmp_path: Path) -> None:
    documents.write_json(tmp_path / "file", {"a": "\ud800 \x9b31m ≠"})
    content = (tmp_path / "file").read_bytes()
    assert b"\xc2\x9b" not in content
    assert json.loads(content) == {"a": "\ud800 \x9b31m ≠"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["simulate", "idle_parity", "--json", "{0}/a", "--save-log", "{0}/a"], "two results cannot be written"),
        (["simulate", "idle_parity", "--json", "{0}/a", "--save-log", "{0}/./b/../a"], "two results"),
        (["verify", "--json", "{0}/no/a"], "there is no folder"),
        (["verify", "--json", "{0}"], "it is a folder"),
        (["verify", "--save-trace", "{0}/loop"], "cannot be written"),
        (["guards", "--json", "/no/such/folder/a"], "there is no folder"),
        (["conform", "--html", "{0}/no/a"], "there is no folder"),
        pytest.param(["verify", "--smt2", "{0}"], "not an empty directory", marks=SECOND_SOLVER),
    ],
)
def test_what_cannot_be_written_is_told_before_the_work(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError("the work had begun")

    for place in ("rollproof.verify.judge", "rollproof.guards._judge", "rollproof.conform.run_suite"):
        monkeypatch.setattr(place, work)
    monkeypatch.setattr("rollproof.simulate.play", work)
    (tmp_path / "b").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert run([each.format(tmp_path) for each in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
    assert err.count("\n") == 1


def test_a_missing_solver_is_told_before_the_proof(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "cvc5", None)
    monkeypatch.setattr("rollproof.verify.judge", lambda *_, **__: pytest.fail("the proof had begun"))
    assert run(["verify", "--cross-check"]) == 2
    assert "rollproof[cross-check]" in capsys.readouterr().err


def test_two_results_may_go_to_one_pipe_or_device() -> None:
    check_writable(Path("/dev/null"), Path("/dev/null"), None)
    with pytest.raises(DocumentError, match="two results"):
        check_writable(Path("/tmp/x"), Path("/tmp/../tmp/x"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["conform", "--also", "/dev/zero", "--case", "core/pulse"],
        ["trace", "/dev/zero"],
        ["simulate", "--schedule", "/dev/zero"],
        ["check-log", "/dev/zero"],
        ["check-log", "/dev/null", "--known", "/dev/zero"],
    ],
)
def test_an_endless_file_is_refused(arguments: list[str]) -> None:
    done = call(*arguments)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1


# --- text ---


@pytest.mark.parametrize("encoding", long_but(["ascii"], ["ascii", "cp1252", "latin-1", "utf-8"]))
@pytest.mark.parametrize("command", ["simulate active_input_parity", "explain RB-4", "--help", "explain window"])
def test_output_in_any_encoding(encoding: str, command: str) -> None:
    arguments = command.split()
    done = call(*arguments, PYTHONIOENCODING=encoding, COLUMNS="100")
    assert (done.returncode, done.stderr) == (0, b"")
    told = done.stdout.decode(encoding)
    if encoding == "ascii" and arguments[0] == "simulate":
        assert "!=truth" in told
    if encoding == "ascii" and arguments == ["explain", "RB-4"]:
        assert "!= none" in told


HOSTILE = r"""
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    if request["op"] == "hello":
        hello = {"protocol": 1, "name": "evil\u001b[2J\u009b31m\u0007", "version": "1\u001b]0;title\u0007",
                 "language": "Python", "level": 0, "capabilities": ["core"]}
        answer = {"seq": request["seq"], "hello": hello}
    else:
        sys.stderr.write("\033[31mred\x9b\n")
        sys.stderr.flush()
        answer = {"seq": request["seq"], "error": "went \u001b[8m wrong \ud800"}
    print(json.dumps(answer), flush=True)
"""


def test_an_adapter_cannot_reach_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "adapter.py").write_text(HOSTILE)
    files = [f"--{kind}={tmp_path / kind}" for kind in ("json", "html", "junit")]
    done = call(
        *("conform", "--case", "core/pulse", "--all-failures", *files),
        *("--", sys.executable, str(tmp_path / "adapter.py")),
        PYTHONIOENCODING="utf-8",
    )
    assert done.returncode in (1, 4)
    for content in (done.stdout, done.stderr, *((tmp_path / kind).read_bytes() for kind in ("json", "html", "junit"))):
        for sequence in (b"\x1b", b"\x07", b"\xc2\x9b"):
            assert sequence not in content


def test_singular_and_plural() -> None:
    assert [many(1, "case"), many(2, "case"), many(0, "match"), many(1234, "property"), many(2, "way")] == [
        "1 case", "2 cases", "0 matches", "1,234 properties", "2 ways",
    ]  # fmt: skip


def test_the_verdict_stands_first_on_a_narrow_terminal() -> None:
    done = call("guards", "promote_frame.no_rollback_pending", COLUMNS="60")
    row = next(line for line in done.stdout.decode().splitlines() if "no_rollback" in line or "needed" in line)
    assert row.startswith("needed")


# --- nothing is left running ---


def processes(marker: str) -> list[int]:
    """Return the processes whose command line or environment has a marker in it."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            for part in ("cmdline", "environ"):
                try:
                    if marker.encode() in (folder / part).read_bytes():
                        found.append(int(folder.name))
                        break
                except OSError:
                    continue
    return found


@LINUX
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize(
    "arguments",
    [["simulate", "--campaign", "100000", "--jobs", "2"], ["guards", "--keep", "--jobs", "2"]],
    ids=["spawned", "forked"],
)
def test_workers_end_with_the_command(sign: signal.Signals, arguments: list[str]) -> None:
    marker = f"ROLLPROOF_TEST_{os.getpid()}_{sign}_{arguments[0]}"
    environment = {**os.environ, marker: "1"}
    with subprocess.Popen([*PROGRAM, *arguments], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            until(lambda: len(processes(marker)) >= 3)
            process.send_signal(sign)
            code = process.wait(30)
        finally:
            process.kill()
    assert code == (143 if sign == signal.SIGTERM else -sign)
    until(lambda: not processes(marker))


HANGING = """
import json, os, sys, time
for line in sys.stdin:
    request = json.loads(line)
    if request["op"] == "hello":
        hello = {"protocol": 1, "name": "x", "version": "1", "language": "Python", "level": 0, "capabilities": ["core"]}
        print(json.dumps({"seq": request["seq"], "hello": hello}), flush=True)
    else:
        time.sleep(3600)
"""


DETACHING = (
    """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        time.sleep(3600)
    os._exit(0)
"""
    + HANGING
)


@LINUX
@pytest.mark.parametrize("sign", [None, signal.SIGTERM, signal.SIGKILL], ids=["end", "SIGTERM", "SIGKILL"])
def test_what_an_adapter_detaches_ends_too(sign: signal.Signals | None, tmp_path: Path) -> None:
    marker = f"ROLLPROOF_TEST_{os.getpid()}_{sign}_adapter"
    (tmp_path / "adapter.py").write_text(DETACHING)
    limit = "0.5" if sign is None else "100"
    arguments = [
        "conform",
        "--limit",
        limit,
        "--case",
        "core/pulse",
        "--",
        sys.executable,
        str(tmp_path / "adapter.py"),
    ]
    environment = {**os.environ, marker: "1"}
    with subprocess.Popen([*PROGRAM, *arguments], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            # The command, and two keepers, adapters and detached grandchildren.
            until(lambda: len(processes(marker)) >= 7 or process.poll() is not None)
            if sign is not None:
                process.send_signal(sign)
            code = process.wait(60)
        finally:
            process.kill()
    assert code == {None: 1, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}[sign]
    until(lambda: not processes(marker))


def test_an_adapter_that_hangs_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "adapter.py").write_text(HANGING)
    command = (sys.executable, str(tmp_path / "adapter.py"))
    cases = [case for case in published_cases() if case["requires"] == ["core"] and case["level"] == 0][:8]
    report = run_suite(cases, Target(lambda: Adapters.of_command(command, 0.5), ""))
    verdicts = [result.verdict for result in report.results]
    assert verdicts == [Verdict.STUCK] * GIVEN_UP_AFTER + [Verdict.SKIP] * (8 - GIVEN_UP_AFTER)
    assert report.exit_code() == 1
    assert "no answer in time" in report.results[-1].judgement.reason


def test_completion_is_installed_and_no_start_up_file_is_changed(tmp_path: Path) -> None:
    (tmp_path / ".bashrc").write_text("mine\n")
    done = call("--install-completion", "--shell", "bash", HOME=str(tmp_path), XDG_DATA_HOME=str(tmp_path / "data"))
    assert done.returncode == 0
    assert (tmp_path / ".bashrc").read_text() == "mine\n"
    (script,) = (path for path in tmp_path.rglob("*") if path.is_file() and path.name != ".bashrc")
    assert all(name in script.read_text() for name in ("simulate", "check-log", "--save-trace"))
    if shutil.which("bash"):
        subprocess.run(["bash", "-n", str(script)], check=True, timeout=60)


def test_the_version_of_the_adapter_protocol_is_that_of_the_schemas() -> None:
    hello = next(each for each in schema("request")["oneOf"] if each["properties"]["op"] == {"const": "hello"})
    assert hello["properties"]["protocol"] == {"const": ADAPTER_PROTOCOL}
