"""Two protocols compared: the shortest run to where they differ is found, and only there do they differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import attrs
import pytest

from rollproof.cli import run
from rollproof.diff import _weight
from rollproof.model.traces.describe import describe
from rollproof.model.traces.sentences import sentence_of
from rollproof.model.variants.edits import Edit, acting, guarded, ordered
from rollproof.model.variants.variants import VARIANTS
from rollproof.proofs.diff import Compared, compare, verdicts
from rollproof.reference.events import Event
from rollproof.reference.guards import no_rollback_in_progress
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.rollback import begin_tick
from rollproof.reference.state import Peer
from rollproof.reference.transition import Step, guard
from rollproof.reference.values import evolve
from tests import long_but

EXPECTED = {
    "stale_clear": (4, "begin_tick", "done", "done", {"pending_rollback"}),
    "latest_misprediction_wins": (7, "drain_input", "done", "done", {"pending_rollback"}),
    "counters_not_restored": (4, "begin_rollback", "done", "done", {"simulation"}),
    "window_off_by_one": (3, "simulate_frame", "refused", "done", set()),
    "partial_replay": (5, "finish_rollback", "refused", "done", set()),
    "confirmed_jumps_gap": (2, "confirm_frame", "refused", "done", set()),
    "forced_rows_unflagged": (5, "force_promote_frame", "done", "done", {"canonical"}),
    "untagged_inputs": (0, "receive_input", "refused", "done", set()),
    "fast_forward_invents_inputs": (0, "fast_forward", "unknown", "done", set()),
    "both_paths": (1, "send_inputs", "done", "done", {"events"}),
}
"""By variant: how long the run to the difference is, which event shows it, what either does, and what differs then."""

SLOW = {"latest_misprediction_wins", "untagged_inputs", "window_off_by_one"}
"""What takes seconds to find."""


@pytest.mark.parametrize("name", long_but(set(EXPECTED) - SLOW, EXPECTED))
def test_where_a_variant_differs_first(name: str) -> None:
    found = compare(PROTOCOL, VARIANTS[name].protocol, jobs=1).difference
    assert found is not None
    seen = (len(found.trace.steps), found.event, found.left.kind, found.right.kind, set(found.parts))
    assert seen == EXPECTED[name]


def test_it_does_not_matter_which_is_left() -> None:
    found = compare(VARIANTS["confirmed_jumps_gap"].protocol, PROTOCOL, jobs=1).difference
    assert found is not None
    assert (len(found.trace.steps), found.left.kind, found.right.kind) == (2, "done", "refused")


def test_the_run_to_a_difference_is_the_same_under_both() -> None:
    variant = VARIANTS["stale_clear"].protocol
    found = compare(PROTOCOL, variant, jobs=1).difference
    assert found is not None
    for protocol, behaviour in ((PROTOCOL, found.left), (variant, found.right)):
        peer = found.trace.start
        for step in found.trace.steps:
            transition = protocol.transitions[step.transition]
            fired = transition.fire(peer, transition.arguments(*(value for _, value in step.args)))
            assert isinstance(fired, tuple)
            peer = fired[0]
        assert peer == found.trace.end
        transition = protocol.transitions[found.event]
        fired = transition.fire(peer, transition.arguments(*(value for _, value in found.args)))
        assert isinstance(fired, tuple)
        assert behaviour.step is not None
        assert describe(fired[0]) == describe(behaviour.step[0])


def test_a_protocol_does_not_differ_from_itself() -> None:
    assert compare(PROTOCOL, PROTOCOL) == Compared(None, ())


@guard("RB-7")
def no_replay_goes_on(peer: Peer) -> bool:
    """No replay goes on."""
    return no_rollback_in_progress.holds(peer, None) is not False


def begin_tick_and_again(peer: Peer) -> Step:
    """A tick begins, said in other words."""
    return begin_tick.effect(evolve(peer, ticks=peer.ticks))


SAME: list[Edit] = [guarded(begin_tick, no_replay_goes_on, instead_of=no_rollback_in_progress)]
SAME.append(acting(begin_tick, begin_tick_and_again))


@pytest.mark.parametrize("edit", SAME)
def test_other_words_for_the_same_are_no_difference_in_behaviour(edit: Edit) -> None:
    compared = compare(PROTOCOL, edit(PROTOCOL), limit=300)
    assert compared.difference is None
    assert len(compared.counts) > 3
    assert all(each.states > 1 for each in compared.counts)


def test_another_order_of_operations_is_a_difference_of_the_drivers() -> None:
    stages = [each for each in PROTOCOL.tick if each != "simulate"]
    found = compare(PROTOCOL, ordered(tick=("simulate", *stages), poll=PROTOCOL.poll)(PROTOCOL), jobs=1).difference
    assert found is not None
    assert (found.event, found.trace.steps) == ("tick", ())


@pytest.mark.slow
@pytest.mark.long
def test_theorems_that_change_their_verdict() -> None:
    assert {name: status for name, status in verdicts(VARIANTS["depth_of_last_rollback"].protocol).items()
            if status != "proved"} == {"metrics_match_events": "refuted"}  # fmt: skip


# --- the command ---


def test_the_command_tells_where_and_how(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "difference.json"
    arguments = ["diff", "present", "without:simulate_frame.within_prediction_window", "--behaviour-only"]
    assert run([*arguments, "--json", str(file)]) == 1
    told = capsys.readouterr().out
    assert "simulate_frame.within_prediction_window" in told
    assert "present: refused by guard within_prediction_window" in told
    document = json.loads(file.read_text(encoding="utf-8"))
    assert document["theorems"] is None
    assert document["difference"]["left"] == {"kind": "refused", "detail": "within_prediction_window"}
    assert document["difference"]["right"]["kind"] == "done"
    assert [each["part"] for each in document["changes"]] == ["simulate_frame.within_prediction_window"]
    assert document["scope"]


def test_the_command_tells_that_nothing_differs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diff", "present", "present"]) == 0
    assert "are the same" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["present", "stale_claer"], "did you mean stale_clear"),
        (["without:promote_frame.no_rollback", "present"], "there is no guard"),
        (["present", "without:"], "there is no guard"),
        (["present", "stale_clear", "--jobs", "0"], "--jobs must be at least 1"),
        (["present"], "give two protocols"),
    ],
)
def test_wrong_usage_gets_one_line(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diff", *arguments]) == 2
    said = capsys.readouterr()
    assert line in said.err
    assert said.err.count("\n") == 1


def test_what_matters_is_told_first_and_events_as_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diff", "present", "both_paths", "--behaviour-only"]) == 1
    assert "only both_paths tells: a message goes to b by relay: " in capsys.readouterr().out
    assert run(["diff", "present", "forced_rows_unflagged", "--behaviour-only"]) == 1
    told = capsys.readouterr().out
    assert "canonical.0: actions 1 0, predicted, over, unconfirmed | actions 1 0, predicted, over" in told
    assert "{" not in told.partition("Then comes")[2]
    assert sorted(["metrics", "queue_p2p", "events", "frame", "canonical"], key=_weight) == [
        "canonical",
        "frame",
        "events",
        "queue_p2p",
        "metrics",
    ]


def test_every_event_has_a_sentence_and_one_that_is_unknown_is_told_plainly() -> None:
    assert sentence_of("Mispredicted", {"player": "b", "frame": 3, "predicted": 0, "actual": 1}) == (
        "frame 3 was simulated with 0 for b, who did 1"
    )
    assert sentence_of("FrameSimulated", {"frame": 2, "replayed": True}) == "frame 2 is simulated again"
    assert sentence_of("WishHeard", {"by_whom": "b"}) == "wish heard: by whom b"
    for event in get_args(Event):
        fields = {each.name: 1 for each in attrs.fields(event)}
        assert event.__name__ not in sentence_of(event.__name__, fields)
