"""The words of a protocol: conditions of which a guard can be made, each as one line of Python.

They are its own guards, the parts that their conditions are made of, and comparisons of its counters; and the opposite
of each. A condition is read by the prover like any other, so it has a source: the line that is shown.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import textwrap
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

from attrs import frozen

from rollproof.reference import guards as shared
from rollproof.reference.transition import Guard, Protocol, Transition

NUMBERS = ("peer.frame", "peer.confirmed", "peer.buffers.promoted")
"""The counters of a peer."""
OPTIONAL = ("peer.ending.termination", "peer.ending.own", "peer.rollback.pending", "peer.rollback.cursor")
"""Those that may be missing."""
OF_ARGUMENTS = ("frame", "end", "acknowledged")
"""The parameters that are frames."""
PHASES = ("RUNNING", "SYNCING", "WAITING", "COMPLETING", "COMPLETED")
_NUMBERS = count(1)


@frozen
class Word:
    """A condition of a peer, and of the arguments of a transition."""

    text: str
    """As Python."""
    guard: Guard[Any]
    size: int
    """How much there is to read: 1 for a guard of the protocol, else the number of characters."""


def words(protocol: Protocol, transition: Transition[Any]) -> Iterator[Word]:
    """Yield the words that may be a guard of a transition, the shortest first; some may not suit its arguments."""
    own = {guard.name for guard in transition.guards}
    named = {guard.name: guard for each in protocol.transitions.values() for guard in each.guards}
    whole = [guard for name, guard in named.items() if name not in own]
    texts: dict[str, None] = {}
    for guard in whole:
        yield Word(guard.name, guard, 1)
    for guard in whole:
        yield from _made(
            f"not {_call(guard)}", {guard.name: guard.condition, "__name__": guard.condition.__module__}, texts
        )
    for guard in named.values():
        for part in _parts(guard.condition):
            opposite = part.removeprefix("not ") if part.startswith("not ") else f"not ({part})"
            for text in (part, opposite):
                yield from _made(text, guard.condition.__globals__, texts)
    for text in comparisons(name for name in transition.parameters if name in OF_ARGUMENTS):
        yield from _made(text, vars(shared), texts)


def _call(guard: Guard[Any]) -> str:
    return f"{guard.name}(peer)" if guard.of_peer else f"{guard.name}(peer, args)"


def _made(text: str, names: dict[str, Any], seen: dict[str, None]) -> Iterator[Word]:
    if text not in seen:
        seen[text] = None
        yield Word(text, guard_of(text, names), len(text))


def guard_of(text: str, names: dict[str, Any]) -> Guard[Any]:
    """Return the guard that a line of Python about `peer` and `args` is, in which `names` mean what they say."""
    of_peer = not any(isinstance(node, ast.Name) and node.id == "args" for node in ast.walk(ast.parse(text)))
    number = next(_NUMBERS)
    source = f"def mend({'peer' if of_peer else 'peer, args'}):\n    return bool({text})\n"
    file = f"<mend {number}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    scope = dict(names)
    exec(compile(source, file, "exec", dont_inherit=True), scope)
    condition = scope["mend"]
    condition.__doc__ = text
    return Guard("mend", (), condition, of_peer)


def _parts(condition: Any) -> Iterator[str]:
    """Yield what the condition of a guard is made of, with its own names for the peer and the arguments."""
    try:
        (function,) = ast.parse(textwrap.dedent(inspect.getsource(condition))).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return
    if not isinstance(function, ast.FunctionDef):
        return
    parameters = [each.arg for each in function.args.args]
    renamed: dict[str, ast.expr] = {
        old: ast.Name(new, ast.Load()) for old, new in zip(parameters, ("peer", "args"), strict=False)
    }
    for statement in function.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            (target,) = statement.targets
            if isinstance(target, ast.Name):
                renamed[target.id] = _Renaming(renamed).visit(statement.value)
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None:
            for part in _operands(_Renaming(renamed).visit(node.value)):
                yield ast.unparse(part)


def _operands(expression: ast.expr) -> Iterator[ast.expr]:
    yield expression
    if isinstance(expression, ast.BoolOp):
        for each in expression.values:
            yield from _operands(each)
    elif isinstance(expression, ast.UnaryOp) and isinstance(expression.op, ast.Not):
        yield from _operands(expression.operand)


class _Renaming(ast.NodeTransformer):
    def __init__(self, names: dict[str, ast.expr]) -> None:
        self.names = dict(names)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.names.get(node.id, node)


def comparisons(arguments: Iterable[str] = ()) -> Iterator[str]:
    """Yield comparisons of counters, and of arguments that are frames, with a difference of at most one."""
    for optional in OPTIONAL:
        yield f"{optional} is None"
        yield f"{optional} is not None"
    for phase in PHASES:
        for relation in ("==", "<", ">"):
            yield f"peer.ending.phase {relation} Phase.{phase}"
    numbers = [*NUMBERS, *(f"args.{name}" for name in arguments)]
    for number in numbers:
        for constant in ("0", "1"):
            yield f"{number} >= {constant}"
    for left in numbers:
        for right in numbers:
            if left < right:
                yield from (f"{left} {relation} {right}" for relation in ("<", "<=", "==", ">=", ">"))
                yield from (f"{left} {relation} {right} + 1" for relation in ("<=", "==", ">="))
                yield from (f"{left} + 1 {relation} {right}" for relation in ("<", "<=", "==", ">=", ">"))
        for right in OPTIONAL:
            for relation in ("<", "<=", "==", ">=", ">"):
                yield f"{right} is None or {left} {relation} {right}"
                yield f"{right} is not None and {left} {relation} {right}"
