"""Edited text of the reference, made into a protocol.

The text may come from anybody. It may define guards, transitions and helpers with the words of the reference and a few
of Python; it imports nothing else, and reaches nothing behind the values that it is given.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from types import ModuleType
from typing import Any

from attrs import evolve, frozen

from rollproof.model.bounded import EndlessError, bounded
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.transition import Guard, Protocol, Transition

PACKAGE = "rollproof.reference"
FILES = ("buffers", "rollback", "inputs", "episode", "transport", "desync", "guards")
"""The modules of the reference that may be edited: those that define guards and transitions."""
LONGEST = 60_000
"""How long an edited file may be, in characters."""
DEEPEST = 60
"""How deeply its expressions may be nested."""
WORDS = (
    *("abs", "all", "any", "bool", "dict", "enumerate", "filter", "float", "frozenset", "int", "isinstance", "len"),
    *(
        "list",
        "map",
        "max",
        "min",
        "object",
        "range",
        "reversed",
        "set",
        "sorted",
        "str",
        "sum",
        "tuple",
        "type",
        "zip",
    ),
    *("ArithmeticError", "AssertionError", "Exception", "IndexError", "KeyError", "LookupError", "NotImplementedError"),
    *("RuntimeError", "TypeError", "ValueError", "ZeroDivisionError"),
)
"""The built-in names that edited text may use."""
_LIBRARIES = {
    "__future__": ("annotations",),
    "typing": ("Any", "Protocol"),
    "collections.abc": ("Callable", "Iterable", "Iterator"),
}
_HIDDEN = ("_", "gi_", "cr_", "ag_", "f_", "tb_", "co_", "format", "mro")
"""How the names of attributes begin that lead behind a value."""


class EditError(ValueError):
    """Edited text cannot be used. Its text is one line that says where and why."""

    def __init__(self, file: str, line: int | None, reason: object) -> None:
        """Blame a line of a file, counted from 1."""
        text = " ".join(str(reason).split())
        self.file, self.line = file, line
        where = f"{file}.py" if line is None else f"{file}.py, line {line}"
        super().__init__(f"{where}: {text if len(text) <= 200 else text[:197] + '...'}")


@frozen
class Edited:
    """A protocol made of edited text."""

    protocol: Protocol
    changed: tuple[str, ...]
    """The transitions that differ from those of the present protocol."""
    loops: tuple[str, ...]
    """Where the text has loops, which no transition has: where to look if it does not end."""


def source_of(file: str) -> str:
    """Return the text of a module of the reference."""
    return inspect.getsource(_module(file))


def edited(sources: Mapping[str, str], without: Iterable[str] = ()) -> Edited:
    """Return the present protocol with some files in place of its own, and without some guards (TRANSITION.GUARD).

    Raises:
        EditError: if a file is no Python, uses what it must not, raises, or does not end; or a guard is not there.
    """
    transitions = dict(PROTOCOL.transitions)
    guards: dict[int, Guard[Any]] = {}
    loops: list[str] = []
    for file in (each for each in FILES if each in sources):
        original, text = source_of(file), sources[file]
        if text == original:
            continue
        tree = _checked(file, text)
        loops += [f"{file}.py, line {line}" for line in _loops(tree)]
        was = ast.parse(original)
        names = changed_names(was, tree)
        _check_classes(file, was, tree)
        made = _executed(file, tree)
        present = vars(_module(file))
        for name, value in made.items():
            if isinstance(value, Transition) and name in names:
                if value.name not in transitions:
                    raise EditError(file, None, f"the protocol has no transition {value.name}: nothing would call it")
                transitions[value.name] = value
            elif isinstance(value, Guard) and name in names and isinstance(present.get(name), Guard):
                guards[id(present[name])] = value
        gone = [each for each, value in present.items() if isinstance(value, Transition) and each not in made]
        if gone:
            raise EditError(file, None, f"the transition {gone[0]} is missing")
    if guards:
        transitions = {name: _with_guards(each, guards) for name, each in transitions.items()}
    protocol = Protocol("edited", transitions, PROTOCOL.tick, PROTOCOL.poll)
    removed = list(without)
    for each in removed:
        protocol = _without(protocol, each)
    changed = tuple(name for name, each in protocol.transitions.items() if PROTOCOL.transitions[name] != each)
    name = PROTOCOL.name if not changed else "edited"
    if removed and not sources:
        name = f"{PROTOCOL.name} without {', '.join(removed)}"
    return Edited(evolve(protocol, name=name[:180]), changed, tuple(loops))


def changed_names(original: ast.Module, edited_: ast.Module) -> set[str]:
    """Return the names whose definitions differ, or use one that does."""
    old, new = _definitions(original), _definitions(edited_)
    changed = {name for name, node in new.items() if name not in old or ast.dump(node) != ast.dump(old[name])}
    changed |= {name for name in old if name not in new}
    while True:
        using = {name for name, node in new.items() if name not in changed and changed & _used(node)}
        if not using:
            return changed
        changed |= using


def _without(protocol: Protocol, name: str) -> Protocol:
    transition, _, guard = name.partition(".")
    try:
        return protocol.without(transition, guard)
    except KeyError:
        raise EditError("protocol", None, f"there is no guard {name!r}") from None


def _with_guards(transition: Transition[Any], exchanged: Mapping[int, Guard[Any]]) -> Transition[Any]:
    guards = tuple(exchanged.get(id(each), each) for each in transition.guards)
    return evolve(transition, guards=guards) if guards != transition.guards else transition


def _module(file: str) -> ModuleType:
    return importlib.import_module(f"{PACKAGE}.{file}")


def _definitions(tree: ast.Module) -> dict[str, ast.stmt]:
    found: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found.update({each.id: node for each in targets if isinstance(each, ast.Name)})
    return found


def _used(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _loops(tree: ast.Module) -> Iterator[int]:
    return (node.lineno for node in ast.walk(tree) if isinstance(node, ast.While | ast.For))


def _checked(file: str, text: str) -> ast.Module:
    if len(text) > LONGEST:
        raise EditError(file, None, f"must be at most {LONGEST} characters long")
    try:
        tree = ast.parse(text)
        _check_depth(file, tree)
    except SyntaxError as error:
        raise EditError(file, error.lineno, error.msg) from None
    except (RecursionError, MemoryError, ValueError):
        raise EditError(file, None, "is nested too deeply, or holds what is no text") from None
    for node in ast.walk(tree):
        problem = _problem(node)
        if problem is not None:
            raise EditError(file, getattr(node, "lineno", None), problem)
    return tree


def _check_depth(file: str, tree: ast.AST) -> None:
    level, depth = [tree], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise EditError(file, getattr(level[0], "lineno", None), "nested too deeply")
        level = [child for node in level for child in ast.iter_child_nodes(node)]


def _problem(node: ast.AST) -> str | None:
    match node:
        case ast.Import():
            return "only `from ... import ...` of names of the reference is possible here"
        case ast.ImportFrom(module=module, names=names):
            return next(
                (
                    _import_problem(module or "", each.name)
                    for each in names
                    if _import_problem(module or "", each.name)
                ),
                None,
            )
        case ast.Attribute(attr=name) if name.startswith(_HIDDEN):
            return f"the attribute {name} is out of reach here"
        case ast.Name(id=name) if name.startswith("__"):
            return f"the name {name} is out of reach here"
        case ast.AsyncFunctionDef() | ast.Await() | ast.Global() | ast.Nonlocal() | ast.With():
            return "only guards, transitions and plain functions can be defined here"
        case ast.Constant(value=int() as value) if not isinstance(value, bool) and abs(value) > 2**64:
            return "the number is too large"
        case ast.BinOp(op=ast.Pow() | ast.LShift()):
            return "powers and shifts are not needed here"
    return None


def _check_classes(file: str, original: ast.Module, edited_: ast.Module) -> None:
    """Refuse classes that differ from the file's own: the drivers make their objects, and do not know of the text."""
    known = {node.name: ast.dump(node) for node in original.body if isinstance(node, ast.ClassDef)}
    for node in ast.walk(edited_):
        if isinstance(node, ast.ClassDef) and known.get(node.name) != ast.dump(node):
            raise EditError(file, node.lineno, f"the class {node.name} cannot be changed or added here")


