"""`rollproof lesson`: reading, checking, and how it exits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rollproof.cli import run
from rollproof.lessons.chapters.book import EXERCISES
from tests.lessons.test_exercises import RIGHT, WRONG


def test_the_list_has_every_exercise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = tmp_path / "list.json"
    assert run(["lesson", "list", "--json", str(listed)]) == 0
    assert [each["exercise"] for each in json.loads(listed.read_text())["exercises"]] == list(EXERCISES)
    assert "The promotion race" in capsys.readouterr().out


def test_a_chapter_is_shown_with_its_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, told = tmp_path / "page.html", tmp_path / "told.json"
    assert run(["lesson", "show", "5", "--html", str(page), "--json", str(told)]) == 0
    out = capsys.readouterr().out
    assert "Exercise 5.1: Six steps" in out
    assert "rollproof lesson check 5.2 FILE" in out
    assert "Hint." not in out
    assert "data-explorer" in page.read_text()
    assert len(json.loads(told.read_text())["picture"]) == 2


def test_a_hint_comes_only_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lesson", "show", "5.1", "--hint"]) == 0
    out = capsys.readouterr().out
    assert "Hint." in out
    assert "Mend it" not in out


def test_an_edit_is_begun_checked_and_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine, page, told = tmp_path / "buffers.py", tmp_path / "page.html", tmp_path / "told.json"
    assert run(["lesson", "show", "5.2", "--start", str(mine)]) == 0
    capsys.readouterr()
    assert run(["lesson", "check", "5.2", str(mine), "--html", str(page), "--json", str(told)]) == 1
    assert capsys.readouterr().out.startswith("5.2 not yet: It still goes wrong, after 6 steps")
    assert json.loads(told.read_text())["passed"] is False
    assert "data-explorer" in page.read_text()
    text = mine.read_text()
    mine.write_text(text.replace("no_rollback_in_progress)", "no_rollback_in_progress, no_rollback_pending)"))
    assert run(["lesson", "check", "5.2", str(mine)]) == 0
    assert "5.2 passed" in capsys.readouterr().out


@pytest.mark.parametrize("number", ["2", "10"])
def test_the_exit_code_is_the_outcome(number: str, tmp_path: Path) -> None:
    attempt = tmp_path / "attempt.txt"
    attempt.write_text(RIGHT[number])
    assert run(["lesson", "check", number, str(attempt)]) == 0
    attempt.write_text(WRONG[number][0][0])
    assert run(["lesson", "check", number, str(attempt)]) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["show", "14"], "there is no chapter or exercise '14'"),
        (["show", "5", "--start", "x.py"], "--start takes one exercise: 5.1 or 5.2"),
        (["check", "5", "{here}"], "chapter 5 has several exercises: 5.1 and 5.2"),
        (["check", "five", "{here}"], "there is no chapter or exercise"),
        (["check", "1", "/nowhere/at/all"], "cannot be read"),
        (["check", "1", "{folder}"], "cannot be read"),
        (["check", "1", "{binary}"], "not UTF-8 at byte 0"),
    ],
)
def test_wrong_usage_is_told_in_one_line(
    arguments: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here, binary = tmp_path / "here", tmp_path / "binary"
    here.write_text("5")
    binary.write_bytes(b"\xff\xfe")
    given = [each.format(here=here, folder=tmp_path, binary=binary) for each in arguments]
    assert run(["lesson", *given]) == 2
    assert told in capsys.readouterr().err


def test_a_huge_attempt_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    attempt = tmp_path / "attempt.txt"
    attempt.write_text("receive_input\n" * 100_000)
    assert run(["lesson", "check", "2", str(attempt)]) == 1
    assert "at most" in capsys.readouterr().out
