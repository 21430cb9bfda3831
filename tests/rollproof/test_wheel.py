"""The wheel is the product: built from the source archive, installed into an empty environment, and used elsewhere.

With ROLLPROOF_DIST set to a folder, the archives are left there (`make dist`).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from rollproof.cli import app

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]
Command = Callable[..., subprocess.CompletedProcess[str]]

BUILD = "import sys; from setuptools import build_meta as b; print(getattr(b, sys.argv[1])(sys.argv[2]))"
MADE = (".*", "build", "dist", "*.egg-info", "__pycache__", "node_modules", "target")
"""What a checkout has beside its own files. A list of files left by an earlier build would be believed by the next."""
CHAPTERS = ("reference", "model", "proofs", "conformance", "lessons")
NEEDED = (
    "rollproof/reference/PROTOCOL.md",
    "rollproof/model/glossary.toml",
    "rollproof/proofs/counterexamples.json",
    "rollproof/conformance/README.md",
    "rollproof/conformance/schemas/case.json",
    "rollproof/conformance/cases/core/pulse.json",
    "rollproof/conformance/adapters/template.py",
    "rollproof/conformance/adapters/template.js",
    "rollproof/conformance/report/templates/report.html.j2",
    "rollproof/model/runs/page/explorer.js",
    "rollproof/model/runs/page/page.html.j2",
    "rollproof/lessons/chapters/text/race.md",
    "rollproof/py.typed",
)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel, built of the source archive and of nothing else."""
    folder = Path(os.environ.get("ROLLPROOF_DIST") or tmp_path_factory.mktemp("dist")).resolve()
    folder.mkdir(exist_ok=True)
    checkout = tmp_path_factory.mktemp("checkout") / "rollproof"
    shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(*MADE))
    archive = folder / build(checkout, "build_sdist", folder)
    unpacked = tmp_path_factory.mktemp("source")
    with tarfile.open(archive) as source:
        source.extractall(unpacked, filter="data")
    (project,) = unpacked.iterdir()
    return folder / build(project, "build_wheel", folder)