def _import_problem(module: str, name: str) -> str | None:
    if module in _LIBRARIES:
        return None if name in _LIBRARIES[module] else f"{name} of {module} is out of reach here"
    package, _, file = module.rpartition(".")
    if package != PACKAGE or name.startswith("_") or file.startswith("_"):
        return f"{module} is out of reach here: only names of the reference can be imported"
    try:
        defined = _defined(file)
    except ImportError:
        return f"there is no {module}"
    return None if name in defined else f"{name} is none of the names that {module} defines"


@cache
def _defined(file: str) -> frozenset[str]:
    """Return the names that a module of the reference defines itself."""
    tree = ast.parse(source_of(file))
    inner = [node for each in tree.body if isinstance(each, ast.If) for node in each.body]
    return frozenset(_definitions(ast.Module([*tree.body, *inner], [])))


def _executed(file: str, tree: ast.Module) -> dict[str, Any]:
    """Return what the text defines; its imports are looked up here, none is executed."""
    name = f"edited.{file}"
    builtins: dict[str, Any] = {word: getattr(sys.modules["builtins"], word) for word in WORDS}
    scope: dict[str, Any] = {"__builtins__": builtins, "__name__": name}
    body = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            scope[node.name] = getattr(_module(file), node.name)
        elif not isinstance(node, ast.ImportFrom):
            body.append(node)
        elif node.module != "__future__":
            found = importlib.import_module(node.module or "")
            scope.update({each.asname or each.name: getattr(found, each.name) for each in node.names})
    future = ast.ImportFrom("__future__", [ast.alias("annotations")], 0)
    imported = set(scope)
    try:
        code = compile(
            ast.fix_missing_locations(ast.Module([future, *body], [])), f"{file}.py", "exec", dont_inherit=True
        )
        builtins["__import__"] = _no_import
        bounded(exec, code, scope)
    except EndlessError as error:
        raise EditError(file, None, error) from None
    except Exception as error:
        raise EditError(file, _line_of(error, f"{file}.py"), f"{type(error).__name__}: {error}") from None
    return {each: value for each, value in scope.items() if each not in imported}


def _no_import(name: str, *rest: Any) -> Any:
    if name == "__future__":
        return sys.modules["__future__"]
    raise ImportError(f"{name} is out of reach here")


def _line_of(error: Exception, file: str) -> int | None:
    """Return the line of edited text in which an error was raised."""
    found, place = None, error.__traceback__
    while place is not None:
        if place.tb_frame.f_code.co_filename == file:
            found = place.tb_lineno
        place = place.tb_next
    return found
