"""The properties of levels 0 and 1: what can be seen of any implementation."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from rollproof.conformance.judge.evidence import DEFAULT_INPUT, Check, Evidence, failed, prop
from rollproof.conformance.judge.failure import Failure
from rollproof.conformance.judge.tape import episodes_together


def _from_tapes(name: str) -> Check:
    return lambda evidence: (each for tape in evidence.tapes.values() for each in tape.failures if each.clause == name)


@prop("RB-4", "RB-5", level=0)
def game(evidence: Evidence) -> Iterator[Failure]:
    """Every state that is reached, saved or loaded is what the inputs applied so far make it."""
    return _from_tapes("game")(evidence)


@prop("RB-5", "BUF-7", level=0)
def order(evidence: Evidence) -> Iterator[Failure]:
    """Frames are simulated one after the other, and after a load all from the loaded one on, without a gap."""
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
                if first.inputs != other.inputs:
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
            if frame <= confirmed.get(peer, -1) and before != event.data["inputs"]:
                expected = f"the inputs {before} that were called confirmed"
                yield failed("confirmed_is_final", peer, frame, expected, f"{event.data['inputs']}", event.number)
                return
            used[peer, frame] = event.data["inputs"]


@prop("IN-5", "IN-10", "IN-6", level=0, final=True)
def own_input(evidence: Evidence) -> Iterator[Failure]:
    """The input of frame n is the one sampled at frame n − `input_delay`, and earlier frames have the default."""
    delay = evidence.run.case.config.get("input_delay", 0)
    for name, tape in evidence.tapes.items():
        for episode in tape.episodes:
            for number, frame in sorted(episode.frames.items()):
                if number < delay:
                    if set(frame.inputs) != {DEFAULT_INPUT}:
                        expected = "the default input for everyone"
                        yield failed("own_input", name, number, expected, f"{list(frame.inputs)}", frame.event)
                        return
                    continue
                allowed = episode.sampled.get(number - delay, set())
                if tape.player < len(frame.inputs) and frame.inputs[tape.player] not in allowed:
                    expected = " or ".join(map(str, sorted(allowed))) or "no input: none was sampled"
                    actual = f"{frame.inputs[tape.player]}"
                    yield failed("own_input", name, number, expected, actual, frame.event)
                    return


@prop("IN-8", level=0)
def window(evidence: Evidence) -> Iterator[Failure]:
    """No frame is simulated that lies further ahead of the confirmed one than the prediction window."""
    case = evidence.run.case
    size, delay = case.config.get("prediction_window"), case.config.get("input_delay", 0)
    if size is None:
        return
    following = dict.fromkeys(case.peers, 0)
    announced: dict[int, int] = {}
    heard = {peer: {other: delay - 1 for other in case.peers if other != peer} for peer in case.peers}
    for event in evidence.run.events:
        if event.kind == "send":
            announced[event.data["packet"]] = following[event.peer] + delay
        elif event.kind == "arrive":
            sender = event.data["from"]
            heard[event.peer][sender] = max(heard[event.peer][sender], announced[event.data["packet"]])
        elif event.kind == "obs" and event.data["obs"] == "advance" and event.data["frame"] >= following[event.peer]:
            frame = event.data["frame"]
            confirmed = min(frame - 1, *heard[event.peer].values())
            if frame - confirmed > size:
                expected = f"no frame beyond {confirmed + size}: at most frame {confirmed} can be confirmed"
                yield failed("window", event.peer, frame, expected, f"frame {frame}", event.number)
                return
            following[event.peer] = frame + 1
        elif event.kind == "obs" and event.data["obs"] == "episode_begin":
            following[event.peer] = 0
            heard[event.peer] = dict.fromkeys(heard[event.peer], delay - 1)


@prop("IN-8", "IN-9", "RB-3", level=0, stuck=True)
def progress(evidence: Evidence) -> Iterator[Failure]:
    """Once the network is well, every peer goes on, and stops correcting frames."""
    wanted = evidence.run.case["end"].get("frames", 0)
    for name in evidence.active:
        reached = evidence.tapes[name].next_frame
        if reached < wanted:
            yield failed("progress", name, reached, f"{wanted} frames", f"{reached}", evidence.last)
            return
    for event in evidence.run.events:
        if event.kind == "unsettled":
            expected = "an end of corrections while nobody's input changes"
            yield failed("progress", evidence.active[0], None, expected, "ever more of them", event.number)


@prop("TR-2", "TR-1", "TR-4", level=1)
def one_path(evidence: Evidence) -> Iterator[Failure]:
    """A packet goes out on one path: peer-to-peer while that is healthy, by the relay when it is not."""
    states: dict[tuple[str, str], str] = {}
    for event in evidence.run.events:
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
    for event in evidence.run.events:
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
    size = evidence.run.case.config.get("prediction_window", 0)
    frames = dict.fromkeys(evidence.run.case.peers, 0)
    ticking: dict[str, int] = {}
    for event in evidence.run.events:
        if event.kind == "obs" and event.data["obs"] == "advance":
            frames[event.peer] = max(frames[event.peer], event.data["frame"] + 1)
        elif event.kind == "tick":
            begun = frames[event.peer]
            if 0 < begun < size and ticking.get(event.peer) == begun:
                expected = f"frame {begun} to be simulated: it is within the window"
                yield failed("window_is_used", event.peer, begun, expected, "a tick without it", event.number)
                return
            ticking[event.peer] = begun
