"""All contracts of the drivers, by name."""

from __future__ import annotations

from rollproof.model.sessions import arrivals, driving, leavings
from rollproof.model.sessions.contract import Contract

CONTRACTS: dict[str, Contract] = {
    each.name: each
    for module in (driving, arrivals, leavings)
    for each in vars(module).values()
    if isinstance(each, Contract)
}
"""What every call of a driver must do."""
