"""Mistakes seen in real implementations that no edit of a protocol makes: adapters of the reference that make them."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from rollproof.conformance.adapters.reference import Adapter, ObservedRun
from rollproof.conformance.schema import Json
from rollproof.reference import tick as drivers
from rollproof.reference.containers import Action, InputTable, Player
from rollproof.reference.inputs import Drain, drain_input
from rollproof.reference.messages import InputMessage, Path
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.rollback import Moment, simulate_frame
from rollproof.reference.state import Phase
from rollproof.reference.transition import Protocol
from rollproof.reference.values import evolve
from rollproof.reference.wire import decode


class FastForward(Adapter):
    """Catches up after a pause as the variant `fast_forward_invents_inputs` does."""

    last_tick = 0

    def on_reset(self, request: Json) -> None:
        """Remember how long a frame lasts."""
        super().on_reset(request)
        self.frame_us, self.last_tick = request["config"]["frame_us"], 0

    def on_tick(self, request: Json) -> None:
        """Make up for the ticks that were missed."""
        missed = (request["now"] - self.last_tick) // self.frame_us - 1
        self.last_tick = request["now"]
        run = ObservedRun(self, request)
        for _ in range(missed):
            run.do(self.protocol.transitions["fast_forward"], Moment(run.now, focused=True))
        super().on_tick(request)


class UnorderedTable(InputTable):
    """Predicts by the input that arrived last, whatever its frame."""

    def set(self, player: Player, frame: int, action: Action) -> InputTable:
        """Return this table with one more input, remembered as the latest."""
        table = super().set(player, frame, action)
        latest = {**self.__dict__.get("latest", {}), player: action}
        table.__dict__["latest"] = latest
        return table

    def predict(self, player: Player, frame: int) -> Action:
        """Return the prediction."""
        return self.__dict__.get("latest", {}).get(player, self.default)


class PredictsByArrival(Adapter):
    """Uses `UnorderedTable`."""

    def on_reset(self, request: Json) -> None:
        """Become a peer with the other table."""
        super().on_reset(request)
        table = self.peer.inputs.known
        other = UnorderedTable(table.table, table.delay, table.default, table.prediction)
        self.peer = evolve(self.peer, inputs=evolve(self.peer.inputs, known=other))


class KnowsNoFirstFrames(Adapter):
    """Uses the first input for the frames below the input delay, too."""

    def on_reset(self, request: Json) -> None:
        """Become a peer that knows nothing of the first frames."""
        super().on_reset(request)
        table = self.peer.inputs.known
        other = InputTable(table.table, 0, table.default, table.prediction)
        self.peer = evolve(self.peer, inputs=evolve(self.peer.inputs, known=other))

    def on_tick(self, request: Json) -> None:
        """Fill in the first frames."""
        known, peer = self.peer.inputs.known, self.peer
        if peer.frame == 0 and known.get(peer.config.player, 0) is None:
            for frame in range(peer.config.input_delay):
                for player in peer.config.players:
                    value = request["input"] if player == peer.config.player else peer.config.default_action
                    known = known.set(player, frame, value)
            self.peer = evolve(peer, inputs=evolve(peer.inputs, known=known))
        super().on_tick(request)


class ForgetsWhilePaused(Adapter):
    """Stores what arrives while it is paused without looking at it."""

    last_tick = 0

    def on_reset(self, request: Json) -> None:
        """Begin anew."""
        super().on_reset(request)
        self.last_tick, self.frame_us = 0, request["config"]["frame_us"]

    def on_tick(self, request: Json) -> None:
        """Remember when this was."""
        self.last_tick = request["now"]
        super().on_tick(request)

    def on_deliver(self, request: Json) -> None:
        """Store at once what arrives in a pause."""
        super().on_deliver(request)
        if request["now"] - self.last_tick > 3 * self.frame_us and self.peer.rollback.cursor is None:
            run = ObservedRun(self, request)
            pending = self.peer.rollback
            for path in Path:
                run.repeat(drain_input, Drain(path, run.now))
            self.peer = evolve(self.peer, rollback=pending)


class DuplicatesCrash(Adapter):
    """Takes an old input that comes again for an error."""

    def on_deliver(self, request: Json) -> None:
        """Look at what comes."""
        message = decode(b64decode(request["packet"]))
        if isinstance(message, InputMessage) and message.epoch == self.peer.epoch:
            last = message.first + len(message.actions) - 1
            if last < self.peer.inputs.known.contiguous(message.player) - 2:
                raise ValueError(f"frame {last} came twice")
        super().on_deliver(request)


class SecondValueReplaces(Adapter):
    """A second value for an input replaces the first, wherever that is by then."""

    def on_deliver(self, request: Json) -> None:
        """Store what differs."""
        message = decode(b64decode(request["packet"]))
        if isinstance(message, InputMessage) and message.epoch == self.peer.epoch:
            for frame, action in enumerate(message.actions, message.first):
                self._replace(message.player, frame, action)
        super().on_deliver(request)

    def _replace(self, player: Player, frame: int, action: Action) -> None:
        peer, known = self.peer, self.peer.inputs.known
        queued = [item for queue in (peer.inputs.p2p, peer.inputs.relay) for item in queue]
        waiting = {item.action for item in queued if (item.player, item.frame) == (player, frame)}
        if player in peer.config.partners and {known.get(player, frame), *waiting} - {None, action}:
            peer = evolve(peer, inputs=evolve(peer.inputs, known=known.set(player, frame, action)))
            if frame < peer.frame and peer.rollback.cursor is None:
                pending = frame if peer.rollback.pending is None else min(frame, peer.rollback.pending)
                peer = evolve(peer, rollback=evolve(peer.rollback, pending=pending))
            self.peer = peer


class TicksBeforeTheLoad(Adapter):
    """A call that comes between the decision to roll back and the load simulates a frame."""

    def on_tick(self, request: Json) -> None:
        """Take it for an ordinary call."""
        rollback = self.peer.rollback
        if self.work and rollback.pending is not None and rollback.cursor is None:
            run = ObservedRun(self, request, request["input"])
            drivers.STAGES["schedule"](run)
            run.flush()
            self.peer, events = simulate_frame.effect(self.peer, Moment(run.now, focused=True))
            self.report(events)
            return
        super().on_tick(request)


class TimeoutsAgree(Adapter):
    """Says that an episode ended agreed although it timed out."""

    def _observe(self, kind: str, /, **fields: Any) -> None:
        if kind == "episode_end":
            fields["kind"] = "agreed"
        super()._observe(kind, **fields)


class ObservedOtherwise(Adapter):
    """Sends more when it is observed."""

    def on_tick(self, request: Json) -> None:
        """Send everything again when observed."""
        if "confirm" in self.observe:
            deliveries = self.peer.deliveries
            for partner in self.peer.config.partners:
                deliveries = deliveries.set(partner, evolve(deliveries[partner], inputs_due=0))
            self.peer = evolve(self.peer, deliveries=deliveries)
        super().on_tick(request)


class LosesTrackOfTheGame(Adapter):
    """Reports a state that it has not reached."""

    def _observe(self, kind: str, /, **fields: Any) -> None:
        if kind == "advance" and fields["resimulated"]:
            fields["state"] ^= 1
        super()._observe(kind, **fields)


class KeepsTheFirstExport(Adapter):
    """Exports the first episode again."""

    def __init__(self, protocol: Protocol = PROTOCOL) -> None:
        """Nothing has been exported yet."""
        super().__init__(protocol)
        self.rows: Json = None

    def on_reset(self, request: Json) -> None:
        """Begin anew."""
        super().on_reset(request)
        self.rows = None

    def _observe(self, kind: str, /, **fields: Any) -> None:
        if kind == "export":
            self.rows = self.rows or fields["rows"]
            fields["rows"] = self.rows
        super()._observe(kind, **fields)


class RaggedColumns(Adapter):
    """Leaves the last value of a column out of the export, and keeps the row."""

    def _observe(self, kind: str, /, **fields: Any) -> None:
        if kind == "export" and fields["rows"]:
            fields["columns"]["over"] -= 1
        super()._observe(kind, **fields)


class StopsWhenExported(Adapter):
    """Does nothing more for its partners once it has exported."""

    def _is_done(self) -> bool:
        return self.peer.ending.phase == Phase.EXPORTED

    def on_tick(self, request: Json) -> None:
        """Do nothing after the export."""
        if not self._is_done():
            super().on_tick(request)

    def on_poll(self, request: Json) -> None:
        """Do nothing after the export."""
        if not self._is_done():
            super().on_poll(request)

    def on_deliver(self, request: Json) -> None:
        """Answer nobody after the export."""
        if not self._is_done():
            super().on_deliver(request)


class CountsTroubleTwice(Adapter):
    """Counts each input that it refuses, each conflict and each hash that differs twice."""

    def _observe(self, kind: str, /, **fields: Any) -> None:
        if kind == "metric" and fields["name"] in ("inputs_rejected", "input_conflicts", "hash_mismatches"):
            fields["value"] *= 2
        super()._observe(kind, **fields)


class CountsBothPaths(Adapter):
    """Counts one input too many as sent by the relay."""

    def _observe(self, kind: str, /, **fields: Any) -> None:
        if kind == "metric" and fields["name"] == "inputs_sent_relay":
            fields["value"] += 1
        super()._observe(kind, **fields)


KINDS: dict[str, type[Adapter]] = {
    "duplicate_crashes": DuplicatesCrash,
    "predicts_by_arrival": PredictsByArrival,
    "first_frames_sampled": KnowsNoFirstFrames,
    "unchecked_while_paused": ForgetsWhilePaused,
    "second_value_replaces": SecondValueReplaces,
    "ticks_before_the_load": TicksBeforeTheLoad,
    "timeout_is_not_told": TimeoutsAgree,
    "observed_otherwise": ObservedOtherwise,
    "state_is_made_up": LosesTrackOfTheGame,
    "first_export_again": KeepsTheFirstExport,
    "counter_is_wrong": CountsBothPaths,
    "column_is_short": RaggedColumns,
    "stops_when_exported": StopsWhenExported,
    "trouble_counted_twice": CountsTroubleTwice,
}
"""By name. `FastForward` is that of a variant."""
