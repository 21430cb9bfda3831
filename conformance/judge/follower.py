"""The reference model follows what a peer reports, step by step (level 2).

Each observation is one transition of the reference, or a few. A transition that a guard refuses is a failure, and the
guard is its clause; so is an effect that differs from what was observed. What an implementation does not report is
inferred where only one thing can have happened, and not judged elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from rollproof.conformance.game import OF_THE_GAME, HashWorld
from rollproof.conformance.judge.clauses import diverges, went_wrong
from rollproof.conformance.judge.failure import DivergenceError
from rollproof.conformance.schema import Json
from rollproof.reference.buffers import confirm_frame, force_promote_frame, promote_frame
from rollproof.reference.config import Config
from rollproof.reference.containers import JointAction
from rollproof.reference.episode import Clock, completed, expire_wait, exported, reset_episode, succeed_wait
from rollproof.reference.events import Event, FrameSimulated, Mispredicted
from rollproof.reference.guards import from_a_partner, no_rollback_in_progress
from rollproof.reference.inputs import (
    Drain,
    InputArrival,
    Sample,
    drain_input,
    input_is_unknown,
    local_input_is_open,
    receive_input,
    schedule_input,
)
from rollproof.reference.messages import Path
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.rollback import (
    Moment,
    begin_rollback,
    finish_rollback,
    replay_frame,
    rollback_in_progress,
    simulate_frame,
    within_prediction_window,
)
from rollproof.reference.state import Ending, Phase, new_peer
from rollproof.reference.transition import Guard, Transition
from rollproof.reference.values import evolve, normal, same
from rollproof.reference.world import Simulation

A = TypeVar("A")
UNTOLD = (*OF_THE_GAME, "debug_remote_input_delay")
"""Settings that are none of the model's."""


