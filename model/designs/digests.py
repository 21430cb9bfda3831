"""Digests of code: two functions with the same digest do the same, since all that they rest on is the same.

Of rollproof's own modules the files are digested, all together. Of a protocol file each function is, with every
function, class and value that it names, and so on; where that cannot be followed, the whole text of the file is.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator
from enum import Enum
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

import attrs

from rollproof.reference.transition import Transition

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = ("reference", "model", "proofs")
"""What a verdict rests on."""
LIBRARIES = ("attrs", "immutables", "z3-solver")
HIDDEN = frozenset(
    {"__import__", "compile", "delattr", "eval", "exec", "getattr", "globals", "input", "locals", "open", "setattr"}
    | {"vars"}
)
"""The builtins through which a function may reach what it does not name."""


OF_TRANSITIONS = frozenset(each for each in dir(Transition) if not each.startswith("__") and each != "name")
"""What a function may ask of a transition besides its name."""


class OpaqueError(Exception):
    """It cannot be told what a function rests on."""


@cache
def of_rollproof() -> str:
    """Return the digest of rollproof itself, of what it is run by, and of the libraries that it reasons with."""
    total = sha256(sys.version.encode())
    for name in LIBRARIES:
        try:
            total.update(f"{name} {version(name)}\n".encode())
        except PackageNotFoundError:
            total.update(f"{name} unknown\n".encode())
    for chapter in CHAPTERS:
        for file in sorted((ROOT / chapter).rglob("*")):
            if file.suffix in (".py", ".json", ".md", ".toml") and file.is_file():
                total.update(f"{file.relative_to(ROOT)}\n{sha256(file.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def digest(*values: Any) -> str:
    """Return the digest of values and of all that they rest on."""
    try:
        parts = _Walk().all_of(values)
    except (OpaqueError, RecursionError):
        parts = ["opaque", *map(repr, map(_name, values)), *_texts()]
    return sha256("\0".join([of_rollproof(), *parts]).encode()).hexdigest()


def digest_of_statements(*values: Any) -> str:
    """Return the digest of properties, conditions and assumptions, and of all that they rest on.

    Such a function names a transition to ask which one a step is, or through `Logic.enabled` when it is possible, which
    is noted there. Unless some function asks for more of it, all that it rests on is the transition's name.
    """
    walk = _Walk(by_name=True)
    try:
        parts = walk.all_of(values)
    except (OpaqueError, RecursionError):
        return digest(*values)
    return sha256("\0".join([of_rollproof(), *parts]).encode()).hexdigest() if walk.names_only else digest(*values)


def classes_named(*values: Any) -> set[type]:
    """Return the classes of protocol files that functions name, and those that these name, and so on."""
    walk = _Walk()
    try:
        walk.all_of(values)
    except (OpaqueError, RecursionError):
        return set()
    return walk.classes


def is_own(name: str | None) -> bool:
    """Tell whether a module is a protocol file."""
    return bool(name) and str(name).startswith("protocol_file_")


def _place(module: str) -> str:
    """Return the name of a module; that of a protocol file is made of its text, and says nothing of one function."""
    return "own" if is_own(module) else module


def _name(value: Any) -> str:
    return str(getattr(value, "name", getattr(value, "__qualname__", type(value).__name__)))


def _texts() -> Iterator[str]:
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if is_own(name) and file:
            yield name  # the name of such a module is made of its text


class _Walk:
    def __init__(self, *, by_name: bool = False) -> None:
        self.by_name = by_name
        self.names_only = True
        """Whether no function has asked for more of a transition than its name."""
        self.seen: dict[int, int] = {}
        self.kept: list[Any] = []
        self.classes: set[type] = set()

    def all_of(self, values: Any) -> list[str]:
        return [part for value in values for part in self.of(value)]

    def of(self, value: Any) -> Iterator[str]:
        if value is None or isinstance(value, bool | int | float | str | bytes | range | complex):
            yield f"{type(value).__name__} {value!r}"
            return
        if isinstance(value, Enum):
            yield f"{type(value).__qualname__}.{value.name}"
            return
        if id(value) in self.seen:
            yield f"again {self.seen[id(value)]}"
            return
        self.seen[id(value)] = len(self.seen)
        self.kept.append(value)
        yield type(value).__name__
        if self.by_name and isinstance(value, Transition):
            yield value.name
        elif isinstance(value, tuple):
            yield f"{len(value)}"
            for each in value:
                yield from self.of(each)
        elif isinstance(value, frozenset):
            yield from sorted("".join(_Walk().of(each)) for each in value)
        elif isinstance(value, FunctionType):
            yield from self._function(value)
        elif isinstance(value, MethodType):
            yield from self.of(value.__self__)
            yield from self.of(value.__func__)
        elif isinstance(value, type):
            yield from self._class(value)
        elif isinstance(value, ModuleType):
            yield from self._module(value.__name__)
        elif isinstance(value, BuiltinFunctionType):
            if value.__name__ in HIDDEN:
                raise OpaqueError(value.__name__)
            yield f"{value.__module__}.{value.__qualname__}"
        elif isinstance(value, staticmethod | classmethod):
            yield from self.of(value.__func__)
        elif isinstance(value, property):
            yield from self.of(value.fget)
        elif attrs.has(type(value)):
            for field in attrs.fields(type(value)):
                yield field.name
                yield from self.of(getattr(value, field.name))
        else:
            raise OpaqueError(type(value).__name__)

    def _function(self, function: FunctionType) -> Iterator[str]:
        yield f"{_place(function.__module__)}.{function.__qualname__}"
        yield from self._code(function.__code__)
        yield from self.of(function.__defaults__)
        for name, value in sorted((function.__kwdefaults__ or {}).items()):
            yield name
            yield from self.of(value)
        for cell in function.__closure__ or ():
            try:
                yield from self.of(cell.cell_contents)
            except ValueError:
                yield "empty"
        if is_own(function.__module__):
            self.names_only = self.names_only and OF_TRANSITIONS.isdisjoint(_names(function.__code__))
            for name in sorted(_names(function.__code__)):
                if name in function.__globals__ or hasattr(builtins, name):
                    yield name
                    yield from self.of(function.__globals__.get(name, getattr(builtins, name, None)))
        elif not function.__module__.startswith("rollproof"):
            yield from self._module(function.__module__)

    def _code(self, code: CodeType) -> Iterator[str]:
        yield f"{code.co_code.hex()} {code.co_names} {code.co_varnames} {code.co_freevars} {code.co_flags}"
        yield f"{code.co_argcount} {code.co_posonlyargcount} {code.co_kwonlyargcount} {code.co_cellvars}"
        yield code.co_exceptiontable.hex()
        for const in code.co_consts:
            if isinstance(const, CodeType):
                yield from self._code(const)
            else:
                yield from self.of(const)

    def _class(self, cls: type) -> Iterator[str]:
        yield f"{_place(cls.__module__)}.{cls.__qualname__}"
        if not is_own(cls.__module__):
            if not cls.__module__.startswith("rollproof"):
                yield from self._module(cls.__module__)
            return
        self.classes.add(cls)
        for base in cls.__bases__:
            yield from self.of(base)
        if attrs.has(cls):
            for field in attrs.fields(cls):
                yield f"{field.name}: {field.type}"
                yield from self.of(field.default if field.default is not attrs.NOTHING else "no default")
        for name, value in sorted(vars(cls).items()):
            generated = name.startswith("__") and not (isinstance(value, FunctionType) and not _generated(value))
            if not generated and not isinstance(value, MemberDescriptorType):
                yield name
                yield from self.of(value)

    def _module(self, name: str) -> Iterator[str]:
        yield name
        module = sys.modules.get(name)
        file = getattr(module, "__file__", None)
        if is_own(name):
            raise OpaqueError(name)
        if file and not name.startswith("rollproof") and name.partition(".")[0] not in sys.stdlib_module_names:
            yield sha256(Path(file).read_bytes()).hexdigest()


def _generated(function: FunctionType) -> bool:
    return function.__code__.co_filename.startswith("<")


def _names(code: CodeType) -> set[str]:
    """Return the names that code, and what is defined in it, may look up outside."""
    found = set(code.co_names)
    for const in code.co_consts:
        if isinstance(const, CodeType):
            found |= _names(const)
    return found
