"""Reading the source of guards and effects before they are run on stand-ins: what a stand-in could not answer rightly.

A stand-in refuses at run time what it cannot answer (`paths.refuse`). But it is not asked when Python compares two
objects by `is`, when an exception is caught, or when a name stands for something that may change between two calls.
"""

from __future__ import annotations

import ast
import builtins
import linecache
import sys
from collections.abc import Iterator
from enum import Enum
from functools import cache
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import attrs

from rollproof.model.symbolic.shapes import LEAVES, PARTS, kept
from rollproof.reference.state import Extra
from rollproof.reference.transition import Guard, Transition

ROOT = Path(__file__).resolve().parents[2]
EXAMINED_ELSEWHERE = ("rollproof.reference.values", "rollproof.reference.copying")
"""Modules whose functions are taken for what they say: how a value is copied, and when two actions are the same."""
ASKED_AT_RUN_TIME = frozenset(
    {"abs", "all", "any", "bool", "complex", "dict", "divmod", "enumerate", "filter", "float", "frozenset", "int"}
    | {"isinstance", "len", "list", "map", "max", "min", "pow", "range", "reversed", "round", "set", "sorted", "str"}
    | {"sum", "tuple", "zip"}
)
"""The builtins that ask their arguments for everything they want to know of them; of `isinstance` more is demanded."""
PART_MODULES = tuple(f"rollproof.reference.{name}" for name in ("state", "world", "config"))
"""Where the parts of the state are defined that are not replaced as a whole."""
REPLACED = frozenset({"partners"})
"""Properties of parts of the state that have stand-ins of their own."""
FORBIDDEN: dict[type[ast.AST], str] = {
    ast.Try: "what is caught may be a stand-in's refusal",
    ast.With: "what is caught may be a stand-in's refusal",
    ast.Match: "a stand-in is not of the class that it stands for",
    ast.Global: "what a step does must depend on its arguments alone",
    ast.Nonlocal: "what a step does must depend on its arguments alone",
    ast.Import: "what is imported here is not examined",
    ast.ImportFrom: "what is imported here is not examined",
    ast.Delete: "a step must not change what it is given",
    ast.Yield: "a generator does nothing until it is asked",
    ast.YieldFrom: "a generator does nothing until it is asked",
    ast.Await: "a step does not wait",
}
"""What cannot be followed, with the reason."""
Function = ast.FunctionDef | ast.Lambda
UNKNOWN = object()


class UnreadableError(Exception):
    """A guard or an effect has a construct that means something else for a stand-in than for what it stands for."""


def read(function: Any) -> None:
    """Read a guard or an effect, and every function that it calls.

    Raises:
        UnreadableError: naming file, line and construct, if there is one that cannot be followed.
    """
    found = next(iter(problems(function, kept())), None)
    if found is not None:
        raise UnreadableError(found)


@cache
def problems(function: Any, extra: type = Extra) -> tuple[str, ...]:
    """Return what in a function, or in one that it calls, cannot be followed, each with file and line.

    `extra` is the class of what the protocol keeps beside: it may have methods of its own.
    """
    found: list[str] = []
    seen: set[Any] = set()
    todo = [function]
    while todo:
        each = todo.pop()
        if each not in seen:
            seen.add(each)
            some, calls = _read_one(each, extra)
            found += some
            todo += calls
    return tuple(dict.fromkeys(found))


@cache
def _read_one(function: Any, extra: type) -> tuple[list[str], list[Any]]:
    if not isinstance(function, FunctionType):
        return [f"{function!r}: is not written in Python, and cannot be read"], []
    code = function.__code__
    nodes = list(_nodes(code.co_filename, code.co_firstlineno, code.co_name))
    if not nodes:
        return [f"{_shown(code.co_filename)}:{code.co_firstlineno}: the source of {code.co_name} cannot be found"], []
    cells = {name: _content(cell) for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True)}
    reader = _Reader(_shown(code.co_filename), {**vars(builtins), **function.__globals__, **cells}, extra)
    defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    for value in defaults:
        reader.judge(nodes[0], "a default value", value)
    for node in nodes:
        reader.read(node)
    return reader.found, reader.calls


@cache
def _tree(file: str, text: str) -> ast.AST:
    return ast.parse(text)


def _nodes(file: str, line: int, name: str) -> Iterator[Function]:
    """Yield the function that begins at a line; all of them if there are several lambdas."""
    text = "".join(linecache.getlines(file))
    for node in ast.walk(_tree(file, text)) if text else ():
        if isinstance(node, ast.FunctionDef) and node.name == name:
            if line == min([node.lineno, *(each.lineno for each in node.decorator_list)]):
                yield node
        elif isinstance(node, ast.Lambda) and name == "<lambda>" and node.lineno == line:
            yield node


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return UNKNOWN


def _shown(file: str) -> str:
    path = Path(file)
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else file


