"""The type checker refuses a transition that is called with what it does not take."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rollproof.reference.protocol import PROTOCOL

ROOT = Path(__file__).parents[2]
RIGHT = """
import rollproof.reference.protocol
from rollproof.reference.buffers import confirm_frame
from rollproof.reference.guards import from_a_partner, running
from rollproof.reference.inputs import Drain, InputArrival, Sample, drain_input, input_is_unknown, receive_input
from rollproof.reference.messages import Path
from rollproof.reference.state import Peer
from rollproof.reference.tick import Run
from rollproof.reference.transition import Step, guard, transition
from rollproof.reference.transport import LinkLoss, lose_p2p


def right(run: Run) -> None:
    run.do(confirm_frame)
    run.repeat(drain_input, Drain(Path.P2P, 0))
    lose_p2p.fire(run.peer, LinkLoss("b"))


@transition("X-1", takes=Drain, guards=(running,))
def draining(peer: Peer, drain: Drain) -> Step:
    return peer, ()
"""
WRONG = {
    "run.do(receive_input, 3, 'a', Path.P2P)": "call-overload",
    "run.do(receive_input, Drain(Path.P2P, 0))": "misc",
    "run.do(receive_input)": "arg-type",
    "run.do(confirm_frame, Sample(1))": "misc",
    "run.repeat(drain_input, Sample(1))": "misc",
    "run.do(drain_input, Drain(0, Path.P2P))": "arg-type",
    "lose_p2p.fire(run.peer)": "call-arg",
    "input_is_unknown.holds(run.peer, Sample(1))": "arg-type",
    "transition('X-2', takes=Sample, guards=(input_is_unknown,))": "misc",
    "transition('X-3', guards=(from_a_partner,))": "arg-type",
    "transition('X-4', takes=Drain)(lambda peer, drain: (peer, (drain.frame,)))": "attr-defined",
}
"""Calls, and the kind of error that each is."""
MODULES = {name: each.effect.__module__ for name, each in PROTOCOL.transitions.items()}
WRONG |= {f"run.do({MODULES[name]}.{name}, object())": "misc" for name in MODULES}


@pytest.mark.slow
def test_the_type_checker_refuses_wrong_arguments(tmp_path: Path) -> None:
    package = tmp_path / "rollproof"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "reference").symlink_to(ROOT / "reference")
    lines = [*RIGHT.splitlines(), "", "def wrong(run: Run) -> None:", *(f"    {call}" for call in WRONG)]
    (tmp_path / "calls.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--follow-imports=silent", "calls.py"],
        cwd=tmp_path, env={**os.environ, "MYPYPATH": str(tmp_path)}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    errors = {int(line.split(":")[1]): line for line in checked.stdout.splitlines() if ": error:" in line}
    first = len(lines) - len(WRONG) + 1
    assert sorted(errors) == list(range(first, len(lines) + 1)), checked.stdout + checked.stderr
    for number, kind in enumerate(WRONG.values(), first):
        assert errors[number].endswith(f"[{kind}]"), errors[number]
