"""Adapters of the reference that do a thing in another right way, at level 2."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from rollproof.conformance.adapters.reference import Adapter as Reference
from rollproof.conformance.schema import Json
from rollproof.reference.messages import InputMessage
from rollproof.reference.values import evolve
from rollproof.reference.wire import decode


class DefaultWindow(Reference):
    """Has a window of eight frames where a case sets none, and does not say so."""

    def on_hello(self, request: Json) -> Json:
        """Say nothing of the default."""
        answer = super().on_hello(request)
        del answer["hello"]["defaults"]
        answer["hello"]["name"] = "default-window"
        return answer

    def on_reset(self, request: Json) -> None:
        """Add the default."""
        super().on_reset({**request, "config": {"prediction_window": 8, **request["config"]}})


class Contiguous(Reference):
    """Compares inputs beyond a gap only when the gap closes; what has arrived is told at once."""

    def on_hello(self, request: Json) -> Json:
        """Declare it."""
        answer = super().on_hello(request)
        answer["hello"] |= {"name": "contiguous", "variants": {"compare": "contiguous"}}
        answer["hello"]["capabilities"] = [c for c in answer["hello"]["capabilities"] if c != "transitions"]
        return answer

    def on_reset(self, request: Json) -> None:
        """Hold nothing back yet."""
        super().on_reset(request)
        self.held: list[tuple[Json, InputMessage]] = []
        self.told: set[tuple[str, int, int]] = set()

    def on_deliver(self, request: Json) -> None:
        """Hold back what lies beyond a gap."""
        try:
            message = decode(b64decode(request["packet"]))
        except ValueError:
            message = None
        if isinstance(message, InputMessage) and self._is_beyond(message):
            self.held.append((request, message))
            self._tell(message)
            return
        super().on_deliver(request)

    def on_tick(self, request: Json) -> None:
        """Let go of what is contiguous by now."""
        self.let_go(request)
        super().on_tick(request)

    def on_poll(self, request: Json) -> None:
        """Let go of what is contiguous by now."""
        self.let_go(request)
        super().on_poll(request)

    def let_go(self, request: Json) -> None:
        """Deliver what was held back, if the gap before it has closed."""
        for held in sorted(self.held, key=lambda each: each[1].first):
            if not self._is_beyond(held[1]):
                self.held.remove(held)
                super().on_deliver({**held[0], "now": request["now"]})

    def _is_beyond(self, message: InputMessage) -> bool:
        if message.player not in self.peer.config.partners or message.epoch != self.peer.epoch:
            return False
        queued = [item for queue in (self.peer.inputs.p2p, self.peer.inputs.relay) for item in queue]
        reached = self.peer.inputs.known.contiguous(message.player)
        frames = {item.frame for item in queued if item.player == message.player}
        while reached + 1 in frames:
            reached += 1
        return bool(message.first > reached + 1)

    def _tell(self, message: InputMessage) -> None:
        for frame, action in enumerate(message.actions, message.first):
            if frame <= self.peer.frame + self.peer.config.max_frames_ahead:
                key = message.player, self.peer.epoch, frame
                if key not in self.told and self.peer.inputs.known.get(message.player, frame) is None:
                    self.told.add(key)
                    super()._observe("input_recv", player=message.player, frame=frame, input=action)

    def _observe(self, kind: str, /, **fields: Any) -> None:
        if kind == "input_recv" and (fields["player"], self.peer.epoch, fields["frame"]) in self.told:
            return
        super()._observe(kind, **fields)


class ForgetsBeyondGaps(Contiguous):
    """Never looks again at what lay beyond a gap, but takes it for what was simulated."""

    def let_go(self, request: Json) -> None:
        """Store it unchecked."""
        super().let_go(request)
        for _, message in self.held:
            known = self.peer.inputs.known
            for frame, action in enumerate(message.actions, message.first):
                if known.get(message.player, frame) is None:
                    known = known.set(message.player, frame, action)
            self.peer = evolve(self.peer, inputs=evolve(self.peer.inputs, known=known))
