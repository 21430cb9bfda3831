"""What the picture of an observed run keeps, and what it forgets."""

from __future__ import annotations

import pytest

from rollproof.conformance.judge.failure import Failure
from rollproof.conformance.report import picture
from rollproof.conformance.report.picture import EARLIER, Picture

FAILURE = Failure("agreement", "The state is the same.", ("BUF-6",), "a", 3, "1", "2", 9)


def advance(frame: int, inputs: list[int], *, predicted: bool = False) -> dict:
    return {"obs": "advance", "frame": frame, "inputs": inputs, "state": 7, "predicted": predicted}


def marks(run) -> dict:
    shown = {}
    for moment in run.moments:
        if moment.cleared:
            shown = {key: value for key, value in shown.items() if key[0] != moment.peer}
        shown.update({(moment.peer, cell.row, cell.frame): cell.mark for cell in moment.cells})
    return shown


def test_the_life_of_a_frame() -> None:
    made = Picture("t", ("a", "b"), ("a", "b"))
    made.observe("a", 1000, {"obs": "input_local", "frame": 0, "input": 5})
    made.observe("a", 2000, advance(0, [5, 0], predicted=True))
    assert marks(made.run)["a", 1, 0] == "predicted"
    made.observe("a", 3000, {"obs": "input_recv", "player": "b", "frame": 0, "input": 4})
    assert marks(made.run)["a", 1, 0] == "wrong"
    made.observe("a", 4000, {"obs": "rollback_begin", "frame": 0})
    made.observe("a", 5000, advance(0, [5, 4]))
    made.observe("a", 6000, {"obs": "confirm", "frame": 0})
    made.observe("a", 7000, {"obs": "promote", "frames": [0], "forced": False})
    assert marks(made.run) == {("a", 0, 0): "known", ("a", 1, 0): "corrected", ("a", 2, 0): "canonical"}
    made.observe("a", 8000, {"obs": "episode_begin", "epoch": 1})
    assert marks(made.run) == {}
    assert [each.at for each in made.run.moments] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_forced_record_is_unconfirmed() -> None:
    made = Picture("t", ("a", "b"), ("a", "b"))
    made.observe("b", 0, advance(0, [1, 1], predicted=True))
    made.observe("b", 0, {"obs": "promote", "frames": [0], "forced": True})
    assert marks(made.run)["b", 2, 0] == "unconfirmed"


def test_what_cannot_be_placed_is_only_told() -> None:
    made = Picture("t", ("a", "b"), ("a", "b"))
    made.observe("a", 0, {"obs": "input_recv", "player": "stranger", "frame": 0, "input": 4})
    made.observe("a", 0, advance(0, [1]))
    made.observe("a", 0, {"obs": "promote", "frames": [9], "forced": False})
    made.observe("a", 0, {"obs": "promote", "frames": [], "forced": False})
    assert marks(made.run) == {}
    assert len(made.run.moments) == 4


def test_only_the_last_moments_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "MOST_MOMENTS", 10)
    monkeypatch.setattr(picture, "MOST_FRAMES", 20)
    made = Picture("t", ("a", "b"), ("a", "b"))
    for frame in range(500):
        for peer in ("a", "b"):
            made.observe(peer, frame * 1000, advance(frame, [frame, frame]))
        assert len(made.run.moments) <= 22
    run = made.ended(FAILURE)
    assert [each.name for each in run.moments[:2]] == [EARLIER, EARLIER]
    shown = marks(run)
    assert ("a", 0, 499) in shown
    assert ("a", 0, 485) in shown
    assert ("a", 0, 400) not in shown
    assert run.moments[0].values["frame"] == 495
    assert run.verdict.moment == len(run.moments) - 1
