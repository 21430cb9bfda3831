"""The named properties that a case can expect, each stated once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from attrs import evolve, field, frozen

from conformance.failure import DivergenceError, Failure
from conformance.follower import Follower
from conformance.game import play
from conformance.runner import Event, Run
from conformance.tape import Tape, episodes_together, tapes

DEFAULT_INPUT = 0


@frozen(slots=False)
class Evidence:
    """A run, with what several properties read from it."""

    run: Run

    @cached_property
    def tapes(self) -> dict[str, Tape]:
        """The game of every peer."""
        return tapes(self.run)

    @cached_property
    def silent(self) -> frozenset[str]:
        """The peers that fell silent."""
        return frozenset(event.peer for event in self.run.events if event.kind == "silence")

    @cached_property
    def active(self) -> tuple[str, ...]:
        """The other peers."""
        return tuple(peer for peer in self.run.case.peers if peer not in self.silent)

    @property
    def last(self) -> int:
        """The number of the last event."""
        return len(self.run.events) - 1

    def observations(self, *kinds: str) -> Iterator[Event]:
        """Iterate over the observations of some kinds."""
        return (event for event in self.run.events if event.kind == "obs" and event.data["obs"] in kinds)

    @cached_property
    def truth(self) -> dict[int, dict[int, dict[str, int]]]:
        """By episode, frame and player: the input that the player's own peer fixed (level 2)."""
        truth: dict[int, dict[int, dict[str, int]]] = {0: {}}
        epochs = dict.fromkeys(self.run.case.peers, 0)
        for event in self.observations("input_local", "episode_begin"):
            if event.data["obs"] == "episode_begin":
                epochs[event.peer] = event.data["epoch"]
            else:
                frames = truth.setdefault(epochs[event.peer], {})
                frames.setdefault(event.data["frame"], {}).setdefault(event.peer, event.data["input"])
        return truth

    def lockstep(self, epoch: int) -> tuple[list[tuple[int, ...]], bool]:
        """Return the joint inputs of an episode that everyone played without a network, and whether it is over then.

        It is not if some input that it goes on with has not been fixed by anybody.
        """
        case = self.run.case
        delay, truth = case.config.get("input_delay", 0), self.truth.get(epoch, {})
        frames: list[tuple[int, ...]] = []
        total = 0
        while len(frames) < case.config.get("max_steps", 1 << 30) and total < case.config.get("end_sum", 1 << 30):
            known = truth.get(len(frames), {})
            if len(frames) < delay:
                inputs = (DEFAULT_INPUT,) * len(case.peers)
            elif len(known) == len(case.peers):
                inputs = tuple(known[peer] for peer in case.peers)
            else:
                return frames, False
            frames.append(inputs)
            total += sum(inputs)
        return frames, True


Check = Callable[[Evidence], Iterator[Failure]]


@frozen
class Property:
    """Something that must hold of a run."""

    name: str
    sentence: str
    rules: tuple[str, ...]
    level: int
    """From which level on it can be judged."""
    stuck: bool
    """Whether not to hold means to be stuck."""
    final: bool
    """Whether it is judged when all is over; a failure of another kind says more, and comes first."""
    _check: Check = field(repr=False, alias="check")

    def failures(self, evidence: Evidence) -> Iterator[Failure]:
        """Iterate over what is against it, the earliest first."""
        for failure in self._check(evidence):
            if failure.clause == self.name:
                failure = evolve(failure, sentence=self.sentence, rules=self.rules)
            yield failure


PROPERTIES: dict[str, Property] = {}
"""All of them, by name."""


