"""rollproof: find out whether rollback netcode is right.

Everything is one import package. In an installed rollproof its chapters (`reference`, `model`, `proofs`, `conformance`,
`lessons`) are folders inside this one; in a checkout they lie beside it, where a reader finds them.

The names in `__all__` are public: what they mean changes only with a word in CHANGELOG.md. They are what a protocol
file (`rollproof verify --protocol FILE.py`) is written with. The modules `rollproof.reference.*` may be imported as
well, for the transitions, guards, events and messages of the present protocol; their names follow the protocol.
Everything else is private. A name is loaded when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path as _File
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rollproof.model.designs.design import Design as Design
    from rollproof.model.designs.loading import DesignError as DesignError
    from rollproof.model.designs.loading import load as load_design
    from rollproof.model.search.instances import INSTANCES as INSTANCES
    from rollproof.model.search.search import reach as reach
    from rollproof.model.search.search import search as search
    from rollproof.model.theorems.environment import Assumption as Assumption
    from rollproof.model.theorems.logic import Formula as Formula
    from rollproof.model.theorems.logic import Logic as Logic
    from rollproof.model.theorems.possibility import Condition as Condition
    from rollproof.model.theorems.property import Attempt as Attempt
    from rollproof.model.theorems.property import Clauses as Clauses
    from rollproof.model.theorems.property import Property as Property
    from rollproof.model.theorems.property import StepView as StepView
    from rollproof.model.theorems.property import lemma as lemma
    from rollproof.model.theorems.property import theorem as theorem
    from rollproof.model.traces.trace import Trace as Trace
    from rollproof.proofs.induction import ProofReport as ProofReport
    from rollproof.proofs.induction import prove as prove
    from rollproof.reference.config import Config as Config
    from rollproof.reference.containers import Action as Action
    from rollproof.reference.containers import Player as Player
    from rollproof.reference.messages import Path as Path
    from rollproof.reference.protocol import PROTOCOL as PROTOCOL
    from rollproof.reference.state import Extra as Extra
    from rollproof.reference.state import Peer as Peer
    from rollproof.reference.state import Phase as Phase
    from rollproof.reference.state import new_peer as new_peer
    from rollproof.reference.tick import poll as poll
    from rollproof.reference.tick import receive as receive
    from rollproof.reference.tick import tick as tick
    from rollproof.reference.transition import Guard as Guard
    from rollproof.reference.transition import Protocol as Protocol
    from rollproof.reference.transition import Step as Step
    from rollproof.reference.transition import Transition as Transition
    from rollproof.reference.transition import guard as guard
    from rollproof.reference.transition import transition as transition
    from rollproof.reference.values import evolve as evolve
    from rollproof.reference.values import frozen as frozen
    from rollproof.reference.values import given as given

__version__ = "0.1.0"

__all__ = [
    "INSTANCES",
    "PROTOCOL",
    "Action",
    "Assumption",
    "Attempt",
    "Clauses",
    "Condition",
    "Config",
    "Design",
    "DesignError",
    "Extra",
    "Formula",
    "Guard",
    "Logic",
    "Path",
    "Peer",
    "Phase",
    "Player",
    "ProofReport",
    "Property",
    "Protocol",
    "Step",
    "StepView",
    "Trace",
    "Transition",
    "evolve",
    "frozen",
    "given",
    "guard",
    "lemma",
    "load_design",
    "new_peer",
    "poll",
    "prove",
    "reach",
    "receive",
    "search",
    "theorem",
    "tick",
    "transition",
]

_CHECKOUT = _File(__file__).resolve().parents[1]
if (_CHECKOUT / "reference" / "protocol.py").is_file():
    __path__.append(str(_CHECKOUT))

_HOMES = {
    "model.designs.design": ("Design",),
    "model.designs.loading": ("DesignError", "load_design"),
    "model.search.instances": ("INSTANCES",),
    "model.search.search": ("reach", "search"),
    "model.theorems.environment": ("Assumption",),
    "model.theorems.logic": ("Formula", "Logic"),
    "model.theorems.possibility": ("Condition",),
    "model.theorems.property": ("Attempt", "Clauses", "Property", "StepView", "lemma", "theorem"),
    "model.traces.trace": ("Trace",),
    "proofs.induction": ("ProofReport", "prove"),
    "reference.config": ("Config",),
    "reference.containers": ("Action", "Player"),
    "reference.messages": ("Path",),
    "reference.protocol": ("PROTOCOL",),
    "reference.state": ("Extra", "Peer", "Phase", "new_peer"),
    "reference.tick": ("poll", "receive", "tick"),
    "reference.transition": ("Guard", "Protocol", "Step", "Transition", "guard", "transition"),
    "reference.values": ("evolve", "frozen", "given"),
}
"""By module: the public names that are defined there."""
_CALLED = {"load_design": "load"}
"""What some are called there."""


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"rollproof.{module}"), _CALLED.get(name, name))
    raise AttributeError(f"module 'rollproof' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
