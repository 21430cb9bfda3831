"""A peer of a log that does not tell its inputs: what is seen of its game, and of the order of what it does."""

from __future__ import annotations

from collections.abc import Mapping

from rollproof.conformance.judge.failure import DivergenceError
from rollproof.conformance.judge.properties import PROPERTIES
from rollproof.conformance.judge.tape import Tape
from rollproof.conformance.logs.model import EVERY, KEPT, MOST_OPEN, TooMuchError
from rollproof.conformance.logs.reading import Header
from rollproof.conformance.runner.run import Event
from rollproof.conformance.schema import Json


class GameFollower:
    """What a peer's lines have told of its game (level 0), its confirmed frame and its records."""

    def __init__(self, header: Header, peer: str) -> None:
        """Begin before frame 0 of the first episode."""
        config = header.config_of(peer)
        self.tape = Tape(
            peer, header.players.index(peer), max_steps=config.get("max_steps"), end_sum=config.get("end_sum")
        )
        self.header, self.config, self.observes = header, config, header.observes_of(peer)
        self.late = header.variants.get("rollback_on") == "late"
        self.refusing: tuple[str, ...] = ()
        self.lost = False
        self.epoch = 0
        self.confirmed = -1
        self.promoted = 0
        self.forgotten = 0

    def judges(self, observation: Json) -> bool:
        """Tell whether an observation is compared with anything."""
        kind = observation["obs"]
        if kind == "save":
            return self.header.suite_game and "advance" in self.observes
        if kind in ("advance", "load"):
            return "advance" in self.observes
        return kind in ("confirm", "promote", "episode_begin", "rollback_begin")

    def variables(self) -> dict[str, Json]:
        """Return what is known of the peer."""
        ours = {"epoch": self.epoch}
        if "advance" in self.observes:
            ours["frame"] = self.tape.next_frame
        if "confirm" in self.observes:
            ours["confirmed"] = self.confirmed
        return ours

    def check_variables(self, told: Mapping[str, Json]) -> None:
        """Compare the variables that a peer tells.

        Raises:
            DivergenceError: if one differs from what was observed.
        """
        for name, value in self.variables().items():
            if name in told and told[name] != value:
                sentence = "A variable is what the observations say."
                raise DivergenceError(
                    "variables", sentence, ("BUF-2",), self.tape.next_frame, f"{name} = {value}", f"{told[name]}"
                )

    def see(self, observation: Json, now: int) -> bool:
        """Take in one observation, and tell whether it was compared with anything.

        Raises:
            DivergenceError: if it is against what was seen before.
            TooMuchError: if it speaks of a frame that is forgotten.
        """
        if not self.judges(observation):
            return False
        kind = observation["obs"]
        if kind == "confirm":
            self._confirm(observation["frame"])
        elif kind == "promote":
            self._promote(observation["frames"])
        elif kind == "episode_begin":
            self._begin(observation["epoch"])
        if kind in ("load", "rollback_begin"):
            self._go_back(observation["frame"])
        self._play(observation, now)
        return True

    def _confirm(self, frame: int) -> None:
        if frame < self.confirmed and self.observes & {"advance", "load", "rollback_begin"}:
            raise DivergenceError(
                "confirmed_does_not_go_back", "A confirmed frame stays confirmed.", ("BUF-2", "RB-4"), frame,
                f"confirmed to be at least {self.confirmed}", f"{frame}",
            )  # fmt: skip
        if "advance" in self.observes and frame >= self.tape.next_frame:
            raise DivergenceError(
                "confirm_frame.next_frame_is_simulated", "Only what is simulated is confirmed.", ("BUF-2",), frame,
                f"confirmed to be at most {self.tape.next_frame - 1}", f"{frame}",
            )  # fmt: skip
        self.confirmed = frame

    def _promote(self, frames: list[int]) -> None:
        for frame in frames:
            if frame != self.promoted:
                raise DivergenceError(
                    "promoted_in_order", "Records are promoted one after the other.", ("BUF-3", "BUF-7"), frame,
                    f"frame {self.promoted} to be promoted", f"frame {frame}",
                )  # fmt: skip
            self.promoted = frame + 1

    def _begin(self, epoch: int) -> None:
        self.epoch += 1
        self.confirmed, self.promoted, self.forgotten = -1, 0, 0
        if epoch != self.epoch:
            raise DivergenceError(
                "epoch", "Episodes are numbered one after the other.", ("EP-11", "IN-11"), None,
                f"episode {self.epoch}", f"episode {epoch}",
            )  # fmt: skip

    def _go_back(self, frame: int) -> None:
        if frame < self.forgotten:
            raise TooMuchError(f"a rollback of more than {MOST_OPEN} frames: none earlier is remembered")
        if frame < self.promoted:
            raise DivergenceError(
                "begin_rollback", "A promoted record is final.", ("BUF-4", "RB-1"), frame,
                f"no rollback to before frame {self.promoted}", f"one to frame {frame}",
            )  # fmt: skip
        self.confirmed = min(self.confirmed, frame - 1)

    def _play(self, observation: Json, now: int) -> None:
        tape = self.tape
        if observation["obs"] == "advance" and "load" not in self.observes:
            frame = observation["frame"]
            if frame < tape.cursor and frame in tape.saved:
                self._go_back(frame)
                load = {"obs": "load", "frame": frame, "state": tape.saved[frame]}
                tape.see(Event(0, now, tape.peer, "obs", load))
        tape.see(Event(0, now, tape.peer, "obs", observation))
        found = [
            each
            for each in tape.failures
            if (self.header.suite_game or each.clause != "game")
            and not (self.late and each.clause == "rollback_needed")
        ]
        tape.failures.clear()
        if observation["obs"] == "episode_begin":
            tape.episodes = tape.episodes[-1:]
            tape.sums = {0: 0}
        self._forget()
        for each in found[:1]:
            broken = PROPERTIES[each.clause]
            raise DivergenceError(each.clause, broken.sentence, broken.rules, each.frame, each.expected, each.actual)

    def _forget(self) -> None:
        tape = self.tape
        horizon = max(self.confirmed - KEPT, tape.next_frame - MOST_OPEN)
        if horizon - self.forgotten < EVERY:
            return
        for frame in range(self.forgotten, horizon):
            for remembered in (tape.saved, tape.sums, tape.episodes[-1].frames, tape.episodes[-1].sampled):
                remembered.pop(frame, None)
        self.forgotten = horizon
