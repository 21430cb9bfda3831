"""A second process of the same peer: what it sends is genuine, and not what the peer itself has sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field

from rollproof.conformance.runner.network import Packet
from rollproof.conformance.schema import Json

MOST_RESUMPTIONS = 2_000
"""Of the work of one request."""
MIRRORED = ("tick", "poll", "deliver", "link", "command")

Ask = Callable[[str, Mapping[str, Any]], Json]
"""Makes one request of the twin: its op, and its fields."""


@define
class Twin:
    """Follows a peer: it gets every request that the peer gets, some calls with another input.

    Packets are opaque, so nobody but an implementation can make one. This is how the runner comes by a second value for
    an input that is known already.
    """

    of: str
    changes: Mapping[str, int]
    """By the number of the call: the other input."""
    session: str | None
    """The session that it is of, if that is another one."""
    _ask: Ask = field(alias="ask")
    sent: defaultdict[str, list[Packet]] = field(factory=lambda: defaultdict(list))
    """By receiver; none of them has left."""
    calls: int = 0

    def reset(self, fields: Mapping[str, Any]) -> None:
        """Become the same peer as the one that it follows."""
        own = {} if self.session is None else {"session": self.session}
        self._ask("reset", {**fields, **own})

    def mirror(self, op: str, fields: Mapping[str, Any], numbered: Callable[[Json], Packet]) -> None:
        """Get the same request, and finish the work of it."""
        if op not in MIRRORED:
            return
        if op == "tick":
            fields = {**fields, "input": self.changes.get(str(self.calls), fields["input"])}
            self.calls += 1
        answer = self._ask(op, fields)
        for _ in range(MOST_RESUMPTIONS):
            for sent in answer.get("out", ()):
                self.sent[sent["to"]].append(numbered(sent))
            if not answer.get("waiting"):
                return
            answer = self._ask("resume", {"now": fields["now"], "work": answer["waiting"][0]})
