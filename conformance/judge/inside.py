"""The properties of level 2: what can be seen of an implementation that tells what it does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rollproof.conformance.game import play
from rollproof.conformance.judge.evidence import Evidence, failed, prop
from rollproof.conformance.judge.failure import DivergenceError, Failure
from rollproof.conformance.judge.follower import Follower
from rollproof.conformance.judge.heard import Heard


@prop("BUF-6", level=2)
def model(evidence: Evidence) -> Iterator[Failure]:
    """Every observation is one that the reference model allows."""
    run, hello = evidence.run, evidence.run.hello
    config = dict(run.case.config)
    if hello.tells_window:
        config.setdefault("prediction_window", hello.default_window)
    followers = {
        peer: Follower(peer, run.case.peers, config, hello.variants, hello.observes, hello.capabilities)
        for peer in run.case.peers
    }
    unfollowed, last = _unfollowed(evidence), len(run.events)
    for event in evidence.events:
        follower = followers.get(event.peer)
        if follower is None or event.kind not in ("obs", "vars") or event.number >= unfollowed.get(event.peer, last):
            continue
        try:
            if event.kind == "obs":
                follower.see(event.data, event.now // 1000)
            else:
                follower.check_variables(event.data)
        except DivergenceError as divergence:
            yield divergence.at(event.peer, event.number)
            return


def _unfollowed(evidence: Evidence) -> dict[str, int]:
    """Return from which event on the model does not follow a peer: a choice that it declares leads beyond the model."""
    since: dict[str, int] = {}
    if evidence.variant("resync") != "state" and evidence.variant("silent_partner") != "default":
        return since
    heard = Heard.of(evidence.run.case.peers, 0)
    for event in evidence.events:
        heard.see(event)
        kind = event.data.get("obs") if event.kind == "obs" else None
        noticed = kind == "violation" and event.data["kind"] == "desync" and evidence.variant("resync") == "state"
        silent = (
            kind == "advance"
            and evidence.variant("silent_partner") == "default"
            and heard.silent(event.peer, event.now)
        )
        if noticed or silent:
            since.setdefault(event.peer, event.number)
    return since


@prop("IN-11", "IN-3", level=2)
def inputs_are_true(evidence: Evidence) -> Iterator[Failure]:
    """An input that a peer stores for a partner is the one that the partner fixed, in this episode."""
    epochs = dict.fromkeys(evidence.run.case.peers, 0)
    for event in evidence.observations("input_recv", "episode_begin"):
        if event.data["obs"] == "episode_begin":
            epochs[event.peer] = event.data["epoch"]
            continue
        player, frame, value = event.data["player"], event.data["frame"], event.data["input"]
        true = evidence.truth.get(epochs[event.peer], {}).get(frame, {}).get(player)
        if value != true:
            expected = f"{player}'s input {true}" if true is not None else f"no input: {player} has fixed none"
            yield failed("inputs_are_true", event.peer, frame, expected, f"{value}", event.number)
            return


@prop("BUF-2", "IN-9", level=2, stuck=True)
def confirms(evidence: Evidence) -> Iterator[Failure]:
    """Once everything has arrived, everything is confirmed."""
    wanted = evidence.run.case["end"].get("frames", 0) - 1
    last = dict.fromkeys(evidence.active, -1)
    for event in evidence.observations("confirm", "episode_begin"):
        last[event.peer] = event.data["frame"] if event.data["obs"] == "confirm" else -1
    for peer in evidence.active:
        if "confirm" in evidence.run.hello.observes and last[peer] < wanted:
            yield failed("confirms", peer, last[peer] + 1, f"confirmed {wanted}", f"{last[peer]}", evidence.last)
            return


@prop("EP-7", "EP-9", level=2, stuck=True)
def ends(evidence: Evidence) -> Iterator[Failure]:
    """Every episode ends at every peer, agreed unless the case allows otherwise, and is exported."""
    case = evidence.run.case
    episodes = sum("finish" in step for step in case["schedule"])
    for kind, rules in (("episode_end", ("EP-7", "EP-9")), ("export", ("EP-10",))):
        for peer in evidence.active:
            number = sum(event.peer == peer for event in evidence.observations(kind))
            if number != episodes:
                what = f"{episodes} × {kind}"
                yield Failure("ends", ends.sentence, rules, peer, None, what, f"{number} × {kind}", evidence.last)
                return


@prop("EP-7", "EP-9", level=2, final=True)
def ends_agreed(evidence: Evidence) -> Iterator[Failure]:
    """An episode ends with everyone's end heard and everything confirmed, unless the case allows otherwise."""
    for event in evidence.observations("episode_end"):
        if event.data["kind"] != "agreed" and event.peer not in evidence.run.case.json.get("degraded", ()):
            yield failed("ends_agreed", event.peer, event.data["frame"], "agreed", event.data["kind"], event.number)
            return


