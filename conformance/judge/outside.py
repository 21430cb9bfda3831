"""The properties of levels 0 and 1: what can be seen of any implementation."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from rollproof.conformance.cases.case import longest_latency
from rollproof.conformance.judge.evidence import DEFAULT_INPUT, Check, Evidence, failed, prop
from rollproof.conformance.judge.failure import Failure
from rollproof.conformance.judge.heard import Heard
from rollproof.conformance.judge.sampled import Sampled
from rollproof.conformance.judge.tape import episodes_together, tapes
from rollproof.reference.values import same

GRACE_FRAMES = 15
"""So many frames, and there and back, a pause may take to be agreed upon."""
MOST_SKIPPED = 10
"""Calls for each frame of the window: who skips more of them, to let partners catch up, has stopped."""


def _from_tapes(name: str) -> Check:
    def check(evidence: Evidence) -> Iterator[Failure]:
        failures = [each for tape in evidence.tapes.values() for each in tape.failures if each.clause == name]
        yield from sorted(failures, key=lambda failure: failure.event)

    return check


@prop("RB-4", "RB-5", level=0)
def game(evidence: Evidence) -> Iterator[Failure]:
    """Every state that is reached, saved or loaded is what the inputs applied so far make it."""
    yield from _from_tapes("game")(evidence)
    if evidence.events is not evidence.run.events:  # what is shown ahead of time is the same game
        for tape in tapes(evidence.run, evidence.run.events).values():
            yield from (each for each in tape.failures if each.clause == "game")


@prop("RB-5", "BUF-7", level=0)
def order(evidence: Evidence) -> Iterator[Failure]:
    """Frames are simulated one by one, after a load from the loaded one on; none is saved before it was reached."""
    return _from_tapes("order")(evidence)


@prop("IN-10", level=0)
def one_value(evidence: Evidence) -> Iterator[Failure]:
    """A peer's own input of a frame is the same whenever the frame is simulated."""
    return _from_tapes("one_value")(evidence)


@prop("RB-1", level=0)
def rollback_needed(evidence: Evidence) -> Iterator[Failure]:
    """A rollback goes back to a frame whose inputs were wrong, and is not made for nothing."""
    if evidence.run.hello.variants.get("rollback_on") != "late":
        yield from _from_tapes("rollback_needed")(evidence)


@prop("BUF-6", "EP-13", "RB-6", level=0, final=True)
def agreement(evidence: Evidence) -> Iterator[Failure]:
    """Once everything has arrived, all peers have simulated every frame with the same inputs."""
    for _, episode in episodes_together({name: evidence.tapes[name] for name in evidence.active}):
        names = list(episode)
        for frame in sorted(set.intersection(*(set(each.frames) for each in episode.values()))):
            first = episode[names[0]].frames[frame]
            for name in names[1:]:
                other = episode[name].frames[frame]
                if not same(first.inputs, other.inputs):
                    expected = f"{names[0]}'s inputs {list(first.inputs)}"
                    yield failed("agreement", name, frame, expected, f"{list(other.inputs)}", other.event)
                    return


@prop("BUF-6", "EP-13", level=0, final=True)
def survivors(evidence: Evidence) -> Iterator[Failure]:
    """Whoever goes on has simulated every frame with the same inputs as the others, or says that something is wrong."""
    stands_still = next(progress.failures(evidence), None)
    if not said_so(evidence) and stands_still is None:
        for failure in agreement.failures(evidence):
            yield evolve(failure, clause="survivors")


SAID_SO = ("desync", "halted")
"""Violations by which a peer says that games differ, or that it goes no further."""


def said_so(evidence: Evidence) -> bool:
    """Tell whether somebody who goes on has said that games differ, that it halts, or that it ended otherwise."""
    told = [event for event in evidence.observations("violation", "episode_end") if event.peer in evidence.active]
    return any(
        event.data["kind"] in SAID_SO if event.data["obs"] == "violation" else event.data["kind"] != "agreed"
        for event in told
    )


