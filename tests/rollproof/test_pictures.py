"""Wherever a run is shown or saved, a page can be made of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rollproof.cli import run
from rollproof.model.designs.loading import load


def runs(page: Path) -> list[list[dict[str, Any]]]:
    text = page.read_text(encoding="utf-8")
    return [json.loads(each) for each in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text)]


def test_what_goes_wrong_beside_what_does_not(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert run(["verify", "--without", "promote_frame.no_rollback_pending", "--html", str(page)]) == 1
    (((wrong, right),)) = runs(page)
    assert wrong["moments"][-1]["without"] == ["no_rollback_pending"]
    assert right["moments"][-1]["refused"] == "no_rollback_pending"
    assert wrong["again"] == "rollproof verify --without promote_frame.no_rollback_pending"
    assert right["verdict"] is None


def test_a_saved_run_becomes_the_same_page(tmp_path: Path) -> None:
    saved, page = tmp_path / "run.json", tmp_path / "page.html"
    assert run(["verify", "--variant", "stale_clear", "--save-trace", str(saved)]) == 1
    assert run(["trace", str(saved), "--format", "html", "--output", str(page)]) == 0
    ((shown,),) = runs(page)
    assert shown["protocol"] == "stale_clear"
    assert len(shown["moments"]) == len(json.loads(saved.read_text())["steps"])
    assert shown["verdict"]["held"] is False


def test_a_run_saved_before_guards_were_told_is_still_shown(tmp_path: Path) -> None:
    saved, page = tmp_path / "run.json", tmp_path / "page.html"
    run(["verify", "--variant", "stale_clear", "--save-trace", str(saved)])
    document = json.loads(saved.read_text())
    for step in document["steps"]:
        del step["without"]
        del step["state"]["players"]
    saved.write_text(json.dumps(document))
    assert run(["trace", str(saved), "--format", "html", "--output", str(page)]) == 0
    assert runs(page)


def test_every_guard_has_its_run(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert run(["guards", "no_rollback_pending", "--html", str(page)]) == 0
    found = runs(page)
    assert len(found) >= 3
    assert all(len(each) == 2 for each in found)


def test_two_protocols_up_to_where_they_differ(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert run(["diff", "present", "stale_clear", "--behaviour-only", "--html", str(page)]) == 1
    (((ours, theirs),)) = runs(page)
    assert (ours["protocol"], theirs["protocol"]) == ("present", "stale_clear")
    assert ours["moments"][:-1] == theirs["moments"][:-1]
    assert ours["moments"][-1] != theirs["moments"][-1]


def test_a_session_and_the_variant_beside_it(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert run(["simulate", "three_peers", "--html", str(page)]) == 0
    ((alone,),) = runs(page)
    assert alone["peers"] == ["a", "b", "c"]
    assert run(["simulate", "active_input_parity", "--variant", "phase_61", "--html", str(page)]) == 1
    (((wrong, right),)) = runs(page)
    assert wrong["verdict"]["held"] is False
    assert right["verdict"]["held"] is True
    assert "--variant phase_61" in wrong["again"]


def test_a_random_session(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    arguments = ["--campaign", "1", "--seed", "3", "--small", "--strict"]
    assert run(["simulate", *arguments, "--html", str(page)]) == 0
    ((shown,),) = runs(page)
    assert shown["again"] == "rollproof simulate --campaign 1 --seed 3 --small --strict"
    assert shown["moments"]


def test_where_nothing_goes_wrong_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    assert run(["diff", "present", "present", "--html", str(page)]) == 0
    assert not page.exists()
    assert "is not written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["simulate", "--all", "--html", "p.html"], "--html takes one scenario"),
        (["simulate", "--campaign", "2", "--html", "p.html"], "--html takes one session"),
        (["simulate", "active_input_parity", "--html", "/nowhere/p.html"], "cannot be written"),
    ],
)
def test_wrong_usage_is_told_in_one_line(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert told in capsys.readouterr().err


def test_a_log_up_to_its_divergence(tmp_path: Path) -> None:
    log, page = tmp_path / "session.jsonl", tmp_path / "page.html"
    assert run(["simulate", "active_input_parity", "--variant", "phase_61", "--save-log", str(log)]) == 1
    assert run(["check-log", str(log), "--html", str(page)]) == 1
    ((shown,),) = runs(page)
    assert shown["moments"][-1]["name"] == "promote"
    assert [2, 0, "wrong"] in [cell[:3] for cell in shown["moments"][-1]["cells"]]


def test_a_log_that_holds_has_no_picture(tmp_path: Path) -> None:
    log, page = tmp_path / "session.jsonl", tmp_path / "page.html"
    assert run(["simulate", "active_input_parity", "--save-log", str(log)]) == 0
    assert run(["check-log", str(log), "--html", str(page)]) == 0
    assert not page.exists()


def test_a_failing_implementation_step_by_step(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    arguments = ["--case", "core/deep-rollback", "--mutant", "short_ring"]
    assert run(["conform", *arguments, "--html", str(page)]) == 1
    ((shown,),) = runs(page)
    assert shown["verdict"]["held"] is False
    assert shown["packets"]
    assert {each["name"] for each in shown["moments"]} >= {"tick", "send", "arrive", "advance", "input_recv"}
    assert shown["again"].startswith("rollproof conform --case core/deep-rollback")


def test_a_whole_session_that_goes_wrong_is_drawn_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine, page = tmp_path / "mine.py", tmp_path / "page.html"
    mine.write_text(
        "from attrs import evolve\nfrom rollproof import PROTOCOL\n"
        "MINE = evolve(PROTOCOL, name='mine', poll=tuple(each for each in PROTOCOL.poll if each != 'drain'))\n"
    )
    with load(str(mine)).in_force():
        assert run(["verify", "--protocol", str(mine), "--html", str(page), "--jobs", "1"]) == 1
    again = capsys.readouterr().out.partition("To see it again: ")[2].splitlines()[0]
    ((wrong, right),) = runs(page)
    assert wrong["again"] == again
    assert wrong["protocol"] == "mine"
    assert right["protocol"] == "present"


def test_of_a_small_part_that_goes_wrong_there_is_no_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, page = tmp_path / "mine.py", tmp_path / "page.html"
    mine.write_text(
        "from attrs import evolve\nfrom rollproof import PROTOCOL\n"
        "KEPT = {name: each for name, each in PROTOCOL.transitions.items() if name != 'change_link'}\n"
        "MINE = evolve(PROTOCOL, name='mine', transitions=KEPT)\n"
    )
    with load(str(mine)).in_force():
        assert run(["verify", "--protocol", str(mine), "--html", str(page), "--jobs", "1"]) == 1
    assert "is a law of a small part, and no run shows it" in capsys.readouterr().err
    assert not page.exists()
