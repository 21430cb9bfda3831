"""The reference as an adapter, in this process or as `python -m rollproof.conformance.adapters.reference`.

A replay yields after each frame when the runner wants to interleave, so races of an asynchronous implementation can be
played with the reference too: it holds everything back by its guards alone (RB-7).
"""

from __future__ import annotations

import sys
from base64 import b64decode, b64encode
from collections.abc import Generator
from typing import Any

from rollproof.conformance.cases.single_step import VARIABLES, decoded
from rollproof.conformance.game import OF_THE_GAME, HashWorld
from rollproof.conformance.schema import ADAPTER_PROTOCOL, Json
from rollproof.reference import tick as drivers
from rollproof.reference.config import Config
from rollproof.reference.episode import export_episode, reset_episode
from rollproof.reference.events import (
    EpisodeReset,
    Event,
    FrameConfirmed,
    FramePromoted,
    FrameSimulated,
    HashMismatch,
    InputConflict,
    InputRejected,
    InputScheduled,
    InputStored,
    Mispredicted,
    PartnerEndMissing,
    RollbackBegun,
    RollbackFinished,
    Sent,
    Stalled,
    WaitSucceeded,
    WaitTimedOut,
)
from rollproof.reference.export import Export, read, session_metrics
from rollproof.reference.messages import AckMessage, EndMessage, HashMessage, InputMessage, Path
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.rollback import Moment, begin_rollback, finish_rollback, replay_frame
from rollproof.reference.state import Peer, Phase, new_peer
from rollproof.reference.transition import Guard, Protocol, Transition
from rollproof.reference.transport import LinkChange, LinkLoss, change_link, lose_p2p
from rollproof.reference.wire import decode, encode

CAPABILITIES = (
    *("core", "delay", "window", "retransmit", "n-player", "relay", "promote", "episode-end"),
    *("input-confirmation", "metrics", "desync", "interleave", "transitions"),
)
PACKET_CLASS = {InputMessage: "input", AckMessage: "ack", EndMessage: "end", HashMessage: "hash"}
POLL_US = 10_000
"""How often the wait polls (EP-5)."""
MOST_REPEATS = 2_000
"""A loop of transitions that is longer never ends: a mutant's, that is."""

Work = Generator[None]
"""The stages of one call, which may yield between the frames of a replay."""