class _Reader:
    def __init__(self, file: str, names: dict[str, Any], extra: type) -> None:
        self.extra = extra
        self.file = file
        self.names = names
        self.local: set[str] = set()
        self.found: list[str] = []
        self.calls: list[Any] = []

    def read(self, function: Function) -> None:
        inner = [function.body] if isinstance(function, ast.Lambda) else function.body
        nodes = [node for statement in inner for node in ast.walk(statement)]
        arguments = [each for node in (function, *nodes) if isinstance(node, Function) for each in ast.walk(node.args)]
        self.local = {node.arg for node in arguments if isinstance(node, ast.arg)}
        self.local |= {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
        self.local |= {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
        annotations = {
            id(part)
            for node in nodes
            for noted in (getattr(node, "annotation", None), getattr(node, "returns", None))
            if noted is not None
            for part in ast.walk(noted)
        }
        for node in nodes:
            if id(node) not in annotations:
                self._node(node)

    def _node(self, node: ast.AST) -> None:
        reason = FORBIDDEN.get(type(node))
        if reason is not None:
            self._report(node, f"`{type(node).__name__.lower()}`: {reason}")
        elif isinstance(node, ast.Compare):
            self._compare(node)
        elif isinstance(node, ast.Call) and self._resolve(node.func) is isinstance:
            if not (len(node.args) == 2 and self._is_of_itself(node.args[1])):
                self._report(node, "`isinstance`: a stand-in is not of the class that it stands for")
        elif isinstance(node, ast.Attribute):
            self._attribute(node)
        elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            self._report(node, "an item is assigned: a step must not change what it is given")
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in self.local:
            if node.id in self.names:
                self.judge(node, f"`{node.id}`", self.names[node.id])
        elif isinstance(node, Function):
            for default in (*node.args.defaults, *(each for each in node.args.kw_defaults if each is not None)):
                if not isinstance(default, ast.Constant | ast.Name | ast.Attribute):
                    self._report(default, "a default value is made once, and may change")

    def _compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for operator, left, right in zip(node.ops, operands, operands[1:], strict=False):
            if isinstance(operator, ast.Is | ast.IsNot) and not any(map(self._has_identity, (left, right))):
                self._report(node, "`is`: a stand-in is never the object that it stands for; compare with `==`")

    def _has_identity(self, node: ast.expr) -> bool:
        """Tell whether a value has no stand-in: None, or a member of an enumeration that is never symbolic."""
        value = self._resolve(node)
        return value is None or (isinstance(value, Enum) and type(value).__name__ not in LEAVES)

    def _is_of_itself(self, node: ast.expr) -> bool:
        """Tell whether an expression names a class without a stand-in, or one whose stand-ins are of it."""
        if isinstance(node, ast.Tuple):
            return all(map(self._is_of_itself, node.elts))
        value = self._resolve(node)
        return (
            isinstance(value, type)
            and attrs.has(value)
            and value.__name__ not in LEAVES
            and value.__module__ != "rollproof.reference.containers"
        )

    def _attribute(self, node: ast.Attribute) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._report(node, f"`.{node.attr}` is assigned: a step must not change what it is given")
        if node.attr.startswith("__"):
            self._report(node, f"`.{node.attr}`: a stand-in is not of the class that it stands for")
        value = self._resolve(node)
        if value is not UNKNOWN:
            self.judge(node, f"`{ast.unparse(node)}`", value)
        elif node.attr not in REPLACED:
            for part in (*PARTS.values(), *self.extra.__mro__):
                own = vars(part).get(node.attr)
                own = own.fget if isinstance(own, property) else own
                read = part in self.extra.__mro__ or part.__module__ in PART_MODULES
                if read and isinstance(own, FunctionType) and own.__name__ == node.attr:
                    self.calls.append(own)

    def _resolve(self, node: ast.AST) -> Any:
        """Return what an expression stands for, if that is known before it is run."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return UNKNOWN if node.id in self.local else self.names.get(node.id, UNKNOWN)
        if isinstance(node, ast.Attribute):
            owner = self._resolve(node.value)
            known = isinstance(owner, ModuleType | type | Guard | Transition)
            return getattr(owner, node.attr, UNKNOWN) if known else UNKNOWN
        return UNKNOWN

    def judge(self, node: ast.AST, what: str, value: Any) -> None:
        """Note what a name stands for: a function to read as well, or something that cannot be followed."""
        if isinstance(value, MethodType) and isinstance(value.__self__, Guard):
            self.calls.append(value.__self__.condition)
        elif isinstance(value, MethodType) and isinstance(value.__self__, Transition):
            self.calls += [value.__self__.effect, *(each.condition for each in value.__self__.guards)]
        elif isinstance(value, FunctionType):
            own = value.__module__.partition(".")[0] == "rollproof"
            library = "site-packages" in value.__code__.co_filename or value.__module__ in sys.stdlib_module_names
            if library and not own:
                self._report(node, f"{what} is a library's, and is not read")
            elif value.__module__ not in EXAMINED_ELSEWHERE:
                self.calls.append(value)
        elif isinstance(value, BuiltinFunctionType) or (isinstance(value, type) and value.__module__ == "builtins"):
            exception = isinstance(value, type) and issubclass(value, Exception)
            if not exception and getattr(builtins, value.__name__, None) is not value:
                self._report(node, f"{what} cannot be read")
            elif not exception and value.__name__ not in ASKED_AT_RUN_TIME:
                self._report(node, f"{what}: what it says of a stand-in is not true of what that stands for")
        elif not _is_constant(value):
            self._report(node, f"{what} may change between two steps, or cannot be read")

    def _report(self, node: ast.AST, what: str) -> None:
        self.found.append(f"{self.file}:{getattr(node, 'lineno', '?')}: {what}")


def _is_constant(value: Any) -> bool:
    """Tell whether a value never changes, so that a step that reads it does the same each time."""
    if isinstance(value, tuple | frozenset):
        return all(map(_is_constant, value))
    if value is UNKNOWN or value is None or isinstance(value, bool | int | float | str | bytes | Enum | ModuleType):
        return True
    if isinstance(value, Guard | Transition):
        return True
    if isinstance(value, type):
        return attrs.has(value) or issubclass(value, Enum | Exception)
    return attrs.has(type(value)) and all(_is_constant(getattr(value, each.name)) for each in attrs.fields(type(value)))
