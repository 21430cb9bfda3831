"""What a benchmark is, and all there are: each module of this package registers its own."""

from __future__ import annotations

import importlib
import pkgutil
import time
from collections.abc import Callable, Iterator

from attrs import frozen

import benchmarks


@frozen
class Ratio:
    """One line of the table: a number that does not depend on the machine, or that a target is set for."""

    what: str
    value: float
    at_least: float | None = None
    at_most: float | None = None
    detail: str = ""

    @property
    def met(self) -> bool:
        """Whether the target is met; true if there is none."""
        low = self.at_least is None or self.value >= self.at_least
        return low and (self.at_most is None or self.value <= self.at_most)

    @property
    def target(self) -> str:
        """The target as text."""
        if self.at_least is not None:
            return f"≥ {self.at_least:g}"
        return "" if self.at_most is None else f"≤ {self.at_most:g}"


Benchmark = Callable[[], Iterator[Ratio]]

BENCHMARKS: dict[str, Benchmark] = {}
"""By name, in the order in which they are registered."""


def benchmark(measure: Benchmark) -> Benchmark:
    """Register a benchmark under the name of its function; its docstring says what is measured."""
    BENCHMARKS[measure.__name__] = measure
    return measure


def register() -> None:
    """Import the modules of this package, so that their benchmarks are known."""
    for module in pkgutil.iter_modules(benchmarks.__path__):
        if module.name != "__main__":
            importlib.import_module(f"benchmarks.{module.name}")


def ratios_of(name: str) -> list[Ratio]:
    """Run one benchmark."""
    register()
    return list(BENCHMARKS[name]())


def seconds(action: Callable[[], object]) -> float:
    """Return the processor time of one call."""
    start = time.process_time()
    action()
    return time.process_time() - start
