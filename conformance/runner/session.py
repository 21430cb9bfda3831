"""Plays a case against adapters: every request of a run is made here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from rollproof.conformance.cases.case import longest_latency
from rollproof.conformance.runner.network import Network, Packet
from rollproof.conformance.runner.run import Event, Run
from rollproof.conformance.runner.steps import STEPS, DeclinedError, play_round
from rollproof.conformance.runner.transport import BrokenError, CrashedError, Request, StuckError, Transport
from rollproof.conformance.runner.twin import Twin
from rollproof.conformance.schema import Json

BLACK_BOX = ("advance", "save", "load")
"""The observations of levels 0 and 1."""
MOST_REQUESTS = 50_000
"""Of one run, and as many for each peer's round as `REQUESTS_PER_CALL` says."""
MOST_EVENTS = 200_000
"""Of one run, and as many for each peer's round as `EVENTS_PER_CALL` says."""
REQUESTS_PER_CALL = 12
EVENTS_PER_CALL = 40
SESSION = "game"
"""What every session is called, unless a twin is of another one."""
MOST_RESUMPTIONS = 2_000
"""Of one piece of work."""
EXTRA_QUIET_ROUNDS = 8
SETTLE_ROUNDS = 150
SLOWEST = 4
"""So many times as long a run may take to settle while somebody who is behind goes on."""
SHOWN_AHEAD = 10
"""Frames that may be shown ahead of time, and do not count."""
SHORTEST_WAKE_US = 1_000


def twin_of(peer: str) -> str:
    """Return the name under which a peer's twin is known to the runner; no peer has such a name."""
    return f"{peer}'"