def prop(*rules: str, level: int, stuck: bool = False, final: bool = False) -> Callable[[Check], Property]:
    """Declare a property: the function's name is its name, its docstring its sentence."""

    def declare(check: Check) -> Property:
        made = Property(check.__name__, (check.__doc__ or "").strip(), rules, level, stuck, final or stuck, check)
        PROPERTIES[made.name] = made
        return made

    return declare


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
                    yield _failure("agreement", name, frame, expected, f"{list(other.inputs)}", other.event)
                    return


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
                        yield _failure("own_input", name, number, expected, f"{list(frame.inputs)}", frame.event)
                        return
                    continue
                allowed = episode.sampled.get(number - delay, set())
                if tape.player < len(frame.inputs) and frame.inputs[tape.player] not in allowed:
                    expected = " or ".join(map(str, sorted(allowed))) or "no input: none was sampled"
                    actual = f"{frame.inputs[tape.player]}"
                    yield _failure("own_input", name, number, expected, actual, frame.event)
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
                yield _failure("window", event.peer, frame, expected, f"frame {frame}", event.number)
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
            yield _failure("progress", name, reached, f"{wanted} frames", f"{reached}", evidence.last)
            return
    for event in evidence.run.events:
        if event.kind == "unsettled":
            expected = "an end of corrections while nobody's input changes"
            yield _failure("progress", evidence.active[0], None, expected, "ever more of them", event.number)