@prop("IN-8", "EP-9", level=0, stuck=True)
def goes_on(evidence: Evidence) -> Iterator[Failure]:
    """Whoever has not left goes on without those who have, or says that it does not."""
    if not said_so(evidence):
        for failure in progress.failures(evidence):
            yield evolve(failure, clause="goes_on")


@prop("BUF-2", "BUF-6", level=0)
def confirmed_is_final(evidence: Evidence) -> Iterator[Failure]:
    """A frame that a peer has called confirmed is not simulated with other inputs afterwards."""
    confirmed: dict[str, int] = {}
    used: dict[tuple[str, int], list[int]] = {}
    for event in evidence.observations("advance", "confirm", "episode_begin"):
        peer, frame = event.peer, event.data.get("frame", -1)
        if event.data["obs"] == "confirm":
            confirmed[peer] = max(frame, confirmed.get(peer, -1))
        elif event.data["obs"] == "episode_begin":
            confirmed[peer] = -1
        else:
            before = used.get((peer, frame), event.data["inputs"])
            if frame <= confirmed.get(peer, -1) and not same(tuple(before), tuple(event.data["inputs"])):
                expected = f"the inputs {before} that were called confirmed"
                yield failed("confirmed_is_final", peer, frame, expected, f"{event.data['inputs']}", event.number)
                return
            used[peer, frame] = event.data["inputs"]


@prop("IN-5", "IN-10", "IN-6", level=0, final=True)
def own_input(evidence: Evidence) -> Iterator[Failure]:
    """The input of frame n is the one sampled at frame n − `input_delay`, and earlier frames have the default."""
    for name, tape in evidence.tapes.items():
        for episode in tape.episodes:
            sampled = Sampled(evidence, name, episode)
            for number, frame in sorted(episode.frames.items()):
                if tape.player >= len(frame.inputs):
                    continue
                value, allowed = frame.inputs[tape.player], sampled.allowed(number)
                if number < sampled.delay_at_start and evidence.variant("initial_inputs") == "default":
                    if set(frame.inputs) != {DEFAULT_INPUT}:
                        expected = "the default input for everyone"
                        yield failed("own_input", name, number, expected, f"{list(frame.inputs)}", frame.event)
                        return
                elif value not in allowed:
                    expected = " or ".join(map(str, sorted(allowed))) or "no input: none was sampled"
                    yield failed("own_input", name, number, expected, f"{value}", frame.event)
                    return


@prop("IN-8", level=0)
def window(evidence: Evidence) -> Iterator[Failure]:
    """No frame is simulated that lies further ahead of the confirmed one than the prediction window."""
    case = evidence.run.case
    size = case.config.get("prediction_window")
    if size is None:
        return
    heard = Heard.of(case.peers, evidence.longest_delay)
    forgiven = evidence.variant("silent_partner") == "default"
    for event in evidence.events:
        if (
            event.kind == "obs"
            and event.data["obs"] == "advance"
            and event.data["frame"] >= heard.following[event.peer]
        ):
            frame = event.data["frame"]
            silent = heard.silent(event.peer, event.now) if forgiven else ()
            known = [last for other, last in heard.frames[event.peer].items() if other not in silent]
            confirmed = min(frame - 1, *known) if known else frame - 1
            if frame - confirmed > size:
                expected = f"no frame beyond {confirmed + size}: at most frame {confirmed} can be confirmed"
                yield failed("window", event.peer, frame, expected, f"frame {frame}", event.number)
                return
        heard.see(event)


@prop("IN-8", "IN-9", "RB-3", level=0, stuck=True)
def progress(evidence: Evidence) -> Iterator[Failure]:
    """Once the network is well, every peer goes on, and stops correcting frames."""
    wanted = evidence.run.case["end"].get("frames", 0)
    for name in evidence.active:
        reached = evidence.tapes[name].next_frame
        if reached < wanted:
            yield failed("progress", name, reached, f"{wanted} frames", f"{reached}", evidence.last)
            return
    for event in evidence.events:
        if event.kind == "unsettled":
            expected = "no more rollbacks once nobody's input changes"
            yield failed("progress", evidence.active[0], None, expected, "ever more of them", event.number)