class Session:
    """One run of a case: owns time, network, the players' inputs and the order of everything."""

    def __init__(
        self,
        run: Run,
        transports: Mapping[str, Transport],
        seed: int,
        force: bool,
        asking: bool = False,
    ) -> None:
        self.run = run
        self.case = run.case
        self.numbers = count(2)  # 1 was `hello`
        self.transports = transports
        self.seed = seed
        self.force = force
        self.asking = asking
        self.now = 0
        self.round = 0
        self.asked = ""
        self.network = Network(run.case, run.hello.choice("transport_needs"))
        self.packets = 0
        self.waiting: dict[str, list[str]] = {peer: [] for peer in run.case.peers}
        self.left: dict[str, set[str]] = {peer: set() for peer in run.case.peers}
        self.wakes: dict[str, int] = {}
        self.twins = {each["of"]: self.twin(each) for each in run.case.json.get("twins", ())}
        calls = len(run.case.peers) * sum(step.get("rounds", 0) for step in run.case["schedule"])
        self.most_requests = MOST_REQUESTS + REQUESTS_PER_CALL * calls
        self.most_events = MOST_EVENTS + EVENTS_PER_CALL * calls
        self.silent: set[str] = set()
        self.ended: set[str] = set()
        self.frames: dict[str, int] = dict.fromkeys(run.case.peers, 0)
        self.simulated: dict[tuple[str, int], Json] = {}
        """By peer and frame: the inputs that it was simulated with last."""
        self.last_step = 0
        """The round in which a frame was simulated for the first time."""
        self.last_change = 0
        """The round in which a frame was simulated with other inputs than before, or with an input other than 0."""

    # --- the run ---

    def play(self) -> None:
        """Reset the adapters, play the schedule, and bring the run to its end."""
        observe = sorted(self.run.hello.observes) if self.run.level == 2 else list(BLACK_BOX)
        for peer in self.case.peers:
            fields = {
                "case": self.case.id,
                "seed": self.seed,
                "peer": peer,
                "peers": list(self.case.peers),
                "session": SESSION,
                "config": {"frame_us": self.case.frame_us, **self.case.config},
                "observe": observe,
                "interleave": self.case.interleaves,
                "force": self.force,
            }
            answer = self.ask(peer, "reset", **fields)
            if "skipped" in answer:
                self.run.skipped = answer["skipped"]
                raise DeclinedError
            if peer in self.twins:
                self.twins[peer].reset(fields)
        for step in self.case["schedule"]:
            self.run.marks.append(len(self.run.events))
            STEPS[next(name for name in step if name in STEPS)](self, step)
        if self.case["end"]["how"] == "settle":
            self.settle()
        if self.run.level == 2:
            for peer in self.active():
                self.query(peer, ("frame", "confirmed", "pending", "rolling_back", "epoch"))

    def settle(self) -> None:
        """Heal the network, and go on until nothing is corrected any more."""
        end = self.case["end"]
        quiet = end.get("quiet", EXTRA_QUIET_ROUNDS + 2 * longest_latency(self.case) // self.case.frame_us)
        self.heal()
        self.last_change = self.last_step = self.round
        shown = SHOWN_AHEAD if self.run.hello.choice("run_ahead") == "shown" else 0
        wanted = end.get("frames", 0) + shown
        limit = end.get("limit", SETTLE_ROUNDS)
        for spent in range(SLOWEST * limit):
            behind = any(self.frames[peer] < wanted for peer in self.active())
            if self.round - self.last_change >= quiet and not behind:
                return
            # Whoever is behind and goes on, however slowly, is waited for.
            if spent >= limit and not (behind and self.round - self.last_step <= quiet):
                break
            play_round(self, {"round": [None if peer in self.silent else 0 for peer in self.case.peers]})
        if self.round - self.last_change < quiet:
            self.log("", "unsettled", {"round": self.round})

    def heal(self) -> None:
        """Let the network be well from now on."""
        self.log("", "heal", {})
        broken = [link for link, state in self.network.states.items() if state != "closed"]
        self.network.heal(self.now)
        for sender, to in broken:
            if sender in self.active():
                self.ask(sender, "link", now=self.now, to=to, state="up")

    def active(self) -> list[str]:
        """Return the peers that have not fallen silent."""
        return [peer for peer in self.case.peers if peer not in self.silent]

    # --- time and packets ---

    def let_time_pass(self, until: int) -> None:
        """Let packets arrive and timers run, in the order of time."""
        while True:
            due = self.network.next_due()
            wake, peer = min(((time, peer) for peer, time in self.wakes.items()), default=(until + 1, ""))
            if due is not None and due <= min(wake, until):
                self.now = max(self.now, due)
                self.deliver(self.network.take())
            elif wake <= until:
                self.now = max(self.now, wake)
                del self.wakes[peer]
                self.ask(peer, "poll", now=self.now)
                self.finish_work(peer)
            else:
                self.now = until
                return

    def deliver(self, packet: Packet, resumes: int | None = None) -> None:
        """Let a packet arrive."""
        if packet.to in self.silent:
            return
        self.log(packet.to, "arrive", {"from": packet.sender, "packet": packet.number, "class": packet.kind})
        self.ask(packet.to, "deliver", now=self.now, **{"from": packet.sender}, via=packet.via, packet=packet.data)
        self.finish_or_leave(packet.to, resumes)

    def finish_or_leave(self, peer: str, resumes: int | None) -> None:
        """Let a peer's work run to its end; or only so far, and leave it waiting."""
        if resumes is None:
            self.finish_work(peer)
        else:
            self.resume(peer, resumes)
            self.left[peer].update(self.waiting[peer])
            if self.waiting[peer]:
                self.log(peer, "interrupted", {"resumes": resumes})

    def resume(self, peer: str, times: int, *, newest: bool = False) -> None:
        """Let waiting work of a peer go on, so many times."""
        for _ in range(times):
            if self.waiting[peer]:
                self.ask(peer, "resume", now=self.now, work=self.waiting[peer][-1 if newest else 0])

    def finish_work(self, peer: str) -> None:
        """Let all work of a peer run to its end, but for what was left waiting on purpose."""
        for _ in range(MOST_RESUMPTIONS):
            going = [work for work in self.waiting[peer] if work not in self.left[peer]]
            if not going:
                return
            self.ask(peer, "resume", now=self.now, work=going[0])
        raise StuckError(f"work still waits after {MOST_RESUMPTIONS} resumptions")

    # --- requests ---

    def query(self, peer: str, names: Sequence[str]) -> None:
        """Ask a peer for variables."""
        answer = self.ask(peer, "query", names=list(names))
        if answer.get("obs") or answer.get("out"):
            raise BrokenError("something happened by the time of a `query`: work was put off, or asking does some")
        self.log(peer, "vars", answer.get("vars", {}))

    def ask(self, peer: str, op: str, /, **fields: Any) -> Json:
        """Make one request, and act on the answer."""
        self.asked = peer
        if op in ("tick", "poll", "resume", "link", "command", "step"):
            self.log(peer, op, {key: value for key, value in fields.items() if key != "now"})
        try:
            answer = self.exchange(self.transports[peer], op, fields)
        except CrashedError as crash:
            if crash.answer is not None:
                self.take_answer(peer, op, crash.answer)
            raise
        self.take_answer(peer, op, answer)
        if self.asking and op in ("tick", "deliver", "poll"):
            self.query(peer, ("frame", "confirmed", "pending"))
        if peer in self.twins:
            self.twins[peer].mirror(op, fields, lambda sent: self.forged(peer, sent))
        return answer

    def exchange(self, transport: Transport, op: str, fields: Mapping[str, Any]) -> Json:
        """Make one request of a process, and return the answer."""
        if self.run.requests >= self.most_requests:
            raise StuckError(f"{self.most_requests} requests were not enough")
        self.run.requests += 1
        return transport.ask(Request(next(self.numbers), op, fields))

    def twin(self, written: Json) -> Twin:
        """Return the twin that a case describes."""
        name = written["of"]
        transport = self.transports[twin_of(name)]
        return Twin(
            name,
            written.get("inputs", {}),
            written.get("session"),
            lambda op, fields: self.exchange(transport, op, fields),
        )

    def forged(self, peer: str, sent: Json) -> Packet:
        """Return a packet of a peer's twin, which goes nowhere yet."""
        packet = self.packet(peer, sent)
        self.log(peer, "twin", {"to": packet.to, "class": packet.kind, "packet": packet.number})
        return packet

    def packet(self, peer: str, sent: Json) -> Packet:
        """Return what an answer wants to be sent, with a number."""
        if sent["to"] == peer or sent["to"] not in self.case.peers:
            raise BrokenError(f"a packet to {sent['to']!r}, who is no partner of {peer}")
        kind = sent.get("class") if self.run.level >= 1 else None
        self.packets += 1
        return Packet(self.packets - 1, peer, sent["to"], sent.get("via", "p2p"), kind, sent["packet"])

    def take_answer(self, peer: str, op: str, answer: Json) -> None:
        """Take in what an answer brings."""
        if op == "step" and "error" not in answer:
            self.log(peer, "stepped", answer.get("step", {}))
        for observation in answer.get("obs", ()):
            self.log(peer, "obs", observation)
            kind = observation["obs"]
            if kind == "advance":
                frame, inputs = observation["frame"], observation["inputs"]
                if frame >= self.frames[peer]:
                    self.frames[peer], self.last_step = frame + 1, self.round
                if self.simulated.get((peer, frame), inputs) != inputs or self.has_input(inputs):
                    self.last_change = self.round
                self.simulated[peer, frame] = inputs
            elif kind == "load":
                self.frames[peer] = min(self.frames[peer], observation["frame"])
            elif kind == "episode_end":
                self.ended.add(peer)
            elif kind == "episode_begin":
                self.frames[peer] = 0
        for sent in answer.get("out", ()):
            self.send(peer, sent)
        self.waiting[peer] = list(answer.get("waiting", ()))
        wake = answer.get("wake_us")
        if wake is None:
            self.wakes.pop(peer, None)
        else:
            self.wakes[peer] = max(wake, self.now + SHORTEST_WAKE_US)
        if "skipped" in answer and op not in ("reset", "command", "link", "step"):
            raise CrashedError(f"it declined {op}: {answer['skipped']['reason'][:200]}")

    def has_input(self, inputs: Json) -> bool:
        """Tell whether somebody who has not fallen silent does something in a frame: a prediction of that may be wrong.

        A peer that was stalled for long simulates such a frame long after everybody has come to rest.
        """
        return any(value for peer, value in zip(self.case.peers, inputs, strict=False) if peer not in self.silent)

    def send(self, peer: str, sent: Json) -> None:
        """Hand a packet to the network."""
        packet = self.packet(peer, sent)
        fate = self.network.send(packet, self.now, self.round)
        self.log(
            peer,
            "send",
            {
                "to": packet.to,
                "via": packet.via,
                "class": packet.kind,
                "packet": packet.number,
                "fate": fate,
                "data": packet.data,
            },
        )

    def log(self, peer: str, kind: str, data: Mapping[str, Any]) -> None:
        """Note an event."""
        if len(self.run.events) >= self.most_events:
            raise BrokenError(f"more than {self.most_events} observations and packets in one run")
        self.run.events.append(Event(len(self.run.events), self.now, peer, kind, data))
