"""The README says only what is so: its commands exist, its files are there, its example runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from rollproof import __version__
from rollproof.cli import app
from rollproof.conformance.schema import ADAPTER_PROTOCOL
from rollproof.model.rules import protocol_version
from rollproof.output import EXIT_CODES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted({command for command in re.findall(r"`(rollproof [^`]+)`", README) if "…" not in command})


def test_there_are_commands_to_check() -> None:
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_can_be_called_as_written(command: str) -> None:
    _, *arguments = shlex.split(command)
    function, bound, _ = app.parse_args(arguments, exit_on_error=False, print_error=False)
    assert callable(function)
    assert bound is not None


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([^)]+)\)", README))))
def test_every_link_leads_to_a_file(path: str) -> None:
    assert (ROOT / path).is_file()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(\w+\.py)`", README))))
def test_every_file_of_the_reference_is_there(name: str) -> None:
    assert (ROOT / "reference" / name).is_file()


def test_every_file_of_the_reference_is_named() -> None:
    named = set(re.findall(r"`(\w+\.py)`", README))
    assert {path.name for path in (ROOT / "reference").glob("*.py")} - named <= {"__init__.py", "values.py"}


def test_the_example_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    scope: dict[str, object] = {}
    exec(example, scope)
    assert scope["events"]


def test_targets_of_make_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"`?make (\w[\w-]*)", README)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_exit_code_is_told() -> None:
    for code in EXIT_CODES:
        assert re.search(rf"^\|[^|]*\b{code}\b", README, re.MULTILINE), code


def test_the_changelog_knows_the_versions() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## .*tool (\S+), protocol (\d+), adapter protocol (\d+)$", text, re.MULTILINE)
    assert newest is not None
    assert newest.groups() == (__version__, str(protocol_version()), str(ADAPTER_PROTOCOL))
