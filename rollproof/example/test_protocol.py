"""The test of a protocol of one's own: run it with pytest."""

from __future__ import annotations

from pathlib import Path

from rollproof import INSTANCES, Trace, load_design, prove, reach

DESIGN = load_design(str(Path(__file__).with_name("protocol.py")))


def test_what_is_changed_is_proved() -> None:
    """The transitions that are not as in the present protocol keep every theorem, the file's own among them."""
    with DESIGN.in_force() as protocol:
        report = prove(protocol, ["compare_hash", "hear_complaint"])
    assert report.discharges
    assert not report.unproved


def test_what_is_new_happens() -> None:
    """A proof about a transition that is never taken would say nothing."""
    found = reach(
        DESIGN.protocol, INSTANCES["transport"], step=lambda step: step.transition == "hear_complaint", limit=2_000
    )
    assert isinstance(found, Trace)
    assert found.steps[-1].transition == "hear_complaint"