@prop("EP-12", "EP-1", level=2, final=True)
def termination(evidence: Evidence) -> Iterator[Failure]:
    """An agreed episode ends with the frame with which it would have ended without a network."""
    epochs = dict.fromkeys(evidence.run.case.peers, 0)
    for event in evidence.observations("episode_end", "episode_begin"):
        if event.data["obs"] == "episode_begin":
            epochs[event.peer] = event.data["epoch"]
        elif event.data["kind"] == "agreed":
            frames, over = evidence.lockstep(epochs[event.peer])
            wanted = len(frames)
            if event.data["frame"] != wanted or not over:
                expected = f"an end after {wanted} frames" if over else f"no end after {wanted} frames"
                actual = f"{event.data['frame']}"
                yield failed("termination", event.peer, wanted, expected, actual, event.number)
                return


@prop("BUF-6", "EP-10", "EP-13", "RB-4", level=2, final=True)
def exports(evidence: Evidence) -> Iterator[Failure]:
    """Every exported row that is not flagged unconfirmed is that of the lockstep run, and every column has each row."""
    epochs = dict.fromkeys(evidence.run.case.peers, 0)
    for event in evidence.observations("export", "episode_begin"):
        if event.data["obs"] == "episode_begin":
            epochs[event.peer] = event.data["epoch"]
            continue
        count = len(event.data["rows"])
        ragged = {name: each for name, each in event.data.get("columns", {}).items() if each != count}
        if ragged:
            expected = f"{count} values in each column, one for each row"
            actual = ", ".join(f"{each} in {name!r}" for name, each in sorted(ragged.items())[:3])
            yield failed("exports", event.peer, None, expected, actual, event.number)
            return
        true, _ = evidence.lockstep(epochs[event.peer])
        states = play(true)
        returns = [0] * len(evidence.run.case.peers)
        for row in event.data["rows"]:
            frame = row["frame"]
            if row.get("unconfirmed", False):
                break
            if not 0 <= frame < len(true):
                yield failed("exports", event.peer, frame, f"{len(true)} rows", f"one of frame {frame}", event.number)
                return
            returns = [total + value for total, value in zip(returns, true[frame], strict=True)]
            wanted: dict[str, Any] = {"inputs": list(true[frame]), "state": states[frame + 1], "returns": returns}
            for name, value in wanted.items():
                if row.get(name, value) != value:
                    actual = f"{name} {row[name]}"
                    yield failed("exports", event.peer, frame, f"{name} {value}", actual, event.number)
                    return


@prop("ME-2", "TR-2", level=2)
def sent_counters(evidence: Evidence) -> Iterator[Failure]:
    """The counters of sent inputs add up to the input packets that were sent, path by path."""
    sent: dict[tuple[str, str], int] = {}
    for event in evidence.events:
        if event.kind == "send" and event.data["class"] == "input":
            for key in (event.data["via"], "submitted"):
                sent[event.peer, key] = sent.get((event.peer, key), 0) + 1
        elif event.kind == "obs" and event.data["obs"] == "metric":
            name = event.data["name"]
            key = {"inputs_sent_p2p": "p2p", "inputs_sent_relay": "relay", "inputs_submitted": "submitted"}.get(name)
            wanted = sent.get((event.peer, key), 0) if key else event.data["value"]
            if wanted != event.data["value"]:
                actual = f"{event.data['value']}"
                yield failed("sent_counters", event.peer, None, f"{name} = {wanted}", actual, event.number)
                return


TOLD = {"input_conflicts": "conflict", "inputs_rejected": "rejected", "hash_mismatches": "desync"}
"""By counter: the kind of violation that it counts."""


@prop("ME-1", "IN-3", "IN-7", "ME-4", level=2)
def told_counters(evidence: Evidence) -> Iterator[Failure]:
    """The counters of conflicts, rejected inputs and differing hashes are those of the violations that were told."""
    told: dict[tuple[str, str], int] = {}
    for event in evidence.observations("violation", "metric") if "violation" in evidence.run.hello.observes else ():
        data = event.data
        if data["obs"] == "violation" and "frame" in data:  # what was no message at all is no input either
            told[event.peer, data["kind"]] = told.get((event.peer, data["kind"]), 0) + 1
        elif data["obs"] == "metric" and data["name"] in TOLD:
            wanted = told.get((event.peer, TOLD[data["name"]]), 0)
            if wanted != data["value"]:
                expected = f"{data['name']} = {wanted}"
                yield failed("told_counters", event.peer, None, expected, f"{data['value']}", event.number)
                return


