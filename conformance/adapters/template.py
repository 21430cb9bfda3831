"""An adapter to start from: a small rollback peer of its own, and the loop around it. Needs nothing but Python.

Run it: `rollproof conform -- python conformance/adapters/template.py`. For an implementation of yours, keep the loop at
the bottom and put your calls where `Peer` has its own. A port of the protocol's list of transitions can offer them: see
"Single transitions" in README.md.
"""

from __future__ import annotations

import json
import sys
from base64 import b64decode, b64encode
from typing import Any, ClassVar


def game(state: int, inputs: list[int]) -> int:
    """Return the state after one frame: FNV-1a over (player number, input), in player order."""
    for player, value in enumerate(inputs):
        state = (state ^ player) * 16777619 & 0xFFFFFFFF
        state = (state ^ value) * 16777619 & 0xFFFFFFFF
    return state


class Peer:
    """One peer: predicts by the previous input, rolls back when that was wrong, sends until it is acknowledged."""

    def __init__(self, me: str, peers: list[str], config: dict[str, Any]) -> None:
        self.me, self.peers, self.number = me, peers, peers.index(me)
        self.delay, self.window = config.get("input_delay", 0), config.get("prediction_window")
        self.known: list[dict[int, int]] = [
            dict.fromkeys(range(self.delay), 0) for _ in peers
        ]  # by player: frame -> input
        self.upto: list[int] = [self.delay - 1 for _ in peers]  # by player: all inputs up to this frame are known
        self.acked = dict.fromkeys((peer for peer in peers if peer != me), self.delay - 1)
        self.states = [2166136261]  # the state before each frame
        self.used: list[list[int]] = []  # the inputs that each frame was simulated with
        self.wrong: int | None = None  # the first frame that was simulated with a wrong input
        self.out: list[Any] = []
        self.obs: list[Any] = []

    def tick(self, value: int) -> None:
        """Fix the local input, correct the past, simulate one frame."""
        frame = len(self.used)
        self.known[self.number].setdefault(frame + self.delay, value)
        if self.wrong is not None:
            self.obs.append({"obs": "load", "frame": self.wrong, "state": self.states[self.wrong]})
            first, self.wrong = self.wrong, None
            del self.states[first + 1 :], self.used[first:]
        while len(self.used) < frame:
            self.advance()
        if self.window is None or frame - self.confirmed() <= self.window:
            self.advance()
        for partner in self.acked:
            self.send(partner)

    def advance(self) -> None:
        """Simulate the next frame with what is known, and predictions elsewhere."""
        frame = len(self.used)
        inputs = [self.input_of(player, frame) for player in range(len(self.peers))]
        self.obs.append({"obs": "save", "frame": frame, "state": self.states[frame]})
        self.used.append(inputs)
        self.states.append(game(self.states[frame], inputs))
        self.obs.append({"obs": "advance", "frame": frame, "inputs": inputs, "state": self.states[frame + 1]})

    def input_of(self, player: int, frame: int) -> int:
        """Return an input that is known, or else predicted."""
        while frame >= 0:
            if frame in self.known[player]:
                return self.known[player][frame]
            frame -= 1
        return 0

    def contiguous(self, player: int) -> int:
        """Return the frame up to which all inputs of a player are known."""
        while self.upto[player] + 1 in self.known[player]:
            self.upto[player] += 1
        return self.upto[player]

    def confirmed(self) -> int:
        """Return the confirmed frame."""
        return min(len(self.used) - 1, *(self.contiguous(player) for player in range(len(self.peers))))

    def send(self, partner: str) -> None:
        """Send every input that the partner has not acknowledged."""
        first, last = self.acked[partner] + 1, self.contiguous(self.number)
        values = [self.known[self.number][frame] for frame in range(first, last + 1)]
        packet = {"first": first, "values": values, "ack": self.contiguous(self.peers.index(partner))}
        data = b64encode(json.dumps(packet).encode()).decode()
        self.out.append({"to": partner, "class": "input", "packet": data})

    def deliver(self, sender: str, data: str) -> None:
        """Store what is new; remember the first frame that it proves wrong."""
        packet, player = json.loads(b64decode(data)), self.peers.index(sender)
        self.acked[sender] = max(self.acked[sender], packet["ack"])
        for frame, value in enumerate(packet["values"], packet["first"]):
            if frame not in self.known[player]:
                self.known[player][frame] = value
                if frame < len(self.used) and self.used[frame][player] != value:
                    self.wrong = frame if self.wrong is None else min(self.wrong, frame)


class Adapter:
    """Answers requests; its peer is made anew by each `reset`."""

    hello: ClassVar[dict[str, Any]] = {
        "protocol": 1,
        "name": "template",
        "version": "1",
        "language": "Python",
        "level": 1,
        "capabilities": ["core", "delay", "window", "retransmit", "n-player"],
        "defaults": {"prediction_window": None},
    }

    def become(self, request: dict[str, Any]) -> Peer:
        """Return a peer before frame 0."""
        return Peer(request["peer"], request["peers"], request["config"])

    def handle(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer one request."""
        answer: dict[str, Any] = {"seq": request["seq"]}
        match request["op"]:
            case "hello":
                return {**answer, "hello": self.hello}
            case "reset":
                self.peer = self.become(request)
            case "tick":
                self.peer.tick(request["input"])
            case "deliver":
                self.peer.deliver(request["from"], request["packet"])
            case "query":
                answer["vars"] = {}
            case "link" | "command":
                answer["skipped"] = {"reason": f"there is no {request['op']}"}
        if request["op"] != "bye":
            answer["out"], answer["obs"] = self.peer.out, self.peer.obs
            self.peer.out, self.peer.obs = [], []
        return answer


def main() -> None:
    """Answer requests until `bye`."""
    adapter = Adapter()
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(adapter.handle(request)), flush=True)
        if request["op"] == "bye":
            break


if __name__ == "__main__":
    main()
