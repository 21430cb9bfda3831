"""Mistakes made by hand in the text of `reference/`: each makes the verdict on the code something else than proved.

Each is one replacement at one place. A few are tried whenever the tests are run, all of them by `make test-long`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from tests import long_but

ROOT = Path(__file__).parents[2]
PACKAGES = ("reference", "model", "proofs", "rollproof")
LIMIT_S = 300
"""How long a verdict may take before its process is ended."""


@frozen
class Edit:
    """One replacement in one file of the reference."""

    name: str
    file: str
    old: str
    new: str


EDITS = (
    Edit(
        "earliest misprediction: min dropped",
        "inputs",
        "item.frame if pending is None else min(pending, item.frame)",
        "item.frame",
    ),
    Edit("earliest misprediction: max", "inputs", "min(pending, item.frame)", "max(pending, item.frame)"),
    Edit(
        "drain: input of the current frame counts as simulated",
        "inputs",
        "if item.frame >= peer.frame:",
        "if item.frame > peer.frame:",
    ),
    Edit("drain: input is not taken out", "inputs", "p2p=inputs.p2p.rest()", "p2p=inputs.p2p"),
    Edit(
        "drain: known input is overwritten",
        "inputs",
        "if known is not None:",
        "if known is not None and known == item.action:",
    ),
    Edit(
        "drain: comparison flipped",
        "inputs",
        "if same(predicted, item.action):",
        "if not same(predicted, item.action):",
    ),
    Edit("drain: wrong depth", "inputs", "depth=peer.frame - item.frame,", "depth=peer.frame - item.frame - 1,"),
    Edit(
        "receive: wrong counter",
        "inputs",
        "inputs_received_relay=metrics.inputs_received_relay + 1",
        "inputs_received_p2p=metrics.inputs_received_p2p + 1",
    ),
    Edit("receive: wrong queue", "inputs", "relay=peer.inputs.relay.push(item)", "p2p=peer.inputs.p2p.push(item)"),
    Edit(
        "receive: reach tightened",
        "inputs",
        "frame <= peer.frame + peer.config.max_frames_ahead",
        "frame < peer.frame + peer.config.max_frames_ahead",
    ),
    Edit("receive: negative frame", "inputs", "return arrival.frame >= 0", "return arrival.frame >= -1"),
    Edit(
        "schedule: delay doubled",
        "inputs",
        "    frame, action = peer.frame + peer.config.input_delay, normal(sample.action)\n",
        "    frame, action = peer.frame + 2 * peer.config.input_delay, normal(sample.action)\n",
    ),
    Edit("held back: one tick less", "inputs", "peer.ticks <= item.due", "peer.ticks < item.due"),
    Edit(
        "conflict guard negated",
        "inputs",
        "known is not None and not same(known, duplicate.action)",
        "known is not None and same(known, duplicate.action)",
    ),
    Edit(
        "rollback: promoted min dropped", "rollback", "promoted=min(peer.buffers.promoted, target)", "promoted=target"
    ),
    Edit(
        "rollback: confirmed min dropped",
        "rollback",
        "confirmed=min(peer.confirmed, target - 1)",
        "confirmed=target - 1",
    ),
    Edit(
        "rollback: confirmed one too far", "rollback", "min(peer.confirmed, target - 1)", "min(peer.confirmed, target)"
    ),
    Edit(
        "rollback: confirmed kept", "rollback", "confirmed=min(peer.confirmed, target - 1)", "confirmed=peer.confirmed"
    ),
    Edit("rollback: greatest depth is the last", "rollback", "max(peer.metrics.greatest_depth, depth)", "depth"),
    Edit("rollback: state not restored", "rollback", "simulation=peer.snapshots[target]", "simulation=peer.simulation"),
    Edit(
        "rollback: a record too many is kept",
        "rollback",
        "speculative=peer.buffers.speculative.before(target)",
        "speculative=peer.buffers.speculative.before(target + 1)",
    ),
    Edit(
        "rollback: records are kept",
        "rollback",
        "speculative=peer.buffers.speculative.before(target)",
        "speculative=peer.buffers.speculative",
    ),
    Edit(
        "rollback: pending is kept",
        "rollback",
        "Rollback(pending=None, cursor=target)",
        "Rollback(pending=target, cursor=target)",
    ),
    Edit("rollback: cursor one too far", "rollback", "cursor=target)", "cursor=target + 1)"),
    Edit("replay: + 1 dropped", "rollback", "cursor=cursor + 1", "cursor=cursor"),
    Edit("replay: + 1 doubled", "rollback", "cursor=cursor + 1", "cursor=cursor + 2"),
    Edit(
        "replay: one frame too many",
        "rollback",
        "given(peer.rollback.cursor) < peer.frame",
        "given(peer.rollback.cursor) <= peer.frame",
    ),
    Edit(
        "replay: complete one too early",
        "rollback",
        "peer.rollback.cursor == peer.frame",
        "peer.rollback.cursor != peer.frame",
    ),
    Edit("simulate: + 1 dropped", "rollback", "frame=peer.frame + 1", "frame=peer.frame"),
    Edit("simulate: + 1 doubled", "rollback", "frame=peer.frame + 1", "frame=peer.frame + 2"),
    Edit(
        "simulate: window loosened",
        "rollback",
        "peer.frame - peer.confirmed <= window",
        "peer.frame - peer.confirmed <= window + 1",
    ),
    Edit(
        "simulate: window tightened",
        "rollback",
        "peer.frame - peer.confirmed <= window",
        "peer.frame - peer.confirmed < window",
    ),
    Edit(
        "simulate: snapshot of the state afterwards",
        "rollback",
        "peer.snapshots.set(peer.frame, peer.simulation)",
        "peer.snapshots.set(peer.frame, simulation)",
    ),
    Edit("simulate: flag negated", "rollback", "was_speculative=predicted", "was_speculative=not predicted"),
    Edit("simulate: beyond the end", "rollback", "peer.frame < termination)", "peer.frame <= termination)"),
    Edit("tick counted twice", "rollback", "ticks=peer.ticks + 1", "ticks=peer.ticks + 2"),
    Edit("confirm: + 1 doubled", "buffers", "    frame = peer.confirmed + 1\n", "    frame = peer.confirmed + 2\n"),
    Edit(
        "confirm: simulated loosened", "buffers", "peer.confirmed + 1 < peer.frame", "peer.confirmed + 1 <= peer.frame"
    ),
    Edit(
        "confirm: simulated tightened", "buffers", "peer.confirmed + 1 < peer.frame", "peer.confirmed + 2 < peer.frame"
    ),
    Edit("confirm: wrong frame is complete", "buffers", "complete(peer.confirmed + 1)", "complete(peer.confirmed)"),
    Edit(
        "promote: confirmed loosened",
        "buffers",
        "peer.buffers.promoted <= peer.confirmed",
        "peer.buffers.promoted <= peer.confirmed + 1",
    ),
    Edit(
        "promote: confirmed tightened",
        "buffers",
        "peer.buffers.promoted <= peer.confirmed",
        "peer.buffers.promoted < peer.confirmed",
    ),
    Edit(
        "promote: + 1 dropped",
        "buffers",
        "promoted=frame + 1,\n        digest=digest",
        "promoted=frame,\n        digest=digest",
    ),
    Edit(
        "promote: record stays speculative",
        "buffers",
        ".remove(frame),\n        canonical=peer.buffers.canonical.set(frame, CanonicalRecord(",
        ",\n        canonical=peer.buffers.canonical.set(frame, CanonicalRecord(",
    ),
    Edit(
        "promote: digest is not kept",
        "buffers",
        "        promoted=frame + 1,\n        digest=digest,\n",
        "        promoted=frame + 1,\n",
    ),
    Edit("promote: flag negated", "buffers", "unconfirmed=False", "unconfirmed=True"),
    Edit("force: flag negated", "buffers", "unconfirmed=True", "unconfirmed=False"),
    Edit(
        "force: end loosened",
        "buffers",
        "peer.buffers.promoted < given(peer.ending.termination)",
        "peer.buffers.promoted <= given(peer.ending.termination)",
    ),
    Edit(
        "guard negated: rollback pending",
        "guards",
        "peer.rollback.pending is None",
        "peer.rollback.pending is not None",
    ),
    Edit("guard constant: rollback in progress", "guards", "return peer.rollback.cursor is None", "return True"),
    Edit(
        "open one phase too long",
        "guards",
        "return peer.ending.phase < Phase.COMPLETING",
        "return peer.ending.phase < Phase.COMPLETED",
    ),
    Edit("deadline one too late", "guards", "now >= peer.ending.deadline", "now > peer.ending.deadline"),
    Edit("one queue is enough", "guards", "p2p.first() is None and peer", "p2p.first() is None or peer"),
    Edit(
        "nothing left: confirmable ignored",
        "guards",
        "return not (frame < peer.frame and peer.inputs.known.complete(frame)) and peer",
        "return peer",
    ),
    Edit("nothing left: unpromoted ignored", "guards", " and peer.buffers.promoted > peer.confirmed", ""),
    Edit("any epoch from the past", "guards", "epoch == peer.epoch", "epoch <= peer.epoch"),
    Edit("own messages accepted", "guards", " and about.player != peer.config.player", ""),
    Edit(
        "hash of unconfirmed rows",
        "guards",
        "canonical is not None and not canonical.unconfirmed",
        "canonical is not None",
    ),
    Edit("termination: max", "episode", "min(termination, end)", "max(termination, end)"),
    Edit(
        "decide: not canonical",
        "episode",
        "1 <= decision.end <= peer.buffers.promoted",
        "1 <= decision.end <= peer.buffers.promoted + 1",
    ),
    Edit(
        "decide: digest of the frame before",
        "episode",
        "own_digest=peer.buffers.canonical[end - 1].digest",
        "own_digest=peer.buffers.canonical[max(0, end - 2)].digest",
    ),
    Edit(
        "decide: not the first",
        "episode",
        "canonical[end - 1].record.over and (end == 1 or not canonical[end - 2].record.over)",
        "canonical[end - 1].record.over",
    ),
    Edit(
        "end plausible: tightened",
        "episode",
        "1 <= arrival.end <= peer.frame + peer.config.max_frames_ahead",
        "1 <= arrival.end < peer.frame + peer.config.max_frames_ahead",
    ),
    Edit(
        "end plausible: zero",
        "episode",
        "1 <= arrival.end <= peer.frame + peer.config.max_frames_ahead",
        "0 <= arrival.end <= peer.frame + peer.config.max_frames_ahead",
    ),
    Edit(
        "wait: below termination loosened",
        "episode",
        "peer.ending.termination <= peer.frame",
        "peer.ending.termination <= peer.frame + 1",
    ),
    Edit(
        "wait: wrong deadline",
        "episode",
        "confirmation_timeout_ms\n    ending = evolve(peer.ending, phase=Phase.WAITING, deadline=deadline)",
        "episode_sync_timeout_ms\n    ending = evolve(peer.ending, phase=Phase.WAITING, deadline=deadline)",
    ),
    Edit(
        "wait: target tightened",
        "episode",
        "peer.confirmed >= given(peer.ending.termination) - 1",
        "peer.confirmed >= given(peer.ending.termination)",
    ),
    Edit(
        "wait: target loosened",
        "episode",
        "peer.confirmed >= given(peer.ending.termination) - 1",
        "peer.confirmed >= given(peer.ending.termination) - 2",
    ),
    Edit("wait: own end not needed", "episode", "peer.ending.own is not None or peer.ending.alone", "True"),
    Edit("expire: not told", "episode", "deadline=None, timed_out=True", "deadline=None"),
    Edit("give up: not told", "episode", "termination=termination, alone=True", "termination=termination"),
    Edit("give up: end one too far", "episode", "else peer.frame\n", "else peer.frame + 1\n"),
    Edit(
        "complete: rows loosened",
        "episode",
        "peer.buffers.promoted >= given(peer.ending.termination)",
        "peer.buffers.promoted >= given(peer.ending.termination) - 1",
    ),
    Edit("complete: a row too many", "episode", "canonical.before(termination)", "canonical.before(termination + 1)"),
    Edit(
        "complete: rows beyond the end stay",
        "episode",
        "        canonical=peer.buffers.canonical.before(termination),\n",
        "",
    ),
    Edit("complete: records stay", "episode", "        speculative=peer.buffers.speculative.cleared(),\n", ""),
    Edit(
        "complete: flag of one cause",
        "episode",
        "not peer.ending.alone and not peer.ending.timed_out",
        "not peer.ending.timed_out",
    ),
    Edit("reset: same epoch", "episode", "epoch = peer.epoch + 1", "epoch = peer.epoch"),
    Edit("far ends: tolerance", "episode", "END_TOLERANCE = 5", "END_TOLERANCE = 6"),
    Edit("suspect: guard negated", "episode", "return not is_before_the_end(peer)", "return is_before_the_end(peer)"),
    Edit(
        "send: redundancy + 1 dropped",
        "transport",
        "last - peer.config.redundancy + 1",
        "last - peer.config.redundancy",
    ),
    Edit(
        "send: max dropped",
        "transport",
        "max(peer.config.input_delay, last - peer.config.redundancy + 1)",
        "last - peer.config.redundancy + 1",
    ),
    Edit(
        "resend: from the acknowledged one",
        "transport",
        "first = delivery.acknowledged + 1",
        "first = delivery.acknowledged",
    ),
    Edit("resend: min flipped", "transport", "last = min(newest", "last = max(newest"),
    Edit(
        "resend: always due",
        "transport",
        "to.now >= peer.deliveries[to.player].inputs_due",
        "to.now <= peer.deliveries[to.player].inputs_due",
    ),
    Edit(
        "ack: max flipped",
        "transport",
        "max(delivery.acknowledged, arrival.acknowledged)",
        "min(delivery.acknowledged, arrival.acknowledged)",
    ),
    Edit("ack: end forgotten", "transport", "delivery.end_known or arrival.end_known", "arrival.end_known"),
    Edit(
        "ack: impossible one accepted",
        "transport",
        "return arrival.acknowledged <= newest_own_input(peer)",
        "return arrival.acknowledged <= newest_own_input(peer) + 1",
    ),
    Edit(
        "sent: wrong counter",
        "transport",
        "inputs_sent_relay=metrics.inputs_sent_relay + 1",
        "inputs_sent_p2p=metrics.inputs_sent_p2p + 1",
    ),
    Edit(
        "sent: counted twice",
        "transport",
        "submitted = metrics.inputs_submitted + 1",
        "submitted = metrics.inputs_submitted + 2",
    ),
    Edit(
        "route: or",
        "transport",
        "if is_healthy(peer.links[player]) and accepts else",
        "if is_healthy(peer.links[player]) or accepts else",
    ),
    Edit("fallback: link stays", "transport", "connected=False, fallback_frame", "fallback_frame"),
    Edit("hash: comparison flipped", "desync", "if theirs == ours:", "if theirs != ours:"),
    Edit(
        "hash: first mismatch is the last",
        "desync",
        "frame if desync.first_mismatch is None else min(desync.first_mismatch, frame)",
        "frame",
    ),
    Edit("hash: not taken out", "desync", "heard=peer.desync.heard.remove(player, frame)", "heard=peer.desync.heard"),
    Edit(
        "hash: far ahead tightened",
        "desync",
        "0 <= arrival.frame <= peer.frame + peer.config.max_frames_ahead",
        "0 <= arrival.frame < peer.frame + peer.config.max_frames_ahead",
    ),
)
HARMLESS = (
    Edit(
        "rollback: promoted kept",
        "rollback",
        "promoted=min(peer.buffers.promoted, target)",
        "promoted=peer.buffers.promoted",
    ),
    Edit(
        "rollback: canonical kept",
        "rollback",
        "canonical=peer.buffers.canonical.before(target),",
        "canonical=peer.buffers.canonical,",
    ),
)
"""What changes nothing in any reachable state. The proof, which does not know what is reachable, is cautious."""
USUAL = {"rollback: confirmed kept", "simulate: + 1 dropped", "termination: max"}
"""The edits that are tried in short."""
EDITED = {each.name: each for each in EDITS}


def verdict_on(edit: Edit, directory: Path) -> tuple[int, dict[str, Any], str]:
    """Return the exit code, the verdict and the output about the reference with one edit."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, directory / package, ignore=shutil.ignore_patterns("__pycache__"))
    file = directory / "reference" / f"{edit.file}.py"
    text = file.read_text(encoding="utf-8")
    assert text.count(edit.old) == 1
    file.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
    command = [sys.executable, "-m", "rollproof", "verify", "--proof-only", "--jobs", "1", "--json", "out.json"]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert (directory / "out.json").exists(), done.stderr
    assert done.stderr == ""
    return done.returncode, json.loads((directory / "out.json").read_text(encoding="utf-8")), done.stdout


@pytest.mark.slow
@pytest.mark.fuzz
@pytest.mark.parametrize("name", long_but(USUAL, EDITED))
def test_a_mistake_is_never_proved(name: str, tmp_path: Path) -> None:
    code, document, told = verdict_on(EDITED[name], tmp_path)
    assert (code, document["status"]) in ((1, "refuted"), (3, "undecided"))
    if document["broken"] is not None:
        assert document["broken"]["problem"] in " ".join(told.split())
    elif document["status"] == "refuted":
        verdict = document["trace"]["verdict"]
        (theorem,) = (each for each in document["theorems"] if each["status"] == "refuted")
        assert verdict["property"] == theorem["name"]
        assert theorem["name"] in told
    else:
        assert any(each["open"] for each in document["theorems"])
        assert "not proved: " in told


def test_every_edit_is_of_one_place() -> None:
    names = [each.name for each in (*EDITS, *HARMLESS)]
    assert len(set(names)) == len(names)
    assert set(EDITED) >= USUAL
    for each in (*EDITS, *HARMLESS):
        assert (ROOT / "reference" / f"{each.file}.py").read_text(encoding="utf-8").count(each.old) == 1, each.name
        assert each.old != each.new
