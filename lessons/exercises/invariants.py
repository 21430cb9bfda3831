"""Invariants that a reader writes: an expression over a few counters, tried on real states and on real steps.

It may use `frame`, `confirmed`, `promoted`, `pending` and `cursor` (each None if there is none) and `complete`, the
highest frame up to which every player's input is known; numbers, comparisons, `and`, `or`, `not`, `+`, `-`, `min` and
`max`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from attrs import evolve as attrs_evolve
from attrs import frozen

from rollproof.lessons.exercises.exercise import FormError, Outcome
from rollproof.model.runs.stories import run_of_story
from rollproof.model.search.arguments import arguments
from rollproof.model.search.explorer import Explorer, Reached
from rollproof.model.search.instances import INSTANCES, Instance
from rollproof.model.search.search import NotReproducedError, rerun, take
from rollproof.model.traces.trace import Trace, story_of
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer
from rollproof.reference.transition import Protocol
from rollproof.reference.values import evolve

NAMES = ("frame", "confirmed", "promoted", "pending", "cursor", "complete")
LONGEST = 600
STATES = 4_000
"""How many states of an instance are looked at."""
_NODES = (
    *(ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.BinOp, ast.Add, ast.Sub),
    *(ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Is, ast.IsNot, ast.Name, ast.Load),
    *(ast.Constant, ast.Call, ast.IfExp),
)


@frozen
class Invariant:
    """An expression over the counters of a peer."""

    text: str
    holds: Callable[[Mapping[str, Any]], bool]

    def of(self, peer: Peer) -> bool:
        """Tell whether it holds of a state.

        Raises:
            FormError: if it compares what cannot be compared.
        """
        try:
            return bool(self.holds(counters(peer)))
        except TypeError:
            raise FormError(
                "It compares None with a number: say first what holds if there is none, as in `pending is None or …`."
            ) from None


def counters(peer: Peer) -> dict[str, Any]:
    """Return what an invariant may speak of."""
    known = peer.inputs.known
    return {
        "frame": peer.frame,
        "confirmed": peer.confirmed,
        "promoted": peer.buffers.promoted,
        "pending": peer.rollback.pending,
        "cursor": peer.rollback.cursor,
        "complete": min(known.contiguous(player) for player in peer.config.players),
    }


def parse(text: str) -> Invariant:
    """Return the invariant that a text is.

    Raises:
        FormError: if it is none.
    """
    line = " ".join(part.partition("#")[0].strip() for part in text.splitlines()).strip()
    if len(line) > LONGEST:
        raise FormError(f"An invariant must be at most {LONGEST} characters long.")
    try:
        tree = ast.parse(line, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise FormError(f"That is no expression: {getattr(error, 'msg', 'it is nested too deeply')}.") from None
    for node in ast.walk(tree):
        problem = _problem(node)
        if problem:
            raise FormError(problem)
    code = compile(tree, "invariant", "eval")
    words = {"__builtins__": {}, "min": min, "max": max}
    return Invariant(line, lambda values: bool(eval(code, words, dict(values))))


def _problem(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) if name not in (*NAMES, "min", "max"):
            return f"There is no counter {name[:30]!r}; there are: {', '.join(NAMES)}."
        case ast.Constant(value=value) if not (value is None or type(value) in (int, bool)):
            return "Only whole numbers can be compared here."
        case ast.Constant(value=int() as value) if value > 1000:
            return "No number needs to be larger than 1000 here."
        case ast.Call(func=ast.Name(id="min" | "max"), keywords=[]):
            return ""
        case ast.Call(func=ast.Name(id=name)):
            return f"{name[:30]} cannot be called: only min and max can."
        case _ if not isinstance(node, _NODES) or isinstance(node, ast.Call):
            return f"An invariant has no {type(node).__name__}: comparisons, and, or, not, + and - are enough."
    return ""


def killing(mutants: Mapping[str, Protocol], *, instance: str = "core") -> Callable[[str], Outcome]:
    """Return a checker of invariants that must hold always, and fail under each of some secret protocols."""

    def check(text: str) -> Outcome:
        invariant = parse(text)
        broken = _broken(invariant, PROTOCOL, INSTANCES[instance])
        if broken is not None:
            told = (
                f"It is no invariant: after these {len(broken.steps)} steps of the present protocol it does not hold."
            )
            return Outcome(False, told, (run_of_story(story_of(broken)),))
        alive = [name for name, each in mutants.items() if _broken(invariant, each, INSTANCES[instance]) is None]
        if alive:
            kept = len(mutants) - len(alive)
            told = (
                f"It holds in every state, but it says too little: it fails under {kept} of {len(mutants)} wrong "
                f"protocols, and the others keep it as well. An invariant that nothing can break proves nothing."
            )
            return Outcome(False, told)
        return Outcome(True, f"It holds in every state, and each of {len(mutants)} wrong protocols breaks it.")

    return check


def inductive(implies: str, *, instance: str = "core") -> Callable[[str], Outcome]:
    """Return a checker of invariants that imply another one and are kept by every step from any state that has them."""
    wanted = parse(implies)

    def check(text: str) -> Outcome:
        invariant = parse(text)
        chosen = INSTANCES[instance]
        broken = _broken(invariant, PROTOCOL, chosen)
        if broken is not None:
            told = f"It is not even true: after these {len(broken.steps)} steps it does not hold."
            return Outcome(False, told, (run_of_story(story_of(broken)),))
        for peer, transition, after in _steps_of_any_state(invariant, chosen):
            if after is None:
                if not wanted.of(peer):
                    return Outcome(
                        False, f"It does not imply `{implies}`: {_told(peer)} has the one and not the other."
                    )
            elif not invariant.of(after):
                told = (
                    f"A counterexample to induction: {_told(peer)} has it, and {transition} leads to {_told(after)}, "
                    "which has not. No run may lead to such a state; but then say so in the invariant."
                )
                return Outcome(False, told)
        return Outcome(True, f"It is inductive, and implies `{implies}`.")

    return check


def _broken(invariant: Invariant, protocol: Protocol, instance: Instance) -> Trace | None:
    explorer = Explorer(protocol, instance)
    for state in explorer.start():
        if not invariant.of(state.peer):
            return rerun(explorer, state.way())
    for step in explorer.explore(STATES):
        if step.after is not None and step.is_new and not invariant.of(step.after.peer):
            return rerun(explorer, step.after.way())
    return None


def _steps_of_any_state(invariant: Invariant, instance: Instance) -> Iterator[tuple[Peer, str, Peer | None]]:
    """Iterate over states that have the invariant, reachable or not, and over the steps from them.

    Such states are made of reachable ones, by giving the counters other values. A state comes first with no step.
    """
    explorer = Explorer(PROTOCOL, instance)
    seen: set[Any] = set()
    states: list[Reached] = list(explorer.start())
    states += [step.after for step in explorer.explore(300) if step.after is not None and step.is_new]
    names = [name for name in explorer.protocol.transitions if name in instance.transitions]
    for state in states:
        for peer in _altered(state.peer, instance.frames):
            key = (*counters(peer).values(), state.run, tuple(sorted(peer.buffers.speculative)), len(peer.inputs.p2p))
            if key in seen or not invariant.of(peer):
                continue
            seen.add(key)
            yield peer, "", None
            for name in names:
                transition = PROTOCOL.transitions[name]
                for args in arguments(instance, transition, peer, explorer.readings[state.run]):
                    try:
                        after = take(transition, peer, args).after
                    except NotReproducedError:
                        continue
                    except Exception:  # nothing was ever like this state: what the step relies on is not there
                        continue
                    yield peer, name, after


def _altered(peer: Peer, frames: int) -> Iterator[Peer]:
    pendings: Sequence[int | None] = (None, *range(frames))
    for confirmed, promoted, pending in product(range(-1, frames), range(frames + 1), pendings):
        buffers = attrs_evolve(peer.buffers, promoted=promoted)
        yield evolve(peer, confirmed=confirmed, buffers=buffers, rollback=evolve(peer.rollback, pending=pending))


def _told(peer: Peer) -> str:
    values = ", ".join(f"{name} {'none' if value is None else value}" for name, value in counters(peer).items())
    return f"the state with {values}"