def build(project: Path, what: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", BUILD, what, str(folder)], cwd=project, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an environment's programs, in which the wheel and what it needs are installed."""
    environment = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True, timeout=300)
    pip = [environment / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--constraint", ROOT / "constraints.txt", wheel], check=True, timeout=600)
    return environment / "bin"


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of somebody's own, with modules that are called like chapters of ours."""
    folder = tmp_path_factory.mktemp("elsewhere")
    for name in (*CHAPTERS, "tests"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("raise ImportError('the wrong package was imported')\n")
    return folder


@pytest.fixture
def rollproof(installed: Path, elsewhere: Path) -> Command:
    """Run the installed command in that folder, with nothing of the checkout in sight."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ROLLPROOF"))}

    def call(*arguments: str, code: int = 0, module: bool = False) -> subprocess.CompletedProcess[str]:
        command = [str(installed / "python"), "-m", "rollproof"] if module else [str(installed / "rollproof")]
        done = subprocess.run(
            [*command, *arguments], cwd=elsewhere, env=clean, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return call


def test_the_wheel_holds_everything_and_one_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = (archive.read(name).decode() for name in names if name.endswith("METADATA"))
    assert set(NEEDED) <= names
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"rollproof"}
    files = [
        *(path for folder in CHAPTERS for path in (ROOT / folder).rglob("*.py")),
        *(ROOT / "conformance").rglob("*.json"),
        *(ROOT / "lessons").glob("*/text/*.md"),
    ]
    assert len(files) > 300
    assert {f"rollproof/{path.relative_to(ROOT).as_posix()}" for path in files} <= names
    required = [line.split(": ", 1)[1] for line in metadata.splitlines() if line.startswith("Requires-Dist: ")]
    ours = [line for line in required if "extra ==" not in line]
    assert len(ours) >= 5
    assert all(">=" in line and "<" in line for line in ours)


CALLS: dict[str, list[tuple[int, list[str]]]] = {
    "verify": [
        (0, ["--transition", "confirm_frame", "--json", "verdict.json"]),
        (1, ["--variant", "stale_clear", "--save-trace", "run.json"]),
    ],
    "guards": [(0, ["promote_frame.no_rollback_pending"])],
    "repair": [(0, ["--without", "promote_frame.no_rollback_pending", "--most", "1"])],
    "explain": [(0, []), (0, ["IN-7"]), (0, ["no_input_is_lost"]), (2, ["no_such_name"])],
    "diff": [(1, ["present", "stale_clear", "--behaviour-only"])],
    "simulate": [
        (0, ["active_input_with_packet_loss_10pct", "--save-log", "session.log", "--json", "/dev/stdout"]),
        (0, ["--campaign", "2", "--jobs", "2"]),
        (1, ["active_input_parity", "--variant", "phase_61", "--save-schedule", "schedule.json"]),
        (0, ["--schedule", "schedule.json"]),
    ],
    "lesson": [(0, ["list"]), (0, ["show", "1"])],
    "new-protocol": [(0, ["mine"]), (2, ["mine"])],
    "trace": [(0, ["run.json"]), (0, ["run.json", "--format", "itf", "--output", "run.itf.json"])],
    "check-log": [(0, ["session.log"])],
    "bisect": [(0, ["session.log"])],
    "conform": [
        (0, ["--case", "core/pulse", "--json", "results.json", "--html", "page.html", "--junit", "junit.xml"]),
        (0, ["--case", "core/pulse", "--also", "results.json"]),
        (1, ["--mutant", "short_ring", "--case", "core/deep-rollback"]),
        (0, ["--smoke", "--", "python3", "{template}"]),
    ],
}
"""Calls of every command and their exit codes; later ones use files that earlier ones write."""


def test_every_command_is_called() -> None:
    assert set(CALLS) == {name for name in app if not name.startswith("-")}


@pytest.mark.long
def test_every_command_works_outside_the_checkout(rollproof: Command, installed: Path, elsewhere: Path) -> None:
    (package,) = installed.parent.glob("lib/python*/site-packages/rollproof")
    template = str(package / "conformance" / "adapters" / "template.py")
    for name, calls in CALLS.items():
        assert "Usage" in rollproof(name, "--help").stdout
        for code, arguments in calls:
            rollproof(name, *(each.replace("{template}", template) for each in arguments), code=code)
    assert json.loads((elsewhere / "verdict.json").read_text())["status"] == "proved"
    assert (elsewhere / "page.html").stat().st_size > 1000


@pytest.mark.long
def test_the_module_is_not_that_of_the_folder_that_it_is_run_in(rollproof: Command) -> None:
    for module in (True, False):
        out = rollproof("--version", module=module).stdout
        assert [line.rpartition(" ")[0] for line in out.splitlines()] == ["rollproof", "protocol", "adapter protocol"]
    assert "kept every promise" in rollproof("simulate", "idle_parity", module=True).stdout


@pytest.mark.long
def test_the_kept_counterexamples_are_used(rollproof: Command) -> None:
    """The installed tool tells of a guard what the checkout tells."""
    here = subprocess.run(
        [sys.executable, "-m", "rollproof", "guards", "promote_frame.no_rollback_pending"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert rollproof("guards", "promote_frame.no_rollback_pending").stdout == here.stdout


TRIED = ("test_scripts.py", "test_cli_simulate.py", "test_explain.py")
"""What a user or an attacker does to the tool: these tests are run once more, against what is installed."""


@pytest.mark.long
def test_what_scripts_rely_on_holds_of_the_installed_tool(installed: Path, tmp_path: Path) -> None:
    """The last test of this file: it adds pytest to the environment, which the tool itself must do without."""
    pip = [installed / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pinned = ["--constraint", ROOT / "constraints.txt"]
    subprocess.run([*pip, *pinned, "pytest", "pytest-xdist", "hypothesis"], check=True, timeout=600)
    tests = tmp_path / "tests" / "rollproof"
    tests.mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "__init__.py", tests.parent)
    for name in TRIED:
        shutil.copy(ROOT / "tests" / "rollproof" / name, tests)
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ROLLPROOF", "PYTEST"))
    }
    pytest_ = [installed / "python", "-m", "pytest", "-q", "-n2", "--import-mode=importlib", "-p", "no:cacheprovider"]
    nowhere_else = "import sys\n\nimport rollproof\n\nassert rollproof.__file__.startswith(sys.prefix)\n"
    (tmp_path / "conftest.py").write_text(nowhere_else)
    done = subprocess.run([*pytest_, tmp_path], cwd=tmp_path, env=clean, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split(" passed")[0].split()[-1]) > 100


@pytest.mark.long
def test_a_strangers_path(rollproof: Command, elsewhere: Path) -> None:
    """Write the example, see it proved, break it, read the run, take the mend that is proposed, see that proved."""
    file = elsewhere / "stranger" / "protocol.py"
    changed = ["--protocol", "stranger/protocol.py", "--transition", "compare_hash"]
    rollproof("new-protocol", "stranger")
    assert "proved in" in rollproof("verify", *changed).stdout
    assert "After a complaint" in rollproof("explain", "complaints_are_heeded", "--protocol", str(file)).stdout

    whole = file.read_text()
    right = "compare_hash.guarded_by(*compare_hash.guards, episode_is_open)"
    assert right in whole
    file.write_text(whole.replace(right, "compare_hash.guarded_by(*compare_hash.guards)"))
    refuted = rollproof("verify", *changed, code=1).stdout
    assert "This violates possible_exactly_when_the_rules_say" in refuted
    assert "possible against the rules" in refuted
    assert "rollproof repair --protocol stranger/protocol.py" in refuted

    proposed = ["repair", "--protocol", str(file), "--most", "1", "--json", "mend.json"]
    assert "Guards with which everything is proved" in rollproof(*proposed).stdout
    (mend,) = json.loads((elsewhere / "mend.json").read_text())["mends"]
    assert mend["transition"] == "compare_hash"
    assert mend["guard"] == "episode_is_open"

    file.write_text(file.read_text().replace("(*compare_hash.guards)", f"(*compare_hash.guards, {mend['guard']})"))
    assert file.read_text() == whole
    assert "proved in" in rollproof("verify", *changed).stdout
