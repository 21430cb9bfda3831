"""Certificates: the runs that refuted removed guards and variants before, so that they need not be found again.

A certificate is only a hint. It is run again on the code as it is, and counts only if it still violates something; if
not, the search begins anew. `rollproof guards --certify` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path as File
from typing import Any

from attrs import frozen
from rollproof.model.bounded import bounded
from rollproof.model.search.arguments import arguments
from rollproof.model.search.explorer import Explorer, effected, named
from rollproof.model.search.instances import INSTANCES
from rollproof.model.search.search import crashing, violating
from rollproof.model.theorems.blame import violated
from rollproof.model.theorems.properties import NEVER_CRASHES
from rollproof.model.theorems.property import Property, StepView
from rollproof.model.traces.trace import Trace
from rollproof.reference.digest import Digest
from rollproof.reference.messages import Path
from rollproof.reference.transition import Protocol

FILE = File(__file__).with_name("certificates.json")
"""Where they are kept."""
Steps = tuple[tuple[str, tuple[Any, ...]], ...]
"""Transitions with their arguments, in order."""


@frozen
class Certificate:
    """A run that violated something."""

    instance: str
    steps: Steps


def certificate_of(trace: Trace) -> Certificate:
    """Return the certificate of a trace."""
    return Certificate(trace.instance, tuple((step.transition, tuple(v for _, v in step.args)) for step in trace.steps))


def replay(protocol: Protocol, certificate: Certificate, properties: Iterable[Property | str]) -> Trace | None:
    """Return the trace of a certificate if it violates one of the properties at its end, and only there."""
    if certificate.instance not in INSTANCES or any(name not in protocol.transitions for name, _ in certificate.steps):
        return None
    explorer = Explorer(protocol, INSTANCES[certificate.instance])
    asked = list(properties)
    return next(
        (found for run in range(len(explorer.truths)) if (found := _replay(explorer, run, certificate.steps, asked))),
        None,
    )


def _replay(explorer: Explorer, run: int, steps: Steps, properties: list[Property | str]) -> Trace | None:
    reading = explorer.readings[run]
    peer = explorer.instance.start(explorer.player)
    view = None
    for number, (name, args) in enumerate(steps, 1):
        transition = explorer.protocol.transitions[name]
        if args not in arguments(explorer.instance, transition, peer, reading):
            return None
        try:
            if bounded(transition.refusal, peer, *args) is not None:
                return None
            step = effected(transition, peer, args)
        except Exception:
            crashes = number == len(steps) and NEVER_CRASHES in properties
            return crashing(explorer, steps[:-1], name, args) if crashes else None
        view = StepView(name, peer, named(transition, args), *step)
        peer = step[0]
    for each in properties:
        if isinstance(each, str) or (each.scope == "step" and view is None):
            continue
        if violated(each, reading, view if each.scope == "step" else peer) is not None:
            return violating(explorer, run, steps, each)
    return None


def load(file: File = FILE) -> dict[str, Certificate]:
    """Return the certificates by what they refute; none if there is no file, or it is not one."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        return {name: _decoded(each) for name, each in document.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def dumps(certificates: Mapping[str, Certificate]) -> str:
    """Return certificates as JSON, one to a line."""
    lines = (f"{json.dumps(name)}: {json.dumps(_encoded(each))}" for name, each in sorted(certificates.items()))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _encoded(certificate: Certificate) -> dict[str, Any]:
    def value(it: Any) -> Any:
        return {"path": it.value} if isinstance(it, Path) else {"digest": it.value} if isinstance(it, Digest) else it

    steps = [[name, *map(value, args)] for name, args in certificate.steps]
    return {"instance": certificate.instance, "steps": steps}


def _decoded(document: Any) -> Certificate:
    def value(it: Any) -> Any:
        if isinstance(it, dict):
            return Path(it["path"]) if "path" in it else Digest(it["digest"])
        return it

    steps = tuple((str(name), tuple(map(value, args))) for name, *args in document["steps"])
    return Certificate(str(document["instance"]), steps)
