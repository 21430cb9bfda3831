"""Mutants of the reference: what the suite must be able to tell from it.

Five kinds: `without:TRANSITION.GUARD` (one guard removed), `variant:NAME` (of `model.variants`), `noop:TRANSITION` (one
that does nothing when it fires), `bug:NAME` (a mistake seen in real implementations), and
`different:NAME` (a mistake of an implementation that is otherwise right in another way). Each is an adapter, so that
it is judged exactly as anybody's implementation is.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from attrs import evolve

from rollproof.conformance.adapters.reference import Adapter
from rollproof.conformance.mutants.bugs import Mutant, bugs, running
from rollproof.conformance.mutants.different import mistakes
from rollproof.conformance.mutants.wrong_adapters import FastForward
from rollproof.model.variants.variants import VARIANTS
from rollproof.reference.protocol import PROTOCOL


@cache
def mutants() -> dict[str, Mutant]:
    """Return every mutant, by name."""
    return {mutant.name: mutant for mutant in (*_without_guards(), *_variants(), *_idle(), *bugs(), *mistakes())}


def find_mutant(name: str) -> Mutant:
    """Return the mutant of a name; `bug:`, `variant:`, `without:` and `noop:` may be left out.

    Raises:
        KeyError: if there is none.
    """
    for prefix in ("", "bug:", "variant:", "without:", "noop:", "different:"):
        if prefix + name in mutants():
            return mutants()[prefix + name]
    raise KeyError(f"there is no mutant {name!r}")


def _without_guards() -> Iterator[Mutant]:
    for transition in PROTOCOL.transitions.values():
        for each in transition.guards:
            protocol = PROTOCOL.without(transition.name, each.name)
            name = f"without:{transition.name}.{each.name}"
            yield Mutant(name, f"Not asked: {each.sentence}", running(protocol))


def _idle() -> Iterator[Mutant]:
    for each in PROTOCOL.transitions.values():
        protocol = PROTOCOL.replace(f"{each.name} does nothing", evolve(each, effect=lambda peer, *_: (peer, ())))
        yield Mutant(f"noop:{each.name}", f"Left out: {each.sentence}", running(protocol))


def _variants() -> Iterator[Mutant]:
    for each in VARIANTS.values():
        kind = FastForward if "fast_forward" in each.protocol.transitions else Adapter
        yield Mutant(f"variant:{each.name}", each.sentence, running(each.protocol, kind))