@prop("TR-4", "ME-1", level=2, final=True)
def fallback_once(evidence: Evidence) -> Iterator[Failure]:
    """The metrics tell the frame at which the relay took over: that of the first loss of the peer-to-peer way."""
    frames = dict.fromkeys(evidence.run.case.peers, 0)
    lost: dict[str, int] = {}
    for event in evidence.events:
        if event.kind == "link" and event.data["state"] == "closed":
            lost.setdefault(event.peer, frames[event.peer])
        elif event.kind == "obs" and event.data["obs"] == "advance":
            frames[event.peer] = max(frames[event.peer], event.data["frame"] + 1)
        elif event.kind == "obs" and event.data["obs"] == "metric" and event.data["name"] == "fallback_frame":
            wanted, told = lost.get(event.peer), event.data["value"]
            if told != wanted:
                yield failed("fallback_once", event.peer, wanted, f"frame {wanted}", f"{told}", event.number)
                return


@prop("ME-4", level=2, final=True)
def desync_noticed(evidence: Evidence) -> Iterator[Failure]:
    """A peer whose game differs is noticed by somebody; where no game differs, nobody sees a difference."""
    perturbed = evidence.run.case.config.get("perturb")
    noticed = [event for event in evidence.observations("violation") if event.data["kind"] == "desync"]
    if perturbed is None and noticed:
        event = noticed[0]
        yield failed("desync_noticed", event.peer, event.data.get("frame"), "equal hashes", "a desync", event.number)
    elif perturbed is not None:
        early = [event for event in noticed if event.data.get("frame", perturbed["frame"]) < perturbed["frame"]]
        if early or not noticed:
            peer, expected = perturbed["peer"], f"a desync from frame {perturbed['frame']} on to be reported"
            actual = f"one at frame {early[0].data['frame']}" if early else "silence"
            yield failed("desync_noticed", peer, perturbed["frame"], expected, actual, evidence.last)


@prop("IN-7", level=2, final=True)
def refusal_reported(evidence: Evidence) -> Iterator[Failure]:
    """A message that cannot be right is rejected, and that is reported."""
    if not any(event.data["kind"] == "rejected" for event in evidence.observations("violation")):
        yield failed("refusal_reported", evidence.active[0], None, "a violation: rejected", "none", evidence.last)


@prop("IN-3", level=2, final=True)
def no_false_conflict(evidence: Evidence) -> Iterator[Failure]:
    """Where every peer fixes one value for an input, nobody reports two."""
    for event in evidence.observations("violation"):
        if event.data["kind"] == "conflict":
            frame = event.data.get("frame")
            yield failed("no_false_conflict", event.peer, frame, "no conflict", "a conflict", event.number)
            return


@prop("IN-12", level=2)
def held_back(evidence: Evidence) -> Iterator[Failure]:
    """With `debug_remote_input_delay` d an input is stored no sooner than d ticks after it can have arrived."""
    delay = evidence.run.case.config.get("debug_remote_input_delay", 0)
    ticks = dict.fromkeys(evidence.run.case.peers, 0)
    newest: dict[str, int] = {}
    sent: dict[int, int] = {}
    arrived: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for event in evidence.events:
        data, peer = event.data, event.peer
        if event.kind == "tick":
            ticks[peer] += 1
        elif event.kind in ("send", "twin"):
            sent[data["packet"]] = newest.get(peer, -1)
        elif event.kind == "arrive":
            arrived.setdefault((peer, data["from"]), []).append((sent[data["packet"]], ticks[peer]))
        elif event.kind == "obs" and data["obs"] == "input_local":
            newest[peer] = data["frame"]
        elif event.kind == "obs" and data["obs"] == "input_recv":
            since = [tick for frame, tick in arrived.get((peer, data["player"]), ()) if frame >= data["frame"]]
            due = min(since, default=ticks[peer]) + delay
            if ticks[peer] < due:
                actual = f"it is stored in tick {ticks[peer]}"
                yield failed("held_back", peer, data["frame"], f"tick {due} or later", actual, event.number)
                return


@prop("ME-1", level=2, final=True)
def same_unobserved(evidence: Evidence) -> Iterator[Failure]:
    """Observing changes nothing: the same packets are sent when hardly anything is observed."""
    run, other = evidence.run, evidence.run.unobserved
    if other is None:
        return
    theirs = [event for event in other.events if event.kind == "send"]
    ours = [event for event in run.events if event.kind == "send"]
    for one, two in zip(ours, theirs, strict=False):
        if (one.peer, one.data["to"], one.data["data"]) != (two.peer, two.data["to"], two.data["data"]):
            yield failed("same_unobserved", one.peer, None, "the same packet as unobserved", "another", one.number)
            return
    if len(ours) != len(theirs):
        event = ours[-1] if ours else run.events[-1]
        expected = f"{len(theirs)} packets, as many as unobserved"
        yield failed("same_unobserved", event.peer, None, expected, f"{len(ours)}", event.number)
