"""Wrong edits that the proof of single transitions does not see, or not at once: sessions show every one of them.

Each test runs the command that the verdict names, on a copy of the project with the edit.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import long_but

ROOT = Path(__file__).parents[2]
LIMIT_S = 300
Place = tuple[str, str, str]
"""File, old text, new text."""

FILE = Path(__file__).with_name("wrong_edits.json")
"""Each with the arguments of `rollproof simulate` that show it; `{old}` in a new text is the old one."""
WRONG: dict[str, tuple[str, tuple[Place, ...]]] = {
    each["name"]: (each["shown by"], tuple((it["file"], it["old"], it["new"]) for it in each["edits"]))
    for each in json.loads(FILE.read_text(encoding="utf-8"))
}
USUAL = {
    "a poll never drains",
    "the second of two values replaces the first",
    "a deadline of 0 never passes",
    "links begin broken",
}


def edited(directory: Path, places: tuple[Place, ...]) -> None:
    """Make a copy of the project in which these places of the reference are changed."""
    for folder in ("reference", "rollproof"):
        shutil.copytree(ROOT / folder, directory / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("model", "proofs", "conformance"):
        (directory / folder).symlink_to(ROOT / folder)
    for name, old, new in places:
        file = directory / "reference" / f"{name}.py"
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, (name, old)
        file.write_text(text.replace(old, new.replace("{old}", old)), encoding="utf-8")


def run(directory: Path, *arguments: str) -> tuple[int, dict[str, Any], str]:
    command = [sys.executable, "-m", "rollproof", *arguments, "--json", "out.json"]
    environment = {**os.environ, "PYTHONPATH": str(directory)}
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert "Traceback" not in done.stderr
    assert (directory / "out.json").exists(), done.stderr
    return done.returncode, json.loads((directory / "out.json").read_text(encoding="utf-8")), done.stdout


@pytest.mark.slow
@pytest.mark.fuzz
@pytest.mark.parametrize("name", long_but(USUAL, WRONG))
def test_a_session_shows_what_is_wrong(name: str, tmp_path: Path) -> None:
    arguments, places = WRONG[name]
    edited(tmp_path, places)
    code, document, told = run(tmp_path, "simulate", *arguments.split())
    assert code == 1
    assert not document["held"]
    broken = document["broken"]
    assert broken["problem"]
    assert f"rollproof simulate {broken['again']}" in told.replace("\n", " ")


def test_every_edit_is_of_one_place(tmp_path: Path) -> None:
    for name, (_, places) in WRONG.items():
        for file, old, new in places:
            text = (ROOT / "reference" / f"{file}.py").read_text(encoding="utf-8")
            assert text.count(old) == 1, name
            compile(text.replace(old, new.replace("{old}", old)), file, "exec")
    assert set(WRONG) >= USUAL


@pytest.mark.slow
def test_the_verdict_names_the_session_that_goes_wrong(tmp_path: Path) -> None:
    edited(tmp_path, WRONG["a poll never drains"][1])
    code, document, told = run(tmp_path, "verify", "--proof-only", "--jobs", "1")
    assert code == 1
    assert document["status"] == "refuted"
    broken = document["broken"]
    assert f"To see it again: rollproof simulate {broken['again']}" in told
    code, again, _ = run(tmp_path, "simulate", *broken["again"].split())
    assert code == 1
    assert again["broken"]["problem"] == broken["problem"]
