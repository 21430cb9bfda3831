"""Sessions as runs: every transition of every peer, and every packet with its fate."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from statistics import median
from typing import Any

from attrs import evolve

from rollproof.model.fields import fields_of
from rollproof.model.runs.cells import Band, Row, differing, text_of
from rollproof.model.runs.run import Fate, Moment, Packet, Run, Verdict
from rollproof.model.runs.stories import lines_of
from rollproof.model.sessions.network import KINDS
from rollproof.model.sessions.promises import Promise
from rollproof.model.sessions.report import lockstep_differences
from rollproof.model.sessions.session import Result, Seat, Session
from rollproof.model.sessions.setup import Call, Source
from rollproof.model.traces.describe import plain
from rollproof.model.traces.rendering import printable, shown
from rollproof.model.traces.trace import refuses
from rollproof.reference.events import Event, PromotionRefused, Sent, Stalled
from rollproof.reference.messages import InputMessage
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import CanonicalRecord, Peer
from rollproof.reference.transition import Protocol, Step, Transition
from rollproof.reference.world import Record

MOST_MOMENTS = 60_000
"""How many moments of a session are recorded."""
LATE = 2
"""A packet that is under way for more than so many times the median of its link is late."""


class TooLongError(ValueError):
    """A session has more moments than a picture may show."""

    def __init__(self) -> None:
        """Say so in one line."""
        super().__init__(f"the session is too long to be drawn: it has more than {MOST_MOMENTS} moments")


class RecordedSession(Session):
    """A session that writes down every transition, and what becomes of every packet."""

    def __init__(self, source: Source, protocol: Protocol, title: str, about: str = "", again: str = "") -> None:
        """Record a session from its start."""
        self.moments: list[Moment] = []
        self.packets: list[Packet] = []
        self._calls = 0
        self._noted: set[int] = set()
        self._sent_by: dict[int, int] = {}
        self._under_way: dict[int, tuple[Sent, Packet]] = {}
        super().__init__(source, observed(protocol, self._note))
        players = self.settings.players
        self.bands = {player: Band(players, number) for number, player in enumerate(players)}
        self.drawn = Run(
            title=title,
            about=about,
            protocol=protocol.name,
            clock="ms",
            players=players,
            peers=players,
            moments=self.moments,
            packets=self.packets,
            again=again,
            start={player: _counters(seat.peer) for player, seat in self.seats.items()},
        )

    def call(self, seat: Seat, call: Call) -> None:
        """Call the driver of a peer."""
        self._calls += 1
        super().call(seat, call)

    def deliver(self, seat: Seat, sent: Sent) -> None:
        """Let a packet arrive."""
        self._calls += 1
        first = len(self.moments)
        super().deliver(seat, sent)
        _, packet = self._under_way[id(sent)]
        packet.arrivals.append((self.now, first if len(self.moments) > first else None))

    def take(self, seat: Seat, step: Step) -> None:
        """Let a peer have taken a step, and act on its events."""
        for event in step[1]:
            if id(event) not in self._noted:
                self._note_driver(seat.player, event)
        super().take(seat, step)
        self._noted.clear()
        self._sent_by.clear()

    def send(self, seat: Seat, sent: Sent) -> None:
        """Put a packet on its way."""
        super().send(seat, sent)
        transits = self.channels[seat.player, sent.to, sent.path][1][-1]
        fate: Fate = "lost" if not transits else "twice" if len(transits) > 1 else "arrives"
        packet = Packet(
            seat.player, sent.to, sent.path.value, _packet_text(sent), self.now, self._sent_by.get(id(sent)), [], fate
        )
        self.packets.append(packet)
        self._under_way[id(sent)] = sent, packet

    def _note(self, transition: Transition[Any], args: Any, before: Peer, after: Peer, events: Any) -> None:
        if len(self.moments) >= MOST_MOMENTS:
            raise TooLongError
        player = before.config.player
        number = len(self.moments)
        for event in events:
            self._noted.add(id(event))
            if isinstance(event, Sent):
                self._sent_by[id(event)] = number
        cleared = before.epoch != after.epoch
        band = self.bands[player]
        if cleared:
            band.clear()
        self.moments.append(
            Moment(
                peer=player,
                name=transition.name,
                at=self.now,
                args=", ".join(f"{name} {shown(plain(value))}" for name, value in _named(args).items()),
                cells=band.update(_changed(before, after, cleared), _known(after), _record(after)),
                values=_counters(after, before),
                changes=tuple(_queues(before, after)),
                told=tuple(_told(events)),
                cleared=cleared,
                without=_missing(transition, before, args),
                call=self._calls,
            )
        )
        if transition.name not in self.drawn.transitions:
            self.drawn.transitions[transition.name] = lines_of(transition.name, " ".join(transition.sentence.split()))

    def _note_driver(self, player: str, event: Event) -> None:
        """Note what a driver reports besides its transitions: what was refused is a moment of its own."""
        told = tuple(_told([event]))
        match event:
            case PromotionRefused(_, guard):
                self._note_refusal(player, "promote_frame", guard, told)
            case Stalled():
                self._note_refusal(player, "simulate_frame", "within_prediction_window", told)
            case _ if self.moments and self.moments[-1].peer == player:
                self.moments[-1].told += told

    def _note_refusal(self, player: str, name: str, guard: str, told: tuple[str, ...]) -> None:
        self.drawn.transitions.setdefault(name, lines_of(name))
        self.moments.append(Moment(player, name, self.now, refused=guard, told=told, call=self._calls))


def run_of_session(
    source: Source,
    protocol: Protocol,
    title: str,
    promises: tuple[Promise, ...] = (),
    *,
    about: str = "",
    again: str = "",
) -> Run:
    """Run a session and return it as a run, with the promises that it breaks.

    Raises:
        TooLongError: if it is too long.
        WorldError: if the world raises, or yields what no world may.
    """
    session = RecordedSession(source, protocol, title, about, again)
    session.run()
    if len(session.moments) >= MOST_MOMENTS:
        raise TooLongError
    return finished(session, promises)


def finished(session: RecordedSession, promises: tuple[Promise, ...] = ()) -> Run:
    """Return the run of a session that has come to its end, with what is wrong about it."""
    run, result = session.drawn, session.result()
    settle_fates(run.packets)
    wrong = _mark_wrong(run, result)
    broken = [(each, problem) for each in promises for problem in each.broken(result)]
    lines = tuple(f"{each.name} ({', '.join(each.rules)}): {problem}" for each, problem in broken[:20])
    if broken:
        number, frame = wrong if wrong is not None else (None, None)
        peer = None if number is None else run.moments[number].peer
        first = broken[0][0]
        run.verdict = Verdict(False, first.name, (first.sentence, *lines), peer, frame, number)
    elif promises:
        run.verdict = Verdict(True, "every promise", tuple(f"{each.name}: {each.sentence}" for each in promises))
    return run


def settle_fates(packets: list[Packet]) -> None:
    """Say of each packet that arrives whether it is late; and of each that has not whether it is under way."""
    transits: dict[tuple[str, str], list[int]] = defaultdict(list)
    for each in packets:
        if each.sent_at is not None:
            transits[each.sender, each.receiver] += [at - each.sent_at for at, _ in each.arrivals]
    usual = {link: median(times) for link, times in transits.items() if times}
    for each in packets:
        if each.fate in ("lost", "twice") or each.sent_at is None:
            continue
        if not each.arrivals:
            each.fate = "under way"
        else:
            late = each.arrivals[0][0] - each.sent_at > LATE * usual[each.sender, each.receiver] + 1
            each.fate = "late" if late else "arrives"


def observed(protocol: Protocol, note: Callable[..., None]) -> Protocol:
    """Return a protocol that does the same, and tells `note` of every step that is taken."""

    def telling(transition: Transition[Any]) -> Transition[Any]:
        @functools.wraps(transition.effect)
        def told(peer: Peer, args: Any = None) -> Step:
            step = transition.perform(peer, args)
            note(transition, args, peer, *step)
            return step

        return evolve(transition, effect=told)

    return protocol.replace(protocol.name, *map(telling, protocol.transitions.values()))


def _mark_wrong(run: Run, result: Result) -> tuple[int, int] | None:
    """Mark the canonical records that differ from lockstep; return the first such moment, and its frame."""
    wrong = {(player, each.epoch, each.frame) for player in run.peers for each in lockstep_differences(result, player)}
    epochs, row, first = dict.fromkeys(run.peers, 0), len(run.players), None
    for number, moment in enumerate(run.moments):
        epochs[moment.peer] = moment.values.get("epoch", epochs[moment.peer])
        for cell in moment.cells:
            if cell.mark == "canonical" and (moment.peer, epochs[moment.peer], cell.frame) in wrong:
                marked = evolve(cell, mark="wrong", detail=f"{cell.detail}; not what lockstep yields")
                moment.cells = tuple(marked if each is cell else each for each in moment.cells)
                first = first or (number, cell.frame)
            elif first is None and cell.row == row and cell.mark == "wrong":
                first = number, cell.frame
    return first


def _changed(before: Peer, after: Peer, cleared: bool) -> set[int]:
    if cleared:
        return set()
    return (
        differing(before.inputs.known.table.rows, after.inputs.known.table.rows)
        | differing(before.buffers.speculative.entries, after.buffers.speculative.entries)
        | differing(before.buffers.canonical.entries, after.buffers.canonical.entries)
    )


def _known(peer: Peer) -> Callable[[int], tuple[Any, ...]]:
    known, players = peer.inputs.known, peer.config.players
    return lambda frame: tuple(known.get(player, frame) for player in players)


def _record(peer: Peer) -> Callable[[int], Row | None]:
    def record(frame: int) -> Row | None:
        canonical = peer.buffers.canonical.get(frame)
        if canonical is not None:
            return _row(canonical.record, canonical)
        speculative = peer.buffers.speculative.get(frame)
        return None if speculative is None else _row(speculative, None)

    return record


def _row(record: Record, canonical: CanonicalRecord | None) -> Row:
    rewards = ", ".join(f"{player} {text_of(value)}" for player, value in sorted(record.returns.rewards.items()))
    detail = f"actions {' '.join(map(text_of, record.actions.actions))}; returns {rewards}; {record.steps} steps"
    return Row(
        record.actions.actions,
        record.was_speculative,
        detail + ("; the episode is over" if record.over else ""),
        canonical is not None,
        canonical is not None and canonical.unconfirmed,
    )


def _counters(peer: Peer, before: Peer | None = None) -> Mapping[str, Any]:
    values = _values(peer)
    if before is None:
        return values
    return {name: value for name, (_, value) in _pairs(_values(before), values)}


def _values(peer: Peer) -> dict[str, Any]:
    return {
        "phase": peer.ending.phase.value,
        "epoch": peer.epoch,
        "frame": peer.frame,
        "confirmed": peer.confirmed,
        "promoted": peer.buffers.promoted,
        "pending": peer.rollback.pending,
        "replaying": peer.rollback.cursor,
    }


def _queues(before: Peer, after: Peer) -> Iterator[tuple[str, str, str]]:
    def lengths(peer: Peer) -> dict[str, Any]:
        return {
            "peer-to-peer queue": len(peer.inputs.p2p),
            "relay queue": len(peer.inputs.relay),
            "own end": peer.ending.own,
            "termination": peer.ending.termination,
            "deadline": peer.ending.deadline,
        }

    for name, (old, new) in _pairs(lengths(before), lengths(after)):
        yield name, shown(old), shown(new)


def _pairs(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Any, Any]]]:
    return ((name, (old[name], value)) for name, value in new.items() if old[name] != value)


def _named(args: Any) -> dict[str, Any]:
    return {} if args is None else fields_of(args)


def _told(events: Any) -> Iterator[str]:
    for event in events:
        if isinstance(event, Sent):
            yield f"sends {_packet_text(event)} to {event.to} ({event.path.value})"
        else:
            details = ", ".join(f"{name} {shown(plain(value))}" for name, value in fields_of(event).items())
            yield printable(f"{type(event).__name__}: {details}")


def _missing(transition: Transition[Any], before: Peer, args: Any) -> tuple[str, ...]:
    """Return the guards that the present protocol has besides, and that would have refused the step."""
    present = PROTOCOL.transitions.get(transition.name)
    if present is None or present.guards == transition.guards:
        return ()
    return tuple(each.name for each in present.guards if each not in transition.guards and refuses(each, before, args))


def _packet_text(sent: Sent) -> str:
    message = sent.message
    kind = KINDS[type(message)]
    if isinstance(message, InputMessage):
        last = message.first + len(message.actions) - 1
        actions = " ".join(map(text_of, message.actions[-6:]))
        frames = f"frame {last}" if message.first == last else f"frames {message.first}–{last}"
        return printable(f"{kind} of {frames}: {'… ' if len(message.actions) > 6 else ''}{actions}")
    told = {name: value for name, value in fields_of(message).items() if name not in ("game", "player", "epoch")}
    return printable(f"{kind}: {', '.join(f'{name} {shown(plain(value))}' for name, value in told.items())}")
