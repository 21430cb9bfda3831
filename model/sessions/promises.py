"""What a session can promise; each promise is checked on what the session came to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

from attrs import field, frozen

from rollproof.model.sessions.report import Difference, lockstep_differences, peer_differences
from rollproof.model.sessions.session import Result
from rollproof.reference.containers import Player
from rollproof.reference.events import Event, RollbackBegun
from rollproof.reference.export import Export

Problems = Iterator[str]
"""A sentence for each way in which a promise is broken."""


@frozen
class Promise:
    """Something that must hold of a session."""

    name: str
    rules: tuple[str, ...]
    problems: Callable[[Result], Problems] = field(repr=False)

    @property
    def sentence(self) -> str:
        """What is promised, in English."""
        return (self.problems.__doc__ or "").strip()

    def broken(self, result: Result) -> tuple[str, ...]:
        """Return a sentence for each way in which the session breaks the promise."""
        return tuple(self.problems(result))


def promise(*rules: str) -> Callable[[Callable[[Result], Problems]], Promise]:
    """Declare a promise: the function's name is its name, its docstring its sentence."""
    return lambda problems: Promise(problems.__name__, rules, problems)


@promise("EP-7", "EP-10")
def completion(result: Result) -> Problems:
    """Every peer exports every episode, in time, with at least one row."""
    for player, text in result.crashes.items():
        yield f"{player} crashed: {text}"
    for player in _lasting(result):
        exports = result.exports[player]
        if len(exports) < result.settings.episodes and player not in result.crashes:
            yield f"{player} has not completed episode {len(exports)} at {result.ended_ms} ms"
        for epoch, export in enumerate(exports):
            if not export.rows:
                yield f"{player} exported no row of episode {epoch}"


@promise("LI-1", "LI-2")
def nobody_waits_for_ever(result: Result) -> Problems:
    """Once the links are well, every peer comes to the end of every episode, and is told so by its partners."""
    still = result.standstill
    if still is not None:
        yield f"from {still.since_ms} ms on nothing more happens: {'. '.join(still.waits) or 'nobody tells why'}."


@promise("EP-13")
def parity(result: Result) -> Problems:
    """No cell differs between the exports of any two peers, but for columns local to a peer."""
    for one, other in combinations(_lasting(result), 2):
        yield from _shown(peer_differences(result, one, other), one, other)


@promise("EP-13")
def confirmed_parity(result: Result) -> Problems:
    """Rows that no peer has flagged unconfirmed are the same at every peer; all rows, if every peer has confirmed."""
    for one, other in combinations(_lasting(result), 2):
        yield from _shown(peer_differences(result, one, other, confirmed_only=True), one, other)
    for epoch in range(min(len(result.exports[player]) for player in _lasting(result))):
        exports = [result.exports[player][epoch] for player in _lasting(result)]
        lengths = {len(export.rows) for export in exports}
        if all(export.metadata["confirmed"] for export in exports) and len(lengths) > 1:
            yield f"confirmed exports of episode {epoch} have {_listed(lengths)} rows"


@promise("BUF-6", "EP-12")
def lockstep_truth(result: Result) -> Problems:
    """Every row not flagged unconfirmed is that of the lockstep run; a confirmed episode ends where that does."""
    for player in _lasting(result):
        yield from _shown(lockstep_differences(result, player), player, "lockstep")


@promise("EP-6", "EP-9")
def confirmation(result: Result) -> Problems:
    """Every episode completes with confirmation, so that no row is flagged."""
    for player, epoch, export in _exports(result):
        if not export.metadata["confirmed"]:
            yield f"{player} completed episode {epoch} without confirmation"


@promise("EP-7", "EP-8", "EP-9")
def flagged(result: Result) -> Problems:
    """No episode completes with confirmation, and each peer flags at least one row unconfirmed."""
    for player, epoch, export in _exports(result):
        if export.metadata["confirmed"]:
            yield f"{player} completed episode {epoch} with confirmation"
        if not any(row[export.columns.index("unconfirmed")] for row in export.rows):
            yield f"{player} flagged no row of episode {epoch}"


