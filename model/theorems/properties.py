"""All properties, by name: what is searched, proved and used to judge is stated here and nowhere else."""

from __future__ import annotations

from rollproof.model.theorems import composition, keeping, lemmas, liveness, possibility, telling
from rollproof.model.theorems import episode as episode_theorems
from rollproof.model.theorems import inputs as input_theorems
from rollproof.model.theorems import metrics as metric_theorems
from rollproof.model.theorems import rollback as step_theorems
from rollproof.model.theorems import states as theorems
from rollproof.model.theorems import transport as transport_theorems
from rollproof.model.theorems.property import Property, Scope

NEVER_CRASHES = "reference_never_crashes"
"""The theorem that no guard and no effect ever raises. It has no formula: each path that raises must be impossible."""

PROPERTIES: dict[str, Property] = {
    each.name: each
    for module in (
        theorems,
        step_theorems,
        input_theorems,
        episode_theorems,
        transport_theorems,
        metric_theorems,
        telling,
        keeping,
        possibility,
        composition,
        liveness,
        lemmas,
    )
    for each in vars(module).values()
    if isinstance(each, Property)
}
"""Every property by name, theorems first."""


def is_trusting(name: str) -> bool:
    """Tell whether the proof of a property assumes that every partner says the truth. That nothing crashes does not."""
    return name in PROPERTIES and PROPERTIES[name].trusting


def of_scope(scope: Scope) -> list[Property]:
    """Return the properties of a scope."""
    return [each for each in PROPERTIES.values() if each.scope == scope]