@prop("TR-2", "TR-1", "TR-4", level=1)
def one_path(evidence: Evidence) -> Iterator[Failure]:
    """A packet goes out on one path: peer-to-peer while that is healthy, by the relay when it is not."""
    states: dict[tuple[str, str], str] = {}
    for event in evidence.events:
        if event.kind == "link":
            link = event.peer, event.data["to"]
            if states.get(link) != "closed":
                states[link] = event.data["state"]
        elif event.kind == "send" and event.data["class"] == "input":
            link = event.peer, event.data["to"]
            healthy = states.get(link, "up") == "up"
            if (event.data["via"] == "p2p") != healthy:
                path = "p2p" if healthy else "relay"
                why = f"an input to {link[1]} via {path}: the way is {states.get(link, 'up')}"
                yield failed("one_path", event.peer, None, why, f"via {event.data['via']}", event.number)
                return


@prop("IN-9", "EP-2", level=1, final=True)
def moderation(evidence: Evidence) -> Iterator[Failure]:
    """Besides one packet for each tick, inputs are sent again once in `resend_interval_ms` at most, and so are ends."""
    interval = 1000 * evidence.run.case.config.get("resend_interval_ms", 100)
    sent: dict[tuple[str, str, str], int] = {}
    for event in evidence.events:
        if event.kind == "send" and event.data["class"] in ("input", "end"):
            kind = event.data["class"]
            key = event.peer, event.data["to"], kind
            sent[key] = sent.get(key, 0) + 1
            most = event.now // interval + 2 + (evidence.tapes[event.peer].next_frame if kind == "input" else 0)
            if sent[key] > most:
                expected = f"at most {most} packets of class {kind} to {event.data['to']} by now"
                yield failed("moderation", event.peer, None, expected, f"{sent[key]}", event.number)
                return


@prop("IN-8", level=0)
def window_is_used(evidence: Evidence) -> Iterator[Failure]:
    """A peer that has begun simulates with every tick until the window is full, whatever has arrived."""
    case = evidence.run.case
    size = case.config.get("prediction_window", 0)
    waits = evidence.variant("time_sync") == "waits"
    heard = Heard.of(case.peers, case.config.get("input_delay", 0))
    ticking: dict[str, int] = {}
    skipped: dict[str, int] = {}
    for event in evidence.events:
        heard.see(event)
        if event.kind == "tick":
            peer = event.peer
            begun = heard.following[peer]
            if 0 < begun < size and ticking.get(peer) == begun:
                skipped[peer] = skipped.get(peer, 0) + 1
                ahead = begun - 1 - min(heard.frames[peer].values(), default=begun)
                if not waits or ahead < 1 or skipped[peer] > MOST_SKIPPED * size:
                    why = "it is within the window" + (", and no partner is behind" if waits else "")
                    expected = f"frame {begun} to be simulated: {why}"
                    yield failed("window_is_used", peer, begun, expected, "a tick without it", event.number)
                    return
            ticking[peer] = begun


@prop("IN-10", "RB-7", level=0)
def paused(evidence: Evidence) -> Iterator[Failure]:
    """Between `pause` and `go_on` a peer simulates no new frame; where a pause is agreed, nobody does."""
    case = evidence.run.case
    agreed = evidence.variant("pause") == "agreed"
    grace = GRACE_FRAMES * case.frame_us + 2 * longest_latency(case) if agreed else 0
    since: dict[str, int] = {}
    frames = dict.fromkeys(case.peers, 0)
    for event in evidence.events:
        if event.kind == "command" and event.data["name"] == "pause":
            since[event.peer] = event.now
        elif event.kind == "command" and event.data["name"] == "go_on":
            since.pop(event.peer, None)
        elif event.kind == "obs" and event.data["obs"] == "advance" and event.data["frame"] >= frames[event.peer]:
            frames[event.peer] = event.data["frame"] + 1
            begun = min(since.values(), default=None) if agreed else since.get(event.peer)
            if begun is not None and event.now >= begun + grace:
                who = "everybody" if agreed else event.peer
                expected = f"{who} to be paused since {begun / 1000:g} ms"
                yield failed("paused", event.peer, event.data["frame"], expected, "a new frame", event.number)
                return
