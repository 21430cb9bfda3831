"""What implementations that are right in another way grow from: the template, with methods for what may differ."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any, ClassVar

from rollproof.conformance.adapters import template
from rollproof.conformance.schema import Json


class Peer(template.Peer):
    """The template's peer, with a method for each thing that others do in another way."""

    session = ""

    def tick(self, value: int) -> None:
        """Fix the local input, correct the past, simulate one frame."""
        frame = len(self.used)
        self.schedule(self.sampled(value))
        if self.wrong is not None:
            self.obs.append({"obs": "load", "frame": self.wrong, "state": self.states[self.wrong]})
            first, self.wrong = self.wrong, None
            del self.states[first + 1 :], self.used[first:]
        while len(self.used) < frame:
            self.advance()
        if self.may_advance():
            self.advance()
        for partner in self.acked:
            self.send(partner)

    def sampled(self, value: int) -> int:
        """Return the input of this call."""
        return value

    def schedule(self, value: int) -> None:
        """Fix the input of a frame: what was fixed once stays."""
        self.known[self.number].setdefault(len(self.used) + self.delay, value)

    def may_advance(self) -> bool:
        """Tell whether the next frame lies within the prediction window."""
        return self.window is None or len(self.used) - self.confirmed() <= self.window

    def command(self, name: str, value: int | None) -> bool:
        """Obey a command, or tell that there is none such."""
        return False

    def at(self, now: int, sender: str | None) -> None:
        """Note the time, and who is heard."""

    def extra(self) -> dict[str, Json]:
        """Return what a packet says besides."""
        return {}

    def take_extra(self, packet: Json) -> None:
        """Take in what a packet says besides."""

    def send(self, partner: str) -> None:
        """Send every input that the partner has not acknowledged."""
        super().send(partner)
        packet = json.loads(b64decode(self.out[-1]["packet"])) | self.extra()
        self.out[-1]["packet"] = b64encode(json.dumps(packet).encode()).decode()

    def deliver(self, sender: str, data: str) -> None:
        """Store what is new."""
        self.take_extra(json.loads(b64decode(data)))
        super().deliver(sender, data)


def adapter_of(kind: type[Peer], capabilities: tuple[str, ...], variants: Json, name: str) -> Any:
    """Return what makes adapters of a peer of the template's kind."""

    class Made(template.Adapter):
        peer: Peer
        hello: ClassVar[Json] = {
            **template.Adapter.hello,
            "name": name,
            "capabilities": [*template.Adapter.hello["capabilities"], *capabilities],
            "variants": variants,
        }

        def become(self, request: Json) -> Peer:
            made = kind(request["peer"], request["peers"], request["config"])
            made.session = request["session"]
            return made

        def handle(self, request: Json) -> Json:
            if request["op"] in ("tick", "deliver"):
                self.peer.at(request["now"], request.get("from"))
            if request["op"] == "command" and self.peer.command(request["name"], request.get("value")):
                return {"seq": request["seq"]}
            return super().handle(request)

    return Made
