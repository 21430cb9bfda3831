"""How much a peer can have heard of each partner at most, whoever has told it."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define

from rollproof.conformance.runner.run import Event

SILENCE_US = 500_000
"""A partner of whom nothing has arrived for so long may be taken to be silent."""


@define
class Heard:
    """By peer and partner: the newest frame whose input can have arrived.

    A packet is opaque, so it may hold all that its sender knew, of every player: in a star the host passes on what the
    others have sent.
    """

    delay: int
    following: dict[str, int]
    """By peer: the next frame that it has not yet simulated."""
    frames: dict[str, dict[str, int]]
    arrived: dict[tuple[str, str], int]
    """By receiver and partner: when something of the partner's last became known."""
    sent: dict[int, dict[str, int]]
    """By packet: what its sender knew."""

    @staticmethod
    def of(peers: Sequence[str], delay: int) -> Heard:
        """Return what everybody knows before frame 0: the first frames have the default input."""
        nothing = {peer: {other: delay - 1 for other in peers if other != peer} for peer in peers}
        return Heard(delay, dict.fromkeys(peers, 0), nothing, {}, {})

    def see(self, event: Event) -> None:
        """Take in one event."""
        if event.kind in ("send", "twin"):
            own = self.following[event.peer] + self.delay
            self.sent[event.data["packet"]] = {**self.frames[event.peer], event.peer: own}
        elif event.kind == "arrive":
            known = self.frames[event.peer]
            for player, last in self.sent[event.data["packet"]].items():
                if player == event.data["from"] or (player in known and last > known[player]):
                    self.arrived[event.peer, player] = event.now
                if player in known:
                    known[player] = max(known[player], last)
        elif event.kind == "obs" and event.data["obs"] == "advance":
            self.following[event.peer] = max(self.following[event.peer], event.data["frame"] + 1)
        elif event.kind == "obs" and event.data["obs"] == "episode_begin":
            self.following[event.peer] = 0
            self.frames[event.peer] = dict.fromkeys(self.frames[event.peer], self.delay - 1)

    def silent(self, peer: str, now: int) -> tuple[str, ...]:
        """Return the partners of whom nothing has become known for a while."""
        return tuple(other for other in self.frames[peer] if now - self.arrived.get((peer, other), 0) >= SILENCE_US)
