"""What the game of each peer went through in a run, as levels 0 and 1 show it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import define, field

from rollproof.conformance.game import START, step
from rollproof.conformance.judge.failure import Failure
from rollproof.conformance.runner.run import Event, Run
from rollproof.reference.values import same


@define
class Frame:
    """The last simulation of a frame."""

    inputs: tuple[int, ...]
    state: int
    """The game's state after it."""
    event: int


@define
class Episode:
    """An episode of one peer."""

    frames: dict[int, Frame] = field(factory=dict)
    sampled: dict[int, set[int]] = field(factory=dict)
    """By frame: the inputs of the ticks in which it was the next one to simulate."""
    calls: dict[int, list[int]] = field(factory=dict)
    """The same, once for each call, in order."""
    together: set[int] = field(factory=set)
    """The frames that were simulated for the first time in one call with others."""


@define
class Tape:
    """The game of one peer."""

    peer: str
    player: int
    episodes: list[Episode] = field(factory=lambda: [Episode()])
    failures: list[Failure] = field(factory=list)
    """What was wrong on the way, in order."""
    next_frame: int = 0
    cursor: int = 0
    """The frame that must be simulated next."""
    state: int = START
    saved: dict[int, int] = field(factory=lambda: {0: START})
    """By frame: the state before it, as the inputs last applied make it."""
    sums: dict[int, int] = field(factory=lambda: {0: 0})
    """By frame: the sum of all inputs before it."""
    max_steps: int | None = None
    end_sum: int | None = None
    sparse: bool = False
    """Whether a rollback may go back further than to the first wrong frame: not every state is saved."""
    resync: bool = False
    """Whether a state may come from a partner, after a difference was noticed."""
    noticed: bool = False
    """Whether one was."""
    loaded: int | None = None
    """The frame that was loaded last, until a frame has been simulated again with other inputs than before."""
    tick_input: int | None = None
    new: list[int] = field(factory=list)
    """The frames that were simulated for the first time since the last call began."""

    def see(self, event: Event) -> None:
        """Take in one event of this peer."""
        if event.kind == "tick":
            self.tick_input, self.new = event.data["input"], []
            self._sample(self.next_frame)
            self.episodes[-1].calls.setdefault(self.next_frame, []).append(event.data["input"])
        elif event.kind == "obs":
            kind = event.data["obs"]
            if kind == "advance":
                self._advance(event)
            elif kind == "load":
                self._load(event)
            elif kind == "save":
                self._save(event)
            elif kind == "violation":
                self.noticed |= event.data["kind"] == "desync"
            elif kind == "episode_begin":
                self.episodes.append(Episode())
                self.next_frame = self.cursor = 0
                self.state, self.saved, self.loaded = START, {0: START}, None

    def _sample(self, frame: int) -> None:
        if self.tick_input is not None:
            self.episodes[-1].sampled.setdefault(frame, set()).add(self.tick_input)

    def _save(self, event: Event) -> None:
        frame = event.data["frame"]
        if frame > self.next_frame:
            self._fail(event, "order", frame, f"a frame from 0 to {self.next_frame} to be saved", f"frame {frame}")
        self._compare_state(event, frame, self.saved.get(frame), "saved")

    def _load(self, event: Event) -> None:
        frame = event.data["frame"]
        self._for_nothing(event.number)
        if self.resync and self.noticed:
            self.saved[frame], self.next_frame = event.data["state"], frame
            frames = self.episodes[-1].frames
            for later in [each for each in frames if each >= frame]:
                del frames[later]
        if frame not in self.saved or frame > self.next_frame:
            self._fail(event, "order", frame, f"a frame from 0 to {self.next_frame} to be loaded", f"frame {frame}")
        else:
            self._compare_state(event, frame, self.saved[frame], "loaded")
            self.state = self.saved[frame]
            if frame == self.next_frame > 0 and not (self.resync and self.noticed):
                expected = f"no load: frame {frame} is the next one, so that nothing is replayed"
                self._fail(event, "rollback_needed", frame, expected, "one of the state that is there already")
        self.cursor = frame
        self.loaded = frame if frame < self.next_frame and not (self.resync and self.noticed) else None

    def end(self, last: int) -> None:
        """Nothing happens any more after the event of a number."""
        self._for_nothing(last)

    def _for_nothing(self, event: int) -> None:
        """Note that a rollback, over by now, has changed no frame."""
        if self.loaded is not None and self.cursor >= self.next_frame:
            expected = "another input than before in some frame replayed"
            self._note(event, "rollback_needed", self.loaded, expected, "the same in all of them")
        self.loaded = None

    def _advance(self, event: Event) -> None:
        frame, inputs = event.data["frame"], tuple(event.data["inputs"])
        episode = self.episodes[-1]
        if frame != self.cursor:
            self._fail(event, "order", frame, f"frame {self.cursor} to be simulated", f"frame {frame}")
            self.state = self.saved.get(frame, self.state)
        if frame >= self.next_frame:
            self._for_nothing(event.number)
        earlier = episode.frames.get(frame)
        if earlier is not None:
            own = self.player
            if own < len(inputs) and not same(inputs[own], earlier.inputs[own]):
                self._fail(event, "one_value", frame, f"own input {earlier.inputs[own]}", f"{inputs[own]}")
            if not same(inputs, earlier.inputs):
                self.loaded = None
            elif self.loaded == frame and not self.sparse:
                self.loaded = None
                self._fail(
                    event, "rollback_needed", frame, "another input than before in the first frame replayed", "the same"
                )
        before, self.state = self.state, step(self.state, inputs)
        if self._is_over(frame) and event.data["state"] == before:
            self.state = before
        if self.state != event.data["state"]:
            self._fail(event, "game", frame, f"the state {self.state} after it", f"{event.data['state']}")
        self.saved[frame + 1] = self.state
        self.sums[frame + 1] = self.sums.get(frame, 0) + sum(inputs)
        episode.frames[frame] = Frame(inputs, self.state, event.number)
        if frame >= self.next_frame:
            self.next_frame = frame + 1
            self._sample(frame)
            self.new.append(frame)
            if len(self.new) > 1:
                episode.together.update(self.new)
        self.cursor = frame + 1

    def _is_over(self, frame: int) -> bool:
        """Tell whether the game is over before a frame; then it may stand still (EP-1)."""
        return (self.max_steps is not None and frame >= self.max_steps) or (
            self.end_sum is not None and self.sums.get(frame, 0) >= self.end_sum
        )

    def _compare_state(self, event: Event, frame: int, ours: int | None, what: str) -> None:
        if ours is not None and ours != event.data["state"]:
            self._fail(event, "game", frame, f"the state {ours} to be {what} before it", f"{event.data['state']}")

    def _fail(self, event: Event, clause: str, frame: int, expected: str, actual: str) -> None:
        self._note(event.number, clause, frame, expected, actual)

    def _note(self, event: int, clause: str, frame: int, expected: str, actual: str) -> None:
        self.failures.append(Failure(clause, "", (), self.peer, frame, expected, actual, event))


def tapes(run: Run, events: Sequence[Event]) -> dict[str, Tape]:
    """Return the tape of every peer, of these events of a run."""
    config, hello = run.case.config, run.hello
    peers = {
        peer: Tape(
            peer,
            player,
            max_steps=config.get("max_steps"),
            end_sum=config.get("end_sum"),
            sparse="sparse" in hello.capabilities,
            resync=hello.variants.get("resync") == "state",
        )
        for player, peer in enumerate(run.case.peers)
    }
    for event in events:
        if event.peer in peers:
            peers[event.peer].see(event)
    for tape in peers.values():
        tape.end(events[-1].number if events else 0)
    return peers


def episodes_together(peers: dict[str, Tape]) -> Iterator[tuple[int, dict[str, Episode]]]:
    """Iterate over the episodes that more than one peer has, with those peers' part in them."""
    most = max(len(tape.episodes) for tape in peers.values())
    for number in range(most):
        yield number, {name: tape.episodes[number] for name, tape in peers.items() if number < len(tape.episodes)}