class Adapter:
    """One peer of the reference, behind the adapter protocol."""

    def __init__(self, protocol: Protocol = PROTOCOL) -> None:
        """Make an adapter that runs `protocol`, which may be a wrong one."""
        self.protocol = protocol
        self.peer: Peer
        self.work: dict[str, tuple[ObservedRun, Work]] = {}
        self.begun = 0
        self.interleave = False
        self.full: set[str] = set()
        self.observe: frozenset[str] = frozenset()
        self.out: list[Json] = []
        self.obs: list[Json] = []
        self.alone = False

    def handle(self, request: Json) -> Json:
        """Answer one request."""
        self.out, self.obs = [], []
        try:
            answer = getattr(self, f"on_{request['op']}")(request) or {}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answer["seq"] = request["seq"]
        if self.out:
            answer["out"] = self.out
        if self.obs:
            answer["obs"] = self.obs
        if self.work:
            answer["waiting"] = list(self.work)
        if request["op"] not in ("hello", "bye") and (wake := self._wake(request.get("now", 0))) is not None:
            answer["wake_us"] = wake
        return answer

    # --- requests ---

    def on_hello(self, request: Json) -> Json:
        """Say what this is."""
        return {
            "hello": {
                "protocol": ADAPTER_PROTOCOL,
                "name": "rollproof reference" if self.protocol is PROTOCOL else f"mutant: {self.protocol.name}"[:100],
                "version": "1",
                "language": f"Python {sys.version_info.major}.{sys.version_info.minor}",
                "level": 2,
                "capabilities": list(CAPABILITIES),
                "defaults": {"prediction_window": None},
            }
        }

    def on_reset(self, request: Json) -> None:
        """Become a peer before frame 0."""
        world = HashWorld.of(request["config"], request["peer"])
        wanted = {name: value for name, value in request["config"].items() if name not in OF_THE_GAME}
        config = Config(player=request["peer"], players=tuple(request["peers"]), **wanted)
        self.peer = new_peer(config, world, self.protocol.extra)
        self.work, self.begun, self.full, self.alone = {}, 0, set(), False
        self.interleave = request["interleave"]
        self.observe = frozenset(request["observe"])

    def on_tick(self, request: Json) -> None:
        """Let the peer tick."""
        running = self.peer.ending.phase == Phase.RUNNING
        self._begin(request, self.protocol.tick if running else self.protocol.poll, request["input"])

    def on_poll(self, request: Json) -> None:
        """Let the peer's timers run."""
        running = self.peer.ending.phase == Phase.RUNNING
        self._begin(request, ("resend",) if running else self.protocol.poll)

    def on_resume(self, request: Json) -> None:
        """Let one piece of work go on."""
        self._go_on(request["work"])

    def on_deliver(self, request: Json) -> None:
        """Let a packet arrive; what is no message of this protocol is dropped."""
        try:
            message = decode(b64decode(request["packet"]))
        except ValueError:
            self._observe("violation", kind="rejected", detail="not a message")
            return
        now = request["now"] // 1000
        step = drivers.receive(self.protocol, self.peer, now, Path(request["via"]), message, refusing=self.full)
        self.peer = step[0]
        self.report(step[1])

    def on_link(self, request: Json) -> None:
        """Let the way to a partner change (TR-1, TR-4)."""
        run = ObservedRun(self, request)
        partner, state = request["to"], request["state"]
        self.full.discard(partner)
        if state == "closed":
            run.do(lose_p2p, LinkLoss(partner))
        elif state == "full":
            self.full.add(partner)
        else:
            run.do(change_link, LinkChange(partner, state == "up", state == "up"))

    def on_command(self, request: Json) -> Json | None:
        """Export, or begin the next episode; the reference decides for itself when an episode ends."""
        run = ObservedRun(self, request)
        if request["name"] == "export":
            refusal = run.do(export_episode)
            if refusal is None:
                self.export(read(self.peer))
                return None
            return {"skipped": {"reason": f"not exported: {refusal.sentence}"}}
        if request["name"] == "next_episode":
            refusal = run.do(reset_episode)
            return None if refusal is None else {"skipped": {"reason": f"no next episode: {refusal.sentence}"}}
        return {"skipped": {"reason": f"there is no command {request['name']}"}}

    def on_step(self, request: Json) -> Json:
        """Fire one transition, if its guards allow it."""
        name = request["transition"]
        if name not in PROTOCOL.transitions:
            return {"skipped": {"reason": f"there is no transition {name}"}}
        args = PROTOCOL.transitions[name].arguments(*decoded(name, request["args"], self.peer))
        refusal = ObservedRun(self, request).do(self.protocol.transitions[name], args)
        return {"step": {"fired": True} if refusal is None else {"fired": False, "guard": refusal.name}}

    def on_query(self, request: Json) -> Json:
        """Tell those of the wanted variables that there are."""
        return {"vars": {name: VARIABLES[name](self.peer) for name in request["names"] if name in VARIABLES}}

    def on_bye(self, request: Json) -> None:
        """Say goodbye."""

    # --- work ---

    def _begin(self, request: Json, stages: tuple[str, ...], action: int | None = None) -> None:
        self.begun += 1
        name = f"{request['op']}-{self.begun}"
        run = ObservedRun(self, request, action)
        self.work[name] = run, self._stages(run, stages)
        self._go_on(name)

    def _go_on(self, name: str) -> None:
        run, work = self.work[name]
        run.peer = self.peer  # others may have changed it while this waited
        try:
            next(work)
        except StopIteration:
            self.work.pop(name, None)
        except BaseException:
            self.work.pop(name, None)
            raise

    def _stages(self, run: ObservedRun, stages: tuple[str, ...]) -> Work:
        for stage in stages:
            if stage == "roll_back" and self.interleave:
                yield from self._roll_back(run)
            else:
                drivers.STAGES[stage](run)
            run.flush()

    def _roll_back(self, run: ObservedRun) -> Work:
        if self.peer.rollback.pending is not None:
            yield  # between the decision and the load
        if run.do(begin_rollback) is None:
            for _ in range(MOST_REPEATS):
                yield
                self._try_everything(run)
                if run.do(replay_frame, Moment(run.now, run.focused)) is not None:
                    break
            run.do(finish_rollback)

    def _try_everything(self, run: ObservedRun) -> None:
        """Try what might go on while a replay waits; the guards must hold it all back (RB-7)."""
        run.do(finish_rollback)
        for stage in ("drain", "confirm", "promote", "end"):
            drivers.STAGES[stage](run)
            run.flush()

    def _wake(self, now: int) -> int | None:
        if self.peer.ending.phase == Phase.RUNNING or (
            self.peer.ending.phase == Phase.EXPORTED and drivers.is_settled(self.peer)
        ):
            return None
        wake: int = now + POLL_US
        return wake

    # --- observations ---

    def report(self, events: tuple[Event, ...] | list[Event]) -> None:
        """Turn what a step reports into packets and observations."""
        for event in events:
            if isinstance(event, Sent):
                packet = b64encode(encode(event.message)).decode()
                kind = PACKET_CLASS[type(event.message)]
                self.out.append({"to": event.to, "via": event.path.value, "class": kind, "packet": packet})
            else:
                self._report(event)

    def _report(self, event: Event) -> None:
        match event:
            case FrameSimulated(frame, actions, predicted, replayed):
                snapshot = self.peer.snapshots.get(frame)
                if snapshot is not None:
                    self._observe("save", frame=frame, state=snapshot.state[1])
                state = self.peer.simulation.state[1]
                inputs = list(actions.actions)
                self._observe(
                    "advance", frame=frame, inputs=inputs, state=state, predicted=predicted, resimulated=replayed
                )
            case InputScheduled(frame, action):
                self._observe("input_local", frame=frame, input=action)
            case InputStored(player, frame, action):
                self._observe("input_recv", player=player, frame=frame, input=action)
            case FrameConfirmed(frame):
                self._observe("confirm", frame=frame)
            case FramePromoted(frame, forced):
                self._observe("promote", frames=[frame], forced=forced)
            case Mispredicted(player, frame, _, predicted, actual):
                self._observe("mispredict", player=player, frame=frame, predicted=predicted, actual=actual)
            case RollbackBegun(target, _):
                self._observe("rollback_begin", frame=target)
                self._observe("load", frame=target, state=self.peer.simulation.state[1])
            case RollbackFinished(frame):
                self._observe("rollback_end", frame=frame)
            case Stalled(frame, _):
                self._observe("stall", frame=frame)
            case PartnerEndMissing():
                self.alone = True
            case WaitSucceeded(_, target):
                kind = "degraded" if self.alone else "agreed"
                self._observe("episode_end", frame=target + 1, kind=kind, confirmed=True)
            case WaitTimedOut(_, target):
                kind = "degraded" if self.alone else "timeout"
                self._observe("episode_end", frame=target + 1, kind=kind, confirmed=False)
            case EpisodeReset(epoch):
                self.alone = False
                self._observe("episode_begin", epoch=epoch)
            case InputConflict(player, frame, kept, ignored):
                detail = f"kept {kept}, ignored {ignored}"
                self._observe("violation", kind="conflict", player=player, frame=frame, detail=detail)
            case InputRejected(player, frame, reason):
                self._observe("violation", kind="rejected", player=player, frame=max(frame, -1), detail=reason)
            case HashMismatch(player, frame):
                self._observe("violation", kind="desync", player=player, frame=frame)
            case _:
                pass

    def _observe(self, kind: str, /, **fields: Any) -> None:
        if kind in self.observe:
            self.obs.append({"obs": kind, **fields})

    def export(self, export: Export) -> None:
        """Tell the rows of an export, and the metrics."""
        players = self.peer.config.players
        rows = []
        for cells in (dict(zip(export.columns, row, strict=True)) for row in export.rows):
            row = {
                "frame": cells["frame"],
                "inputs": [cells[f"action.{player}"] for player in players],
                "returns": [cells[f"return.{player}"] for player in players],
                "unconfirmed": cells["unconfirmed"],
            }
            state = cells.get(f"info.{players[0]}.state")
            rows.append(row if state is None else {**row, "state": state})
        self._observe("export", rows=rows, columns=dict.fromkeys(export.columns, len(export.rows)))
        for name, value in session_metrics(self.peer).items():
            if isinstance(value, int) and not isinstance(value, bool):
                self._observe("metric", name=name, value=value)