class Follower:
    """The model of one peer, as far as its observations have told."""

    def __init__(
        self,
        player: str,
        players: tuple[str, ...],
        config: Mapping[str, Json],
        variants: Mapping[str, str],
        observes: frozenset[str],
        capabilities: frozenset[str] = frozenset(),
    ) -> None:
        """Begin before frame 0 of the first episode.

        Where `config` has no prediction window, it is not known whether there is one.
        """
        settings = {name: value for name, value in config.items() if name not in UNTOLD}
        prediction = variants.get("prediction", "previous")
        world = HashWorld.of(config, player)
        self.model = new_peer(Config(player=player, players=players, prediction=prediction, **settings), world)
        self.observes = observes
        self.late = variants.get("rollback_on") == "late"
        self.sparse = "sparse" in capabilities
        self.earlier: dict[int, Simulation] = {}
        """The state before each frame of the episode, for who saves few and may go back further than the model can."""
        self.contiguous = variants.get("compare") == "contiguous"
        self.delay_varies = "delay-change" in capabilities or variants.get("input_delay") == "changing"
        self.window_is_known = "prediction_window" in config
        self.beyond_gap: dict[tuple[str, int], int] = {}
        """By player and frame: inputs beyond a gap, if they may wait until it closes."""
        self.owed: list[Mispredicted] = []
        self.just_begun = False

    def see(self, observation: Json, now: int) -> bool:
        """Follow one observation, made at a time in milliseconds, and tell whether it was compared with anything.

        Raises:
            DivergenceError: if the model does not allow it.
        """
        see: Callable[[Json, int], None] | None = getattr(self, f"_see_{observation['obs']}", None)
        if see is not None:
            see(observation, now)
        return see is not None

    def check_variables(self, told: Mapping[str, Json]) -> None:
        """Compare the variables that a peer tells when asked.

        Raises:
            DivergenceError: if one differs from the model's.
        """
        model = self.model
        ours: dict[str, Any] = {
            "frame": model.frame,
            "pending": model.rollback.pending,
            "rolling_back": model.rollback.cursor is not None,
            "epoch": model.epoch,
        }
        if "confirm" in self.observes:
            ours["confirmed"] = model.confirmed
        if self.sparse or self.contiguous:
            ours.pop("pending")
        for name, value in ours.items():
            if name in told and told[name] != value:
                raise diverges("variables", model.frame, f"{name} = {value}", f"{name} = {told[name]}")

    # --- inputs ---

    def _see_input_local(self, seen: Json, now: int) -> None:
        model = self.model
        known = model.inputs.known.get(model.config.player, seen["frame"])
        if known is not None:
            if not same(known, normal(seen["input"])):
                raise _refused(local_input_is_open, seen["frame"], f"input {known}", f"input {seen['input']}")
            return
        frame = model.frame + model.config.input_delay
        if self.delay_varies and seen["frame"] >= model.frame:
            frame = seen["frame"]
            rest = model.config, frame - model.frame
            self.model = evolve(model, config=evolve(rest[0], input_delay=rest[1]))
        if seen["frame"] != frame:
            raise diverges(
                "schedule_input", seen["frame"], f"the input of frame {frame}", f"that of frame {seen['frame']}"
            )
        self._fire(schedule_input, Sample(seen["input"]), frame=frame, seen=f"input {seen['input']} was scheduled")

    def _see_input_recv(self, seen: Json, now: int) -> None:
        player, frame, action = seen["player"], seen["frame"], seen["input"]
        if player not in self.model.config.partners:
            raise _refused(from_a_partner, frame, "no such input", f"an input of {player}")
        known = self.model.inputs.known.get(player, frame)
        if known is not None:
            if not same(known, normal(action)):
                raise _refused(input_is_unknown, frame, f"{player}'s {known} to stay", f"{action}")
            return
        if self.contiguous and not self._is_next(player, frame):
            kept = self.beyond_gap.setdefault((player, frame), action)
            if not same(kept, action):
                raise _refused(input_is_unknown, frame, f"{player}'s {kept} to stay", f"{action}")
            return
        self._store(player, frame, action, now)
        while self.beyond_gap:
            beyond = self.model.inputs.known.contiguous(player) + 1
            if (player, beyond) not in self.beyond_gap:
                return
            self._store(player, beyond, self.beyond_gap.pop((player, beyond)), now)

    def _is_next(self, player: str, frame: int) -> bool:
        return bool(frame <= self.model.inputs.known.contiguous(player) + 1)

    def _used_beyond_gap(self, frame: int, inputs: Sequence[int]) -> bool:
        """Know what a frame beyond a gap is simulated with: it may be the known input, or still the predicted one.

        Return whether there is such an input, so that nobody can tell by the value whether it was predicted.
        """
        if not self.beyond_gap:
            return False
        players, known = self.model.config.players, self.model.inputs.known
        beyond = [each for each in players if (each, frame) in self.beyond_gap]
        for player, value in zip(players, inputs, strict=False):
            guessed = known.joint(frame).of(player)
            if player in beyond and same(self.beyond_gap[player, frame], value) and not same(value, guessed):
                del self.beyond_gap[player, frame]
                known = known.set(player, frame, value)
        self.model = evolve(self.model, inputs=evolve(self.model.inputs, known=known))
        return bool(beyond)

    def _store(self, player: str, frame: int, action: int, now: int) -> None:
        what = f"{player}'s input {action} of frame {frame} was stored"
        self._fire(
            receive_input,
            InputArrival(player, self.model.epoch, Path.P2P, frame, action, self.model.config.game),
            frame=frame,
            seen=what,
        )
        was_simulated = frame < self.model.frame
        for event in self._fire(drain_input, Drain(Path.P2P, now), frame=frame, seen=what):
            if isinstance(event, Mispredicted):
                self.owed.append(event)
        if self.late and was_simulated:
            pending = self.model.rollback.pending
            pending = frame if pending is None else min(pending, frame)
            self.model = evolve(self.model, rollback=evolve(self.model.rollback, pending=pending))

    def _see_mispredict(self, seen: Json, now: int) -> None:
        for event in self.owed:
            if (event.player, event.frame) == (seen["player"], seen["frame"]):
                self.owed.remove(event)
                ours, theirs = (event.predicted, event.actual), (seen["predicted"], seen["actual"])
                if ours != theirs:
                    raise diverges(
                        "mispredict",
                        event.frame,
                        f"predicted {ours[0]}, actual {ours[1]}",
                        f"predicted {theirs[0]}, actual {theirs[1]}",
                    )
                return
        raise diverges("mispredict", seen["frame"], "no misprediction", f"one of {seen['player']}")

    def _nothing_owed(self) -> None:
        if "mispredict" in self.observes and self.owed:
            event = self.owed[0]
            raise diverges("mispredict", event.frame, f"a misprediction of {event.player} to be reported", "none")
        self.owed.clear()

    # --- simulation ---

    def _see_rollback_begin(self, seen: Json, now: int) -> None:
        self._begin(seen["frame"])

    def _see_load(self, seen: Json, now: int) -> None:
        if not self.just_begun:
            self._begin(seen["frame"])
        model, cursor, restored = self.model, self.model.rollback.cursor, self.earlier.get(seen["frame"])
        if restored is not None and cursor is not None and seen["frame"] < cursor:
            # What lies between the saved state and the first wrong frame is replayed, though nothing of it is undone.
            self.model = evolve(model, simulation=restored, rollback=evolve(model.rollback, cursor=seen["frame"]))
        if self.model.rollback.cursor != seen["frame"]:
            raise diverges(
                "begin_rollback",
                seen["frame"],
                f"the state before frame {self.model.rollback.cursor}",
                f"that before frame {seen['frame']}",
            )
        self.just_begun = False

    def _begin(self, frame: int) -> None:
        self._nothing_owed()
        pending = self.model.rollback.pending
        if pending is not None and frame < pending and frame in self.earlier:
            self._begin_earlier(frame, pending)
            return
        self._fire(begin_rollback, None, frame=frame, seen=f"a rollback to frame {frame} began")
        if pending != frame:
            raise diverges("begin_rollback", frame, f"a rollback to frame {pending}", f"one to frame {frame}")
        self.just_begun = True

    def _begin_earlier(self, frame: int, pending: int) -> None:
        """Go back to a saved state before the first wrong frame: what is final below that frame stays so."""
        before = self.model
        snapshots = before.snapshots.set(frame, self.earlier[frame])
        self.model = evolve(before, snapshots=snapshots, rollback=evolve(before.rollback, pending=frame))
        self._fire(begin_rollback, None, frame=frame, seen=f"a rollback to frame {frame} began")
        promoted = min(before.buffers.promoted, pending)
        buffers = evolve(self.model.buffers, canonical=before.buffers.canonical.before(pending), promoted=promoted)
        self.model = evolve(self.model, buffers=buffers, confirmed=min(before.confirmed, pending - 1))
        self.just_begun = True

    def _see_rollback_end(self, seen: Json, now: int) -> None:
        self._finish(seen["frame"])
        if seen["frame"] != self.model.frame:
            raise diverges("finish_rollback", seen["frame"], f"frame {self.model.frame} to be next", f"{seen['frame']}")

    def _finish(self, frame: int) -> None:
        self._fire(finish_rollback, None, frame=frame, seen="the rollback ended")

    def _see_advance(self, seen: Json, now: int) -> None:
        frame = seen["frame"]
        self.just_begun = False
        if self.model.rollback.cursor == self.model.frame and "rollback_end" not in self.observes:
            self._finish(frame)
        replayed = self.model.rollback.cursor is not None
        due = self.model.rollback.cursor if replayed else self.model.frame
        if frame != due:
            if not replayed and frame < self.model.frame:
                raise _refused(rollback_in_progress, frame, f"frame {due}", f"frame {frame} again")
            if replayed and frame == self.model.frame:
                raise _refused(no_rollback_in_progress, frame, f"frame {due} to be replayed", f"frame {frame}")
            raise diverges("frames_in_order", frame, f"frame {due}", f"frame {frame}")
        if not replayed:
            self._nothing_owed()
        self._confirm_unseen()
        if self._used_beyond_gap(frame, seen["inputs"]):
            seen = {name: value for name, value in seen.items() if name != "predicted"}
        own, config = self.model.inputs.known, self.model.config
        if self.delay_varies and own.get(config.player, frame + config.input_delay) is None:
            self.model = evolve(self.model, config=evolve(config, input_delay=0))
        if self.sparse:
            self.earlier[frame] = self.model.simulation
        transition = replay_frame if replayed else simulate_frame
        for event in self._fire(
            transition, Moment(now, focused=True), frame=frame, seen=f"frame {frame} was simulated"
        ):
            if isinstance(event, FrameSimulated):
                self._compare(event, seen)

    def _compare(self, ours: FrameSimulated, seen: Json) -> None:
        frame, players = ours.frame, self.model.config.players
        if len(seen["inputs"]) != len(players):
            raise diverges("joint_action", frame, f"{len(players)} inputs", f"{len(seen['inputs'])}")
        theirs = JointAction(players, tuple(seen["inputs"]))
        for player in players:
            if not same(ours.actions.of(player), theirs.of(player)):
                known = self.model.inputs.known.get(player, frame) is not None
                raise diverges(
                    "known_inputs_are_used" if known else "prediction",
                    frame,
                    f"{player}'s {'known' if known else 'predicted'} input {ours.actions.of(player)}",
                    f"{theirs.of(player)}",
                )
        for name, value in (("predicted", ours.predicted), ("resimulated", ours.replayed)):
            if seen.get(name, value) != value:
                raise diverges(name, frame, f"{name}: {value}", f"{name}: {seen[name]}")

    def _see_stall(self, seen: Json, now: int) -> None:
        self._confirm_unseen()
        if self.window_is_known and within_prediction_window.holds(self.model, None):
            raise _refused(
                within_prediction_window, self.model.frame,
                f"frame {self.model.frame} to be simulated: confirmed is {self.model.confirmed}", "a stall",
            )  # fmt: skip

    # --- buffers ---

    def _see_confirm(self, seen: Json, now: int) -> None:
        frame = seen["frame"]
        if frame < self.model.confirmed:
            raise diverges(
                "confirmed_does_not_go_back", frame, f"confirmed to be at least {self.model.confirmed}", f"{frame}"
            )
        while self.model.confirmed < frame:
            highest = f"confirmed to be at most {self.model.confirmed}"
            self._fire(
                confirm_frame, None, frame=self.model.confirmed + 1, seen=f"confirmed became {frame}", expected=highest
            )

    def _confirm_unseen(self) -> None:
        if "confirm" not in self.observes:
            while confirm_frame.refusal(self.model, None) is None:
                self._fire(confirm_frame, None, frame=None, seen="")

    def _see_promote(self, seen: Json, now: int) -> None:
        self._confirm_unseen()
        transition = force_promote_frame if seen.get("forced", False) else promote_frame
        for frame in seen["frames"]:
            if frame != self.model.buffers.promoted:
                raise diverges(
                    "promoted_in_order", frame, f"frame {self.model.buffers.promoted} to be promoted", f"frame {frame}"
                )
            self._fire(transition, None, frame=frame, seen=f"frame {frame} was promoted")

    # --- the end ---

    def _see_episode_end(self, seen: Json, now: int) -> None:
        frame, agreed = seen["frame"], seen["kind"] == "agreed"
        self._confirm_unseen()
        ending = Ending(phase=Phase.WAITING, own=frame, termination=frame, deadline=now, alone=not agreed)
        self.model = evolve(self.model, ending=evolve(ending, announced=self.model.ending.announced))
        wanted: Transition[Any] = succeed_wait if seen.get("confirmed", agreed) else expire_wait
        for name in ("no_rollback_pending", "no_rollback_in_progress", "target_is_confirmed"):
            for guard in wanted.guards:
                if guard.name == name and not guard.holds(self.model, Clock(now)):
                    state = f"confirmed {self.model.confirmed}, pending {self.model.rollback.pending}"
                    raise _refused(guard, frame, "no end yet", f"the end after {frame} frames: {state}")
        self.model = evolve(self.model, ending=evolve(self.model.ending, phase=Phase.COMPLETING))

    def _see_export(self, seen: Json, now: int) -> None:
        model = self.model
        if model.ending.phase == Phase.EXPORTED or model.ending.phase < Phase.COMPLETING:
            raise _refused(completed, None, "no export", "an export")
        if model.rollback.cursor is not None:
            raise _refused(no_rollback_in_progress, None, "no export", "an export")
        frames = [row["frame"] for row in seen["rows"]]
        if frames != list(range(model.ending.termination or 0)):
            raise diverges(
                "rows_are_gapless", None, f"frames 0 to {(model.ending.termination or 0) - 1}", _ranges(frames)
            )
        for row in seen["rows"]:
            self._compare_row(row)
        self.model = evolve(model, ending=evolve(model.ending, phase=Phase.EXPORTED))

    def _compare_row(self, row: Json) -> None:
        frame = row["frame"]
        canonical = self.model.buffers.canonical.get(frame)
        if canonical is None:
            if "promote" in self.observes:
                raise diverges("rows_are_canonical", frame, "no row: the record was never promoted", "a row")
            return
        record = canonical.record
        outcome = record.outcome
        ours = {
            "inputs": list(record.actions.actions),
            "state": None if outcome is None else outcome.infos[record.actions.players[0]]["state"],
            "returns": [record.returns.rewards.get(player, 0) for player in record.actions.players],
            "unconfirmed": canonical.unconfirmed,
        }
        for name, value in ours.items():
            if name in row and value is not None and row[name] != value:
                raise diverges(f"row_{name}", frame, f"{name} {value}", f"{name} {row[name]}")

    def _see_episode_begin(self, seen: Json, now: int) -> None:
        if self.model.ending.phase != Phase.EXPORTED and "export" in self.observes:
            raise _refused(exported, None, "no next episode", f"episode {seen['epoch']}")
        self.model = evolve(self.model, ending=evolve(self.model.ending, phase=Phase.EXPORTED))
        self._fire(reset_episode, None, frame=None, seen="the next episode began")
        self.owed.clear()
        self.earlier.clear()
        if seen["epoch"] != self.model.epoch:
            raise diverges("epoch", None, f"episode {self.model.epoch}", f"episode {seen['epoch']}")

    def _see_metric(self, seen: Json, now: int) -> None:
        metrics = self.model.metrics
        ours = {
            "rollbacks": len(metrics.rollbacks),
            "greatest_depth": metrics.greatest_depth,
            "mispredictions": len(metrics.mispredictions),
            "frames": metrics.frames,
        }
        expected = ours.get(seen["name"], seen["value"])
        if expected != seen["value"]:
            raise diverges("metrics_match_events", None, f"{seen['name']} = {expected}", f"{seen['value']}")

    # --- firing ---

    def _fire(
        self, transition: Transition[A], args: A, *, frame: int | None, seen: str, expected: str = ""
    ) -> Iterable[Event]:
        step = PROTOCOL[transition].fire(self.model, args)
        if isinstance(step, Guard):
            raise DivergenceError(
                f"{transition.name}.{step.name}",
                step.sentence,
                step.rules,
                frame,
                expected or "nothing of the kind",
                went_wrong(step.name, self.model, seen),
            )
        self.model = step[0]
        return step[1]


def _refused(guard: Guard[Any], frame: int | None, expected: str, seen: str) -> DivergenceError:
    return DivergenceError(guard.name, guard.sentence, guard.rules, frame, expected, seen)


def _ranges(frames: list[int]) -> str:
    shown = ", ".join(map(str, frames[:20]))
    return f"{len(frames)} rows: {shown}{', …' if len(frames) > 20 else ''}"
