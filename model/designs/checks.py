"""What a protocol file must give, and what it lacks: said in words, with where an example stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import attrs

from rollproof.model.designs.design import Design
from rollproof.model.designs.digests import classes_named
from rollproof.model.documents import DocumentError
from rollproof.model.rules import rules
from rollproof.model.search.instances import INSTANCES
from rollproof.model.theorems.properties import NEVER_CRASHES, PROPERTIES
from rollproof.model.theorems.property import Attempt, Property, StepView
from rollproof.model.theorems.values import Values
from rollproof.model.variants.variants import VARIANTS
from rollproof.reference import events as told
from rollproof.reference.containers import FrameMap
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Extra, Peer
from rollproof.reference.tick import STAGES
from rollproof.reference.transition import Guard, Protocol, Transition

EXAMPLE = "`rollproof new-protocol DIR` writes an example"
TABLES = {
    "CONDITIONS": "conditions",
    "ASSUMPTIONS": "assumptions",
    "WHATEVER_PARTNERS_SAY": "always_assumed",
}
"""What else a file may give, by name: dictionaries of functions by transition."""
SAID_BY_PARTNERS = ("action", "frame", "end", "digest", "acknowledged", "end_known")
"""The parameters that hold what a partner claims, where there is a player as well."""
PARAMETERS: dict[str, str] = {
    each.name: str(each.type)
    for transition in PROTOCOL.transitions.values()
    for each in (() if transition.takes is None else attrs.fields(transition.takes))
}
"""The parameters whose values the search knows, with their annotations."""
CONSTANTS = ("int", "bool", "Phase")
"""What may have a value at first in a part of the state that a protocol adds, by annotation."""
KEPT = (*CONSTANTS, "Player", "Action", "Digest")
"""What such a part may be made of."""


def design_of(module: ModuleType, path: Path, name: str | None) -> Design:
    """Return the design that a loaded protocol file gives.

    Raises:
        DocumentError: if it gives none, or what it gives is not what it must be.
    """
    name, protocol = _protocol(module, name)
    own = tuple(
        each for each in vars(module).values() if isinstance(each, Property) and each is not PROPERTIES.get(each.name)
    )
    _check_extra(protocol)
    _check_transitions(protocol, path)
    _check_properties(own, protocol, path)
    tables = {field: _table(module, table, protocol) for table, field in TABLES.items()}
    lacks = tuple(_lacks(protocol, own, tables))
    return Design(path, name, protocol, own, **tables, lacks=lacks)


def _protocol(module: ModuleType, name: str | None) -> tuple[str, Protocol]:
    found = {key: value for key, value in vars(module).items() if isinstance(value, Protocol)}
    own = {key: value for key, value in found.items() if value is not PROTOCOL}
    if name is not None and name not in found:
        raise DocumentError(f"there is no protocol {name!r}; there is {', '.join(found) or 'none'}")
    if name is None and len(own) != 1:
        what = f"several: name one of {', '.join(own)}, as FILE.py:NAME" if own else f"none of its own; {EXAMPLE}"
        raise DocumentError(f"a protocol file must define one protocol, and this defines {what}")
    name = name or next(iter(own))
    protocol = found[name]
    if protocol is not PROTOCOL and protocol.name in (PROTOCOL.name, *VARIANTS):
        raise DocumentError(f"the protocol is called {protocol.name!r}, as one of rollproof is")
    if not isinstance(protocol.name, str) or not protocol.name.isprintable() or not 0 < len(protocol.name) <= 100:
        raise DocumentError("the name of the protocol must be one line of at most 100 characters")
    return name, protocol


def _at(function: Any, path: Path) -> str:
    """Return the line of a function, if it is one of the file."""
    code = getattr(function, "__code__", None)
    return f"{path}:{code.co_firstlineno}: " if code is not None and code.co_filename == str(path) else ""


def _check_extra(protocol: Protocol) -> None:
    """Look at what the protocol keeps beside: it must be a value that the search and the proof can speak of."""
    extra, cls = protocol.extra, type(protocol.extra)
    what = f"{cls.__name__}, which the protocol keeps,"
    if not isinstance(extra, Extra) or (cls is not Extra and Extra not in cls.__mro__[1:]):
        raise DocumentError(f"{what} must be a subclass of Extra")
    if cls is Extra:
        return
    if "__copy__" not in vars(cls):
        raise DocumentError(f"{what} must be declared with @frozen")
    for each in attrs.fields(cls):
        if not _can_be_kept(str(each.type), getattr(extra, each.name)):
            raise DocumentError(
                f"{what} has {each.name}: {each.type} = {getattr(extra, each.name)!r}; it may have integers, truth "
                "values, phases, what is None at first, and FrameMaps of these that are empty at first, annotated as "
                "the reference does, with `from __future__ import annotations`"
            )
    again = extra.cleared()
    if type(again) is not cls:
        raise DocumentError(f"{what} must say what of it survives a reset: `cleared` returns a {cls.__name__}")
    hash(extra)


def _can_be_kept(annotation: str, value: Any) -> bool:
    """Tell whether the search and the proof can speak of a field that is annotated so and has this value at first."""
    if annotation.endswith(" | None"):
        return annotation.removesuffix(" | None") in KEPT and value is None
    if annotation.startswith("FrameMap["):
        inner = annotation.removeprefix("FrameMap[").removesuffix("]").removesuffix(" | None")
        return inner in KEPT and isinstance(value, FrameMap) and not len(value)
    return type(value).__name__ == annotation and annotation in CONSTANTS


def _check_transitions(protocol: Protocol, path: Path) -> None:
    for order in ("tick", "poll"):
        for stage in getattr(protocol, order):
            if stage not in STAGES:
                raise DocumentError(f"{order}: there is no stage {stage!r}; there is {', '.join(STAGES)}")
    for name, each in protocol.transitions.items():
        if not isinstance(each, Transition) or each.name != name:
            raise DocumentError(f"the protocol's {name!r} is no transition of that name: declare it with @transition")
        at = _at(each.effect, path)
        for guard in each.guards:
            if not isinstance(guard, Guard):
                raise DocumentError(f"{at}{name} has a guard that is none: declare it with @guard")
            _check_rules(f"{_at(guard.condition, path)}guard {guard.name}", guard.rules)
        _check_rules(f"{at}transition {name}", each.rules)
        if each.takes is not None and not attrs.has(each.takes):
            raise DocumentError(f"{at}{name} takes {each.takes!r}: declare that class with @frozen")
        for field in () if each.takes is None else attrs.fields(each.takes):
            _check_parameter(f"{at}{name}", field.name, str(field.type))


def _check_parameter(what: str, name: str, annotation: str) -> None:
    if name not in PARAMETERS:
        known = ", ".join(f"{each}: {kind}" for each, kind in sorted(PARAMETERS.items()))
        raise DocumentError(
            f"{what} has the parameter {name!r}, for which the search knows no values; known are {known}"
        )
    if annotation != PARAMETERS[name]:
        raise DocumentError(
            f"{what} has the parameter {name}: {annotation}; it must be annotated {PARAMETERS[name]!r}, "
            "with `from __future__ import annotations`"
        )


def _check_rules(what: str, cited: tuple[str, ...]) -> None:
    for rule in cited:
        if rule not in rules():
            raise DocumentError(f"{what} cites {rule!r}, which is no rule of reference/PROTOCOL.md; cite none instead")


def _check_properties(own: tuple[Property, ...], protocol: Protocol, path: Path) -> None:
    """Read every property once, on the first state of an instance: most mistakes show there."""
    for each in own:
        at = _at(each.clauses, path)
        _check_rules(f"{at}{each.kind} {each.name}", each.rules)
        ours = PROPERTIES.get(each.name)
        if each.name == NEVER_CRASHES or (ours is not None and (ours.kind, ours.scope) != (each.kind, each.scope)):
            raise DocumentError(f"{at}{each.name} is called like another one, which it cannot stand in the place of")
        if not each.sentence:
            raise DocumentError(f"{at}{each.kind} {each.name} says nothing: its docstring is its sentence")
        for about in _first(each, protocol):
            clauses = each.clauses(_reading(protocol), *about)
            if not isinstance(clauses, dict) or not all(isinstance(key, str) for key in clauses):
                raise DocumentError(f"{at}{each.name} must return its clauses as a dictionary, each by its name")
            if not clauses and each.scope != "possibility":
                raise DocumentError(f"{at}{each.name} states no clause")


def _first(each: Property, protocol: Protocol) -> Iterator[tuple[Any, ...]]:
    peer = _peer(protocol)
    if each.scope == "step":
        yield (StepView("(nothing)", peer, {}, peer, ()),)
    elif each.scope == "pair":
        yield peer, peer
    elif each.scope == "possibility":
        yield (Attempt("(nothing)", peer, {}, False),)
    elif each.scope in ("product", "round"):
        raise DocumentError(f"{each.name} is of the scope {each.scope!r}, which is not for protocol files")
    else:
        yield (peer,)


def _peer(protocol: Protocol) -> Peer:
    core = INSTANCES["core"]
    return core.start(core.players[0], protocol)


def _reading(protocol: Protocol) -> Values:
    core = INSTANCES["core"]
    truths = core.lockstep(core.players[0])[0]
    return Values(core.players, core.frames, lambda epoch: truths[min(max(epoch, 0), len(truths) - 1)], protocol)


def _table(module: ModuleType, name: str, protocol: Protocol) -> dict[str, Callable[..., Any]]:
    table = vars(module).get(name, {})
    if not isinstance(table, Mapping):
        raise DocumentError(f"{name} must be a dictionary: functions by the names of transitions")
    for key, function in table.items():
        if key not in protocol.transitions:
            raise DocumentError(f"{name} speaks of {key!r}, and the protocol has no such transition")
        if not callable(function):
            raise DocumentError(f"{name}[{key!r}] must be a function")
    return dict(table)


def _lacks(protocol: Protocol, own: tuple[Property, ...], tables: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield what nothing is stated of: no proof can miss it, so the reader must be told."""
    new = [each for name, each in protocol.transitions.items() if name not in PROTOCOL.transitions]
    spoken = classes_named(*(each.clauses for each in own))
    known = get_args(told.Event)
    for each in protocol.transitions.values():
        named = classes_named(each.effect)
        for event in sorted(named - spoken - {each.takes}, key=lambda cls: cls.__name__):
            if event not in known:
                yield (
                    f"{each.name} makes {event.__name__}, of which no theorem speaks: state when it is told, "
                    f"as `frames_are_told` in model/theorems/telling.py does; {EXAMPLE}"
                )
    for each in new:
        if each.name not in tables["conditions"]:
            yield (
                f"when {each.name} is possible is not stated, so nothing shows that no guard holds it back wrongly: "
                f"state it in CONDITIONS; {EXAMPLE}"
            )
        claimed = [name for name in each.parameters if name in SAID_BY_PARTNERS]
        if "player" in each.parameters and claimed and each.name not in tables["assumptions"]:
            yield (
                f"what a partner says to {each.name} ({', '.join(claimed)}) may be false: if partners are to be "
                f"believed, assume it in ASSUMPTIONS, as `received_input_is_true` in model/theorems/environment.py does"
            )