class ObservedRun(drivers.Run):
    """A run of the reference's drivers that reports what each transition did while the peer is as it left it."""

    def __init__(self, adapter: Adapter, request: Json, action: int | None = None) -> None:
        """Start at the request's time."""
        self.adapter = adapter
        now = request["now"] // 1000
        super().__init__(adapter.protocol, adapter.peer, now, action=action, refusing=adapter.full)

    def do(self, transition: Transition[Any], args: Any = None) -> Guard[Any] | None:
        """Fire a transition once, and report."""
        refusal = super().do(transition, args)
        if refusal is None:
            self.adapter.peer = self.peer
            self.flush()
        return refusal

    def repeat(self, transition: Transition[Any], args: Any = None) -> Guard[Any]:
        """Fire a transition until a guard refuses it.

        Raises:
            RuntimeError: if none ever does.
        """
        for _ in range(MOST_REPEATS):
            refusal = self.do(transition, args)
            if refusal is not None:
                return refusal
        raise RuntimeError(f"{transition.name} goes on for ever")

    def flush(self) -> None:
        """Report what has happened since the last time."""
        if self.events:
            self.adapter.report(self.events)
            self.events.clear()


if __name__ == "__main__":
    from rollproof.conformance.adapters.stdio import serve

    serve(Adapter().handle)
