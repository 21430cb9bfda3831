"""What the proof does not look into is named by a verdict if somebody has edited it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rollproof.proofs import outside
from rollproof.proofs.played import Played
from rollproof.proofs.verdict import Judgement
from rollproof.verdicts import document_of_verdict, show_judgement

PROVED = Judgement("present", (), None, None, "", Played(3, None))


def test_every_file_is_as_it_was_published() -> None:
    """`python -m rollproof.proofs.outside` renews what is kept; say in the commit what was changed."""
    assert outside.touched() == []


def test_what_was_edited_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    show_judgement(PROVED, None)
    assert "does not look into" not in capsys.readouterr().out
    published = json.loads(outside.FILE.read_text(encoding="utf-8"))
    (tmp_path / "outside.json").write_text(json.dumps({**published, "tick.py": "0", "wire.py": "1"}))
    monkeypatch.setattr(outside, "FILE", tmp_path / "outside.json")
    show_judgement(PROVED, None)
    assert "does not look into tick.py, wire.py, which somebody has edited" in " ".join(capsys.readouterr().out.split())
    document = document_of_verdict(PROVED, None, None, None, "rollproof verify", 0)
    assert document["not_looked_into"] == ["tick.py", "wire.py"]