@prop("BUF-6", level=2)
def model(evidence: Evidence) -> Iterator[Failure]:
    """Every observation is one that the reference model allows."""
    run = evidence.run
    followers = {
        peer: Follower(peer, run.case.peers, run.case.config, run.hello.variants, run.hello.observes)
        for peer in run.case.peers
    }
    for event in run.events:
        follower = followers.get(event.peer)
        if follower is None or event.kind not in ("obs", "vars"):
            continue
        try:
            if event.kind == "obs":
                follower.see(event.data, event.now // 1000)
            else:
                follower.check_variables(event.data)
        except DivergenceError as divergence:
            yield divergence.at(event.peer, event.number)
            return


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
            yield _failure("inputs_are_true", event.peer, frame, expected, f"{value}", event.number)
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
            yield _failure("confirms", peer, last[peer] + 1, f"confirmed {wanted}", f"{last[peer]}", evidence.last)
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
            yield _failure("ends_agreed", event.peer, event.data["frame"], "agreed", event.data["kind"], event.number)
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
                yield _failure("termination", event.peer, wanted, expected, actual, event.number)
                return


@prop("BUF-6", "EP-13", "RB-4", level=2, final=True)
def exports(evidence: Evidence) -> Iterator[Failure]:
    """Every exported row that is not flagged unconfirmed is the row of the lockstep run."""
    epochs = dict.fromkeys(evidence.run.case.peers, 0)
    for event in evidence.observations("export", "episode_begin"):
        if event.data["obs"] == "episode_begin":
            epochs[event.peer] = event.data["epoch"]
            continue
        true, _ = evidence.lockstep(epochs[event.peer])
        states = play(true)
        returns = [0] * len(evidence.run.case.peers)
        for row in event.data["rows"]:
            frame = row["frame"]
            if row.get("unconfirmed", False):
                break
            if not 0 <= frame < len(true):
                yield _failure("exports", event.peer, frame, f"{len(true)} rows", f"one of frame {frame}", event.number)
                return
            returns = [total + value for total, value in zip(returns, true[frame], strict=True)]
            wanted: dict[str, Any] = {"inputs": list(true[frame]), "state": states[frame + 1], "returns": returns}
            for name, value in wanted.items():
                if row.get(name, value) != value:
                    actual = f"{name} {row[name]}"
                    yield _failure("exports", event.peer, frame, f"{name} {value}", actual, event.number)
                    return


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
                yield _failure("one_path", event.peer, None, why, f"via {event.data['via']}", event.number)
                return


@prop("ME-2", "TR-2", level=2)
def sent_counters(evidence: Evidence) -> Iterator[Failure]:
    """The counters of sent inputs add up to the input packets that were sent, path by path."""
    sent: dict[tuple[str, str], int] = {}
    for event in evidence.run.events:
        if event.kind == "send" and event.data["class"] == "input":
            for key in (event.data["via"], "submitted"):
                sent[event.peer, key] = sent.get((event.peer, key), 0) + 1
        elif event.kind == "obs" and event.data["obs"] == "metric":
            name = event.data["name"]
            key = {"inputs_sent_p2p": "p2p", "inputs_sent_relay": "relay", "inputs_submitted": "submitted"}.get(name)
            wanted = sent.get((event.peer, key), 0) if key else event.data["value"]
            if wanted != event.data["value"]:
                actual = f"{event.data['value']}"
                yield _failure("sent_counters", event.peer, None, f"{name} = {wanted}", actual, event.number)
                return


@prop("TR-4", "ME-1", level=2, final=True)
def fallback_once(evidence: Evidence) -> Iterator[Failure]:
    """The metrics tell the frame at which the relay took over: that of the first loss of the peer-to-peer way."""
    frames = dict.fromkeys(evidence.run.case.peers, 0)
    lost: dict[str, int] = {}
    for event in evidence.run.events:
        if event.kind == "link" and event.data["state"] == "closed":
            lost.setdefault(event.peer, frames[event.peer])
        elif event.kind == "obs" and event.data["obs"] == "advance":
            frames[event.peer] = max(frames[event.peer], event.data["frame"] + 1)
        elif event.kind == "obs" and event.data["obs"] == "metric" and event.data["name"] == "fallback_frame":
            wanted, told = lost.get(event.peer), event.data["value"]
            if told != wanted:
                yield _failure("fallback_once", event.peer, wanted, f"frame {wanted}", f"{told}", event.number)
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
                yield _failure("moderation", event.peer, None, expected, f"{sent[key]}", event.number)
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
                yield _failure("window_is_used", event.peer, begun, expected, "a tick without it", event.number)
                return
            ticking[event.peer] = begun


@prop("ME-4", level=2, final=True)
def desync_noticed(evidence: Evidence) -> Iterator[Failure]:
    """A peer whose game differs is noticed by somebody; where no game differs, nobody sees a difference."""
    perturbed = evidence.run.case.config.get("perturb")
    noticed = [event for event in evidence.observations("violation") if event.data["kind"] == "desync"]
    if perturbed is None and noticed:
        event = noticed[0]
        yield _failure("desync_noticed", event.peer, event.data.get("frame"), "equal hashes", "a desync", event.number)
    elif perturbed is not None:
        early = [event for event in noticed if event.data.get("frame", perturbed["frame"]) < perturbed["frame"]]
        if early or not noticed:
            peer, expected = perturbed["peer"], f"a desync from frame {perturbed['frame']} on to be reported"
            actual = f"one at frame {early[0].data['frame']}" if early else "silence"
            yield _failure("desync_noticed", peer, perturbed["frame"], expected, actual, evidence.last)


@prop("IN-7", level=2, final=True)
def refusal_reported(evidence: Evidence) -> Iterator[Failure]:
    """A message that cannot be right is rejected, and that is reported."""
    if not any(event.data["kind"] == "rejected" for event in evidence.observations("violation")):
        yield _failure("refusal_reported", evidence.active[0], None, "a violation: rejected", "none", evidence.last)


@prop("IN-3", level=2, final=True)
def no_false_conflict(evidence: Evidence) -> Iterator[Failure]:
    """Where every peer fixes one value for an input, nobody reports two."""
    for event in evidence.observations("violation"):
        if event.data["kind"] == "conflict":
            frame = event.data.get("frame")
            yield _failure("no_false_conflict", event.peer, frame, "no conflict", "a conflict", event.number)
            return


@prop("IN-12", level=2)
def held_back(evidence: Evidence) -> Iterator[Failure]:
    """With `debug_remote_input_delay` d an input is stored no sooner than d ticks after it can have arrived."""
    delay = evidence.run.case.config.get("debug_remote_input_delay", 0)
    ticks = dict.fromkeys(evidence.run.case.peers, 0)
    newest: dict[str, int] = {}
    sent: dict[int, int] = {}
    arrived: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for event in evidence.run.events:
        data, peer = event.data, event.peer
        if event.kind == "tick":
            ticks[peer] += 1
        elif event.kind == "send":
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
                yield _failure("held_back", peer, data["frame"], f"tick {due} or later", actual, event.number)
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
            yield _failure("same_unobserved", one.peer, None, "the same packet as unobserved", "another", one.number)
            return
    if len(ours) != len(theirs):
        event = ours[-1] if ours else run.events[-1]
        expected = f"{len(theirs)} packets, as many as unobserved"
        yield _failure("same_unobserved", event.peer, None, expected, f"{len(ours)}", event.number)


def _failure(clause: str, peer: str, frame: int | None, expected: str, actual: str, event: int) -> Failure:
    return Failure(clause, "", (), peer, frame, expected, actual, event)
