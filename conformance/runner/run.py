"""What happened in a run of a case."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from attrs import define, field

from rollproof.conformance.cases.case import Case
from rollproof.conformance.cases.choices import CHOICES
from rollproof.conformance.runner.transport import AdapterError
from rollproof.conformance.schema import Json, observation_kinds
from rollproof.reference.values import canonical, frozen


@frozen
class Event:
    """One thing that happened in a run. `kind` is a request's op, or `obs`, `send`, `heal`, `refused` and so on."""

    number: int
    now: int
    """Virtual time in microseconds."""
    peer: str
    kind: str
    data: Mapping[str, Any]


@frozen
class Hello:
    """What an adapter says of itself."""

    json: Mapping[str, Json]

    @property
    def name(self) -> str:
        """The implementation's name and version."""
        return f"{self.json['name']} {self.json['version']}"

    @property
    def level(self) -> int:
        """How far it opens itself."""
        return int(self.json["level"])

    @property
    def capabilities(self) -> frozenset[str]:
        """What it can do; `datagram` is one of them unless its transport must be reliable and ordered."""
        needs = self.choice("transport_needs")
        return frozenset(self.json["capabilities"]) | (set() if needs == "reliable-ordered" else {"datagram"})

    def choice(self, name: str) -> str:
        """Return which of several right answers it gives, by its own word: see `choices.CHOICES`."""
        return self.variants.get(name, CHOICES[name].default)

    @property
    def default_window(self) -> int | None:
        """The prediction window where a case sets none; None: there is none, or it does not say."""
        window: int | None = self.json.get("defaults", {}).get("prediction_window")
        return window

    @property
    def tells_window(self) -> bool:
        """Whether it says what the prediction window is where a case sets none."""
        return "prediction_window" in self.json.get("defaults", {})

    @property
    def variants(self) -> Mapping[str, str]:
        """Which of several right answers it gives."""
        variants: Mapping[str, str] = self.json.get("variants", {})
        return variants

    @property
    def observes(self) -> frozenset[str]:
        """The kinds of observation that it makes at level 2."""
        return frozenset(self.json.get("observes", observation_kinds()))


@define
class Run:
    """What happened in one run of a case."""

    case: Case
    hello: Hello
    level: int
    events: list[Event] = field(factory=list)
    marks: list[int] = field(factory=list)
    """How many events there were before each step of the schedule."""
    requests: int = 0
    failure: AdapterError | None = None
    failed_peer: str = ""
    skipped: Json = None
    stderr: str = ""
    unobserved: Run | None = None
    """The same case with hardly anything observed, if the case wants to compare."""
    _forgotten: str | None = field(default=None, init=False)
    """The digest of a run of which no more than what is counted is kept."""

    @property
    def digest(self) -> str:
        """Of all that happened: two runs in which the adapters did the same have the same one; empty if forgotten."""
        if self._forgotten is not None:
            return self._forgotten
        told = sha256()
        for event in self.events:
            told.update(canonical((event.now, event.peer, event.kind, event.data)).encode())
        return told.hexdigest()[:16]

    def forget(self, *, digest: bool) -> None:
        """Keep only what is counted, and the digest if it is wanted."""
        self._forgotten = self.digest if digest else ""
        self.events, self.unobserved = [], None
