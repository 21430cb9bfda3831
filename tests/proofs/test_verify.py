"""`rollproof verify` and `rollproof guards`: what they say, what they write, and how they exit."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rollproof import verify as command
from rollproof.cli import run
from rollproof.model.designs.loading import load as load_design
from rollproof.model.theorems.properties import NEVER_CRASHES, PROPERTIES
from rollproof.model.traces.trace import load as load_trace
from rollproof.model.variants.edits import acting
from rollproof.model.variants.variants import VARIANTS
from rollproof.proofs.necessity import GuardVerdict, Necessity
from rollproof.proofs.trust import Trust
from rollproof.reference.episode import reset_episode
from rollproof.reference.protocol import PROTOCOL
from rollproof.verdicts import show_trust
from tests.proofs.test_proofs import late_mistake


def verify(tmp_path: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    file = tmp_path / "verdict.json"
    code = run(["verify", *arguments, "--json", str(file)])
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    assert document["exit_code"] == code
    return code, document


@pytest.mark.slow
def test_the_present_protocol_is_proved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document = verify(tmp_path, "--proof-only")
    assert (code, document["status"], document["protocol"]) == (0, "proved", "present")
    assert document["command"] == "rollproof verify --proof-only"
    assert {each["name"] for each in document["theorems"]} == {*PROPERTIES, NEVER_CRASHES}
    for each in document["theorems"]:
        assert (each["status"], each["open"]) == ("proved", [])
        assert each["obligations"] > 0
    assert document["trace"] is None
    told = capsys.readouterr()
    total = sum(each["obligations"] for each in document["theorems"])
    assert f"{total} of {total} obligations proved" in told.out
    assert told.err == ""


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_is_refuted_by_a_run(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = tmp_path / "trace.json"
    code, document = verify(tmp_path, "--variant", name, "--save-trace", str(saved))
    assert (code, document["status"]) == (1, "refuted")
    assert document["command"] == f"rollproof verify --variant {name}"
    (refuted,) = (each for each in document["theorems"] if each["status"] == "refuted")
    verdict = document["trace"]["verdict"]
    assert refuted["name"] == verdict["property"]
    told = capsys.readouterr().out
    assert refuted["name"] in told
    assert f"again with: rollproof verify --variant {name}" in told
    story = load_trace(saved)
    assert story.verdict is not None
    assert story.verdict.property == refuted["name"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--variant", "phase_63"], "there is no variant 'phase_63'; did you mean phase_"),
        (["--without", "confirm_frame.no_rolback"], "did you mean confirm_frame.no_rollback"),
        (["--theorem", "canonical_is_lokstep"], "did you mean canonical_is_lockstep"),
        (["--transition", "confirm_frames"], "did you mean confirm_frame"),
        (["--players", "0"], "--players must be from 1 to 16"),
        (["--players", "17"], "--players must be from 1 to 16"),
        (["--jobs", "0"], "--jobs must be at least 1"),
        (["--without", "running", "--variant", "phase_61"], "exclude each other"),
        (["--variant", "x" * 10_000], "there is no variant"),
    ],
)
def test_wrong_usage_is_told_in_one_line(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err
    assert err.count("\n") == 1
    assert len(err) < 400


def test_one_transition_is_proved_for_two_players(tmp_path: Path) -> None:
    code, document = verify(tmp_path, "--transition", "confirm_frame", "--players", "2")
    assert (code, document["status"]) == (0, "proved")
    assert document["command"] == "rollproof verify --transition confirm_frame --players 2"
    names = {each["name"] for each in document["theorems"]}
    assert "confirmed_prefix_has_no_holes" in names
    assert "quiescent_peer_is_complete" not in names
    assert "trust" not in document


def test_one_theorem_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = verify(tmp_path, "--transition", "confirm_frame", "--theorem", "confirmed_prefix_has_no_holes")
    told = capsys.readouterr().out
    assert code == 0
    assert "confirmed_prefix_has_no_holes" in told
    assert "canonical_is_append_only" not in told


def test_a_removed_guard_is_refuted(tmp_path: Path) -> None:
    code, document = verify(tmp_path, "--without", "promote_frame.no_rollback_pending")
    assert (code, document["status"]) == (1, "refuted")
    assert len(document["trace"]["steps"]) == 6
    assert document["protocol"] == "present without promote_frame.no_rollback_pending"


def test_without_counterexamples_the_run_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "load", dict)
    code, document = verify(tmp_path, "--without", "promote_frame.no_rollback_pending")
    assert (code, len(document["trace"]["steps"])) == (1, 6)


def test_undecided_has_an_exit_code_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rollproof.shared.present", lambda: acting(reset_episode, late_mistake)(PROTOCOL))
    code, document = verify(tmp_path, "--transition", "reset_episode")
    assert (code, document["status"]) == (3, "undecided")
    assert "episodes (846 states)" in document["searched"]
    told = capsys.readouterr().out
    assert "not proved: " in told
    assert "undecided in" in told


def test_one_guard_is_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "guards.json"
    assert run(["guards", "confirm_frame.no_rollback_in_progress", "--json", str(file)]) == 0
    (told,) = json.loads(file.read_text(encoding="utf-8"))["guards"]
    assert told["verdict"] == "needed"
    assert told["trace"]["steps"]
    assert told["without"] in " ".join(capsys.readouterr().out.split())


def test_a_redundant_guard_is_implied(tmp_path: Path) -> None:
    file = tmp_path / "guards.json"
    assert run(["guards", "complete_episode.no_rollback_pending", "--json", str(file)]) == 0
    (told,) = json.loads(file.read_text(encoding="utf-8"))["guards"]
    without = "nothing differs: the other guards imply it"
    assert (told["verdict"], told["implied"], told["without"]) == ("redundant", True, without)


def test_a_guard_that_harms_no_data_is_needed_all_the_same(tmp_path: Path) -> None:
    file = tmp_path / "guards.json"
    assert run(["guards", "begin_tick.running", "--json", str(file)]) == 0
    (told,) = json.loads(file.read_text(encoding="utf-8"))["guards"]
    assert told["verdict"] == "needed"
    assert told["without"].startswith("possible_exactly_when_the_rules_say")


def test_an_unknown_guard_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["guards", "confirm_frame.no_rollback_in_progres"]) == 2
    assert "did you mean confirm_frame.no_rollback_in_progress" in capsys.readouterr().err


def test_a_guard_that_became_redundant_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    verdicts: tuple[tuple[str, Necessity], ...] = (("lost", "redundant"), ("always", "redundant"), ("kept", "needed"))
    guards = tuple(GuardVerdict("promote_frame", name, "", (), verdict) for name, verdict in verdicts)
    trusted = Trust(guards, (), (), (), 0)
    show_trust(trusted, {"promote_frame.lost", "promote_frame.kept"})
    assert "redundant now, and needed before: promote_frame.lost\n" in re.sub(" +\n", "\n", capsys.readouterr().out)


@pytest.mark.long
def test_a_verdict_with_a_cache_is_the_one_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is judged, again, with a theorem edited, and without a cache."""
    monkeypatch.setenv("ROLLPROOF_CACHE", str(tmp_path / "cache"))
    example = (Path(command.__file__).parent / "example" / "protocol.py").read_text(encoding="utf-8")
    file, found = tmp_path / "mine.py", []
    for text in (
        example,
        example,
        example.replace("lambda: after == before)", "lambda: q.implies(before, lambda: after))"),
    ):
        file.write_text(text)
        for options in (["--cache"], []):
            with load_design(str(file)).in_force():
                code, document = verify(tmp_path, "--protocol", str(file), *options)
            assert code == 0
            found.append({name: value for name, value in document.items() if name not in ("command", "seconds")})
    assert found[0] == found[1] == found[2] == found[3]
    assert found[4] == found[5]
