"""Sessions that are looked at closely: what they promise, and calls of drivers held to their contracts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from attrs import define, field, frozen

from rollproof.model.bounded import bounded
from rollproof.model.sessions.boundary import LAWS
from rollproof.model.sessions.calls import DriverCall
from rollproof.model.sessions.contract import Contract
from rollproof.model.sessions.contracts import CONTRACTS
from rollproof.model.sessions.probes import (
    accused,
    asked,
    contradicted,
    ended_early,
    in_sight,
    misled,
    nothing_impossible_is_believed,
    polled,
    the_first_value_stays,
    ticked,
    what_is_no_action_is_told,
)
from rollproof.model.sessions.promises import Promise
from rollproof.model.sessions.session import run
from rollproof.model.sessions.setup import Source
from rollproof.model.sessions.standstill import progress
from rollproof.model.sessions.worlds import WorldError
from rollproof.model.slips import SlipError
from rollproof.model.theorems.possibility import CONDITIONS, when
from rollproof.reference.containers import Player
from rollproof.reference.events import Sent
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Phase
from rollproof.reference.transition import Protocol

PROBED = 13
"""Every how many received messages, or polls, a peer is asked on the side as well."""
POLLED = 5
"""Every how many ticks a peer is polled on the side as well."""
IDLE = 5
"""Of polls in which nothing happens to a peer, one after the other, every how many are looked at: what is left undone
in one of them is left undone in the next."""
STORY = 12
"""How many calls before the one that goes wrong are told."""
EVERY_PEER = "Whatever happens, what has become of each peer can be told."
NOTHING_IS_MISSING = "Every transition of which the rules say when it is possible is a part of the protocol."
Kind = Literal["promise", "contract", "law"]


@frozen
class Broken:
    """Something that a session promises, a driver must do, or a small part must do, and does not."""

    kind: Kind
    name: str
    sentence: str
    rules: tuple[str, ...]
    problem: str
    """How it is broken."""
    again: str
    """The arguments of `rollproof simulate` that show it again."""
    story: tuple[str, ...] = ()
    """The last calls of the peer's drivers, each in a line, up to the one that goes wrong; or, of a session that came
    to a standstill, the last calls in which something changed."""


def broken_law(again: str = "--laws", protocol: Protocol = PROTOCOL) -> Broken | None:
    """Return the first law that a protocol or a small part of the reference breaks, or None."""
    for name in CONDITIONS:
        if name not in protocol.transitions:
            told = f"{name} is missing. The rules allow it: {when(name)}"
            return Broken("law", "what_the_rules_allow_is_there", NOTHING_IS_MISSING, ("LI-3",), told, again)
    for each in LAWS.values():
        problem = bounded(each.broken)
        if problem is not None:
            return Broken("law", each.name, each.sentence, each.rules, problem, again)
    return None


def examine(
    source: Source,
    promises: Sequence[Promise],
    protocol: Protocol,
    again: str,
    more: Sequence[Contract] = (),
    *,
    closely: bool = True,
    every: int = 1,
) -> Broken | None:
    """Run a session, and return what it breaks first: a contract, one of `more`, or else a promise; or None.

    Not `closely`, calls are held to `more` alone, and nothing is asked about messages that might have come instead. Of
    the calls `every` so-manieth is looked at, and those in which an episode is exported or the next one begins.
    """
    contracts = (*(CONTRACTS.values() if closely else ()), *more)
    examiner = _Examiner(again, source.settings.heals_ms is not None, contracts, closely, every)
    try:
        result = run(source, protocol, watch=examiner.look)
        for promise in promises:
            for problem in promise.broken(result):
                story = tuple(map(told, examiner.changes))
                return Broken("promise", promise.name, promise.sentence, promise.rules, problem, again, story)
    except _FoundError:
        return examiner.found
    except (SlipError, WorldError):
        raise
    except Exception as error:  # a part of a peer is what none can be
        problem = f"what has become of the peers cannot be told: {type(error).__name__}: {error}"
        return Broken("promise", "every_peer_can_be_told_of", EVERY_PEER, ("EV-1",), " ".join(problem.split()), again)
    return None


class _FoundError(BaseException):
    """Ends a session as soon as something is broken; no `except` of a session catches it."""


@define
class _Examiner:
    """Looks at every call of a session, and stops it at the first that breaks something."""

    again: str
    heals: bool
    """Whether the links heal, so that nothing may come to a standstill."""
    contracts: tuple[Contract, ...]
    closely: bool
    every: int
    """Every how many calls are looked at."""
    found: Broken | None = None
    calls: int = 0
    received: int = 0
    idle: dict[Player, int] = field(factory=dict)
    """How many polls in which nothing happened to a peer have come one after the other."""
    last: dict[Player, list[DriverCall]] = field(factory=dict)
    sighted: dict[Player, Any] = field(factory=dict)
    """What each peer had in sight of its end when it was contradicted last."""
    changes: list[DriverCall] = field(factory=list)
    """The last calls that brought somebody nearer to the end, if the links heal."""

    def look(self, call: DriverCall) -> None:
        if self.heals and progress(call.before) != progress(call.after):
            self.changes.append(call)
            del self.changes[:-STORY]
        last = self.last.setdefault(call.player, [])
        last.append(call)
        del last[:-STORY]
        if call.driver == "poll" and call.after is call.before and not call.events:
            self.idle[call.player] = self.idle.get(call.player, 0) + 1
            if self.idle[call.player] % IDLE != 1:
                return
        else:
            self.idle[call.player] = 0
        self.calls += 1
        if self.calls % self.every and call.driver not in ("export", "next_episode"):
            return
        for contract, problem in self._problems(call):
            story = tuple(map(told, last))
            self.found = Broken(
                "contract", contract.name, contract.sentence, contract.rules, problem, self.again, story
            )
            raise _FoundError

    def _problems(self, call: DriverCall) -> Iterator[tuple[Contract, str]]:
        yield from _broken(call, *self.contracts)
        if call.driver == "tick" and self.closely and call.before.ticks % POLLED == 1:
            yield from _broken(polled(call), *self.contracts)
            yield from _broken(misled(call), *self.contracts, what_is_no_action_is_told)
        ticks = call.before.ending.phase is Phase.RUNNING
        if call.driver == "poll" and self.closely and not ticks and self.calls // self.every % PROBED == 1:
            yield from _broken(ticked(call), *self.contracts)
        if call.driver == "receive" and self.closely:
            seen, self.sighted[call.player] = self.sighted.get(call.player), in_sight(call)
            for probe in contradicted(call) if self.sighted[call.player] != seen else ():
                yield from _broken(probe, *self.contracts)
            self.received += 1
            if self.received % PROBED == 1:
                for probe in asked(call):
                    yield from _broken(probe, *self.contracts, nothing_impossible_is_believed)
                for probe in (*ended_early(call), *accused(call)):
                    yield from _broken(probe, *self.contracts)
                yield from _broken(call, the_first_value_stays)


def _broken(call: DriverCall, *contracts: Contract) -> Iterator[tuple[Contract, str]]:
    for each in contracts:
        try:
            for problem in each.problems(call):
                yield each, problem
        except Exception as error:  # a peer in such a state that nothing can be said of it
            what = f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
            yield each, f"the peer is in a state of which it cannot be said ({what})"


def told(call: DriverCall) -> str:
    """Return one line about a call: when, whose, which driver, what happened."""
    events = [type(event).__name__ for event in call.events if not isinstance(event, Sent)]
    sent = sum(isinstance(event, Sent) for event in call.events)
    happened = ", ".join(events + ([f"{sent} sent"] if sent else [])) or "nothing"
    after = call.after
    where = f"frame {after.frame}, confirmed {after.confirmed}, {after.ending.phase.value}"
    message = f" {type(call.args[1]).__name__}" if call.driver == "receive" else ""
    return f"{call.now:>6} ms  {call.player}  {call.driver}{message}: {happened} ({where})"
