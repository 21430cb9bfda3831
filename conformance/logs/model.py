"""The model of one peer of a log: the follower of level 2, for logs that have no end and do not tell everything.

What is confirmed and judged is forgotten, so the memory needed does not grow with the log. What is not recorded is
inferred where only one thing can have happened, and not judged elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from immutables import Map

from rollproof.conformance.game import START
from rollproof.conformance.judge.clauses import diverges
from rollproof.conformance.judge.failure import DivergenceError
from rollproof.conformance.judge.follower import Follower
from rollproof.conformance.logs.reading import Header
from rollproof.conformance.schema import Json
from rollproof.reference.containers import JointAction
from rollproof.reference.events import Event
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer, Phase, begin_episode
from rollproof.reference.transition import Guard, Transition
from rollproof.reference.values import evolve
from rollproof.reference.world import Outcome

A = TypeVar("A")
MOST_OPEN = 10_000
"""How many frames may be neither forgotten nor confirmed; and how many rows an export may have."""
KEPT = 120
"""How many frames are remembered after they were confirmed and judged, for duplicates of their inputs."""
EVERY = 64
"""How many frames are forgotten at a time."""


FOLLOWED = frozenset(name.removeprefix("_see_") for name in dir(Follower) if name.startswith("_see_"))
"""The kinds of observation that the model follows."""
METRICS = frozenset(("rollbacks", "greatest_depth", "mispredictions", "frames"))
"""The metrics that follow from what is observed."""


def needed_to_follow(header: Header, peer: str) -> frozenset[str]:
    """Return the kinds that must be recorded of a peer for the model to follow."""
    needed = {"advance", "input_recv"}
    if header.config_of(peer).get("input_delay", 0) > 0:
        needed.add("input_local")  # without delay it is seen as soon as it is used
    return frozenset(needed)


def can_follow(header: Header, peer: str) -> bool:
    """Tell whether enough is recorded of a peer for the model to follow."""
    return header.observes_of(peer) >= needed_to_follow(header, peer)


Excuse = Callable[[DivergenceError], bool]
"""Tells whether a divergence is known."""


class TooMuchError(ValueError):
    """A log is within its format, but asks for more memory than there shall be."""


class OtherGame:
    """A game of which nothing is known: it has no states, and never ends by itself."""

    def start(self, epoch: int) -> Any:
        """Return nothing."""

    def step(self, state: Any, actions: JointAction) -> tuple[Any, Outcome]:
        """Return nothing."""
        return None, Outcome(infos={actions.players[0]: {"state": None}})


class LogFollower(Follower):
    """The model of a peer, as far as its lines have told."""

    def __init__(self, header: Header, peer: str, excuse: Excuse) -> None:
        """Begin before frame 0 of the first episode."""
        observes = header.observes_of(peer)
        if "episode_end" not in observes:
            observes -= {"export"}
        super().__init__(peer, header.players, header.config_of(peer), header.variants, observes)
        self.excuse = excuse
        self.follow: dict[str, Callable[[Json, int], None]] = {kind: getattr(self, f"_see_{kind}") for kind in FOLLOWED}
        self.suite_game = header.suite_game
        if not self.suite_game:
            self.model = evolve(self.model, world=OtherGame())
        self.states = self._start()
        """By frame: the game's state before it, as the log has it last."""
        self.forgotten = 0
        """All frames below are."""
        self.excused = False
        """Whether a known divergence was met in this episode."""
        self.lost = False
        """Whether the model cannot follow, after a known divergence, until the next episode begins."""
        self.refusing: tuple[str, ...] = ()
        """The guards without which the model would have taken the step that it last refused."""

    @property
    def epoch(self) -> int:
        """The number of the episode."""
        return self.model.epoch

    def variables(self) -> dict[str, Json]:
        """Return what the model has."""
        model = self.model
        return {
            "epoch": model.epoch,
            "frame": model.frame,
            "confirmed": model.confirmed,
            "promoted": model.buffers.promoted,
            "pending": model.rollback.pending,
            "replaying": model.rollback.cursor,
            "phase": model.ending.phase.value,
        }

    def check_variables(self, told: Mapping[str, Json]) -> None:
        """Compare the variables that a peer tells when asked.

        Raises:
            DivergenceError: if one differs from the model's.
        """
        if not self.lost:
            super().check_variables(told)

    def judges(self, observation: Json) -> bool:
        """Tell whether an observation is compared with anything."""
        kind = observation["obs"]
        if self.lost:
            return bool(kind == "episode_begin")
        if kind in ("save", "load"):
            return observation["frame"] in self.states or kind == "load" or observation["frame"] > self.model.frame
        if kind == "export" or (kind == "promote" and observation.get("forced", False)):
            return "episode_end" in self.observes
        if kind in ("input_local", "input_recv"):
            return bool(observation["frame"] >= self.forgotten)
        if kind == "metric":
            return observation["name"] in METRICS
        return kind in FOLLOWED

    def see(self, observation: Json, now: int) -> bool:
        """Follow one observation, made at a time in milliseconds, and tell whether it was compared with anything.

        Raises:
            DivergenceError: if the model does not allow it.
            TooMuchError: if more frames are open than the model remembers.
        """
        if not self.judges(observation):
            return False
        kind = observation["obs"]
        self.refusing = ()
        try:
            self._infer(observation, now)
            if kind != "save":
                self.follow[kind](observation if kind != "export" else self._comparable(observation), now)
        except LookupError:
            if not self.excused:
                raise
            self.lost = True
            return True
        if "state" in observation:
            self._see_state(observation)
        if kind == "advance" and self.model.frame - self.forgotten >= EVERY:
            self._forget()
        return True

    # --- what is not recorded ---

    def _infer(self, seen: Json, now: int) -> None:
        model, kind = self.model, seen["obs"]
        if "rollback_end" not in self.observes and model.rollback.cursor == model.frame:
            self._finish(model.frame)
        if kind != "advance":
            return
        replay = seen["frame"] < model.frame and model.rollback.cursor is None
        if replay and not self.observes & {"rollback_begin", "load"}:
            self._begin(seen["frame"])
        own, frame, players = model.config.player, seen["frame"], model.config.players
        if "input_local" not in self.observes and frame == model.frame and len(seen["inputs"]) == len(players):
            known = model.inputs.known
            if known.get(own, frame) is None:
                known = known.set(own, frame, seen["inputs"][players.index(own)])
                self.model = evolve(self.model, inputs=evolve(self.model.inputs, known=known))

    def _comparable(self, seen: Json) -> Json:
        if self.suite_game:
            return seen
        return {
            **seen,
            "rows": [{k: v for k, v in row.items() if k not in ("state", "returns")} for row in seen["rows"]],
        }

    # --- the game ---

    def _start(self) -> dict[int, int]:
        return {0: START} if self.suite_game else {}

    def _see_state(self, seen: Json) -> None:
        frame, state = seen["frame"], seen["state"]
        if seen["obs"] == "advance":
            self.states[frame + 1] = state
            ours = self.model.simulation.state[1] if self.suite_game else state
        elif frame > self.model.frame:
            raise diverges(
                "saved", frame, f"a state before frame {self.model.frame} or an earlier one", f"frame {frame}"
            )
        else:
            ours = self.states.setdefault(frame, state)
        if ours != state:
            sentence = "Every state that is reached, saved or loaded is what the inputs applied so far make it."
            raise DivergenceError("game", sentence, ("RB-4", "RB-5"), frame, f"the state {ours}", f"{state}")

    def _see_episode_begin(self, seen: Json, now: int) -> None:
        if self.lost:
            self.model = begin_episode(self.model, self.model.epoch)
            completed = evolve(self.model.ending, phase=Phase.EXPORTED)
            self.model, self.owed = evolve(self.model, ending=completed), []
        self.states, self.forgotten, self.excused, self.lost = self._start(), 0, False, False
        super()._see_episode_begin(seen, now)

    # --- memory ---

    def _forget(self) -> None:
        """Forget what is confirmed and judged."""
        model = self.model
        judged = model.confirmed
        if "promote" in self.observes:
            judged = min(judged, model.buffers.promoted - 1)
        if model.rollback.pending is not None:
            judged = min(judged, model.rollback.pending - 1)
        horizon = max(judged - KEPT, self.forgotten)
        open_frames = max(model.frame - horizon, len(model.inputs.known.table.rows))
        if open_frames > MOST_OPEN + EVERY:
            waiting = "promoted" if model.confirmed > judged else "confirmed"
            raise TooMuchError(
                f"{open_frames} frames of {model.config.player} are not {waiting}, and at most {MOST_OPEN} can be "
                f"remembered (does the log have all the kinds that its header says it has?)"
            )
        if horizon - self.forgotten < EVERY:
            return
        rows, buffers, snapshots = model.inputs.known.table.rows.mutate(), model.buffers, model.snapshots
        speculative, canonical = buffers.speculative, buffers.canonical
        for frame in range(self.forgotten, horizon):
            snapshots, speculative = snapshots.remove(frame), speculative.remove(frame)
            rows.pop(frame, None)
            self.states.pop(frame, None)
        if "export" not in self.observes or model.frame > MOST_OPEN:
            canonical = canonical.cleared()
        self.forgotten = horizon
        known = evolve(model.inputs.known, table=evolve(model.inputs.known.table, rows=rows.finish()))
        metrics = evolve(
            model.metrics,
            mispredictions=evolve(model.metrics.mispredictions, items=Map()),
            rollbacks=evolve(model.metrics.rollbacks, items=Map()),
        )
        self.model = evolve(
            model,
            inputs=evolve(model.inputs, known=known),
            buffers=evolve(buffers, speculative=speculative, canonical=canonical),
            snapshots=snapshots,
            metrics=metrics,
        )

    # --- what is known to diverge ---

    def _fire(
        self, transition: Transition[A], args: A, *, frame: int | None, seen: str, expected: str = ""
    ) -> Iterable[Event]:
        """Fire a transition. If a guard refuses it, and that is known, it is fired without its guards."""
        step = PROTOCOL[transition].fire(self.model, args)
        if not isinstance(step, Guard):
            self.model = step[0]
            return step[1]
        try:
            return super()._fire(transition, args, frame=frame, seen=seen, expected=expected)
        except DivergenceError as error:
            refusing = [each for each in PROTOCOL[transition].guards if not _holds(each, self.model, args)]
            self.refusing = tuple(f"{transition.name}.{each.name}" for each in refusing)
            if not self.excuse(error):
                raise
        self.refusing, self.excused = (), True
        self.model, events = PROTOCOL[transition].perform(self.model, args)
        return events


def _holds(guard: Guard[Any], model: Peer, args: Any) -> bool:
    try:
        return guard.holds(model, args)
    except (LookupError, ValueError):
        return False