@promise("ME-2")
def metrics_add_up(result: Result) -> Problems:
    """Sent inputs add up to those submitted, and the rollback count and depth are those of the events."""
    for player, epoch, export in _exports(result):
        metrics = export.metrics
        sent = metrics["inputs_sent_p2p"] + metrics["inputs_sent_relay"]
        if sent != metrics["inputs_submitted"]:
            yield f"{player} had submitted {metrics['inputs_submitted']} and sent {sent} packets after episode {epoch}"
        depth = max((event["depth"] for event in metrics["rollback_events"]), default=0)
        if metrics["rollbacks"] != len(metrics["rollback_events"]) or metrics["greatest_depth"] != depth:
            yield f"{player} counts rollbacks that are not those of its events after episode {epoch}"


@promise("ME-4")
def no_desync(result: Result) -> Problems:
    """Hashes are compared, and none differs."""
    for player, _, export in list(_exports(result))[-1:]:
        if not export.metrics["hashes_compared"]:
            yield f"{player} compared no hash"
    for player, epoch, export in _exports(result):
        if export.metadata["first_hash_mismatch"] is not None:
            yield f"{player} found a hash mismatch at frame {export.metadata['first_hash_mismatch']} of episode {epoch}"


@promise("ME-4")
def desync_reported(result: Result) -> Problems:
    """Every peer notices that the peers' records differ."""
    for player, epoch, export in _exports(result):
        if export.metadata["first_hash_mismatch"] is None:
            yield f"{player} found no hash mismatch in episode {epoch}"


@promise("EP-2")
def one_termination(result: Result) -> Problems:
    """All peers end each episode at the same frame."""
    for epoch in range(result.settings.episodes):
        ends = {
            exports[epoch].metadata["termination_frame"]
            for exports in (result.exports[player] for player in _lasting(result))
            if epoch < len(exports)
        }
        if len(ends) > 1:
            yield f"episode {epoch} ends at frames {_listed(ends)}"


@promise("TR-2", "TR-4")
def relay_took_over(result: Result) -> Problems:
    """Every peer has fallen back to the relay, and has sent inputs on both paths."""
    for player in _lasting(result):
        metrics = result.exports[player][-1].metrics if result.exports[player] else {}
        if not (metrics.get("fallback_triggered") and metrics["inputs_sent_p2p"] and metrics["inputs_sent_relay"]):
            yield f"{player} has not changed from the peer-to-peer path to the relay"


@promise("RB-3")
def rollback_happened(result: Result) -> Problems:
    """At least one rollback happens."""
    if not any(type(event) is RollbackBegun for player in _lasting(result) for _, event in result.events[player]):
        yield "no peer rolled back"


@promise("RB-3", "RB-4")
def rollback_to_frame_0(result: Result) -> Problems:
    """A peer rolls back to frame 0."""
    rollbacks = (event for player in _lasting(result) for _, event in result.events[player])
    if not any(isinstance(event, RollbackBegun) and event.target == 0 for event in rollbacks):
        yield "no peer rolled back to frame 0"


def reported(kind: type[Event], *rules: str, everywhere: bool = False) -> Promise:
    """Return the promise that an event of a kind happens: at some peer, or at every one."""

    def problems(result: Result) -> Problems:
        lacking = [
            player for player in _lasting(result) if not any(type(event) is kind for _, event in result.events[player])
        ]
        if lacking and (everywhere or len(lacking) == len(_lasting(result))):
            yield f"no {kind.__name__} at {', '.join(lacking)}"

    problems.__doc__ = f"{kind.__name__} is reported by {'every' if everywhere else 'at least one'} peer."
    return Promise(f"{kind.__name__} reported", rules, problems)


def _lasting(result: Result) -> tuple[Player, ...]:
    """Return the players whose peers do not fall silent."""
    return tuple(player for player in result.settings.players if player not in result.settings.silent)


def _exports(result: Result) -> Iterator[tuple[Player, int, Export]]:
    for player in _lasting(result):
        for epoch, export in enumerate(result.exports[player]):
            yield player, epoch, export


def _shown(found: list[Difference], left: Player, right: str) -> Problems:
    if found:
        first = found[0]
        yield (
            f"{left} and {right} differ in {len(found)} cells, the first in episode {first.epoch}, "
            f"frame {first.frame}, {first.column}: {first.left!r} and {first.right!r}"
        )


def _listed(values: set[int]) -> str:
    return " and ".join(str(value) for value in sorted(values))
