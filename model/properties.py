"""All properties, by name: what is searched, proved and used to judge is stated here and nowhere else."""

from __future__ import annotations

from model import episode_theorems, input_theorems, lemmas, metric_theorems, step_theorems, theorems, transport_theorems
from model.property import Property, Scope

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
        lemmas,
    )
    for each in vars(module).values()
    if isinstance(each, Property)
}
"""Every property by name, theorems first."""


def of_scope(scope: Scope) -> list[Property]:
    """Return the properties of a scope."""
    return [each for each in PROPERTIES.values() if each.scope == scope]
