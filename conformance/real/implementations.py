"""The implementations that are judged: what each is, how it is installed, how its adapter is started."""

from __future__ import annotations

import shlex
from pathlib import Path

from attrs import frozen

from rollproof.conformance.real.install import MUG_SOURCE, ROOT, Cargo, Nothing, Npm, Recipe, Wheel
from rollproof.conformance.runner.play import Adapters
from rollproof.conformance.suite.suite import Target

LIMIT_S = 60.0
"""How long an answer may take: these results must not depend on how busy a machine is."""
GUARDS = ("", "A", "B", "C", "D", "ABCD")
"""The sets of guards of revision 73 that each finding of MUG is tried with."""
ADAPTERS = "conformance/adapters"


@frozen
class Configuration:
    """One way of running an adapter."""

    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the options as they are typed."""
        return shlex.join(self.options)


def _configurations(*options: str) -> tuple[Configuration, ...]:
    return tuple(Configuration(tuple(shlex.split(each))) for each in options)


AS_SHIPPED = _configurations("")


@frozen
class Implementation:
    """A real implementation, and how it is judged."""

    name: str
    version: str
    language: str
    registry: str
    """Where it comes from, in words."""
    adapter: tuple[str, ...]
    """The command, relative to the repository."""
    recipe: Recipe
    configurations: tuple[Configuration, ...] = AS_SHIPPED
    """The whole suite runs with each of these."""
    variations: tuple[Configuration, ...] = ()
    """A finding's minimal schedule runs with each of these, too, in place of its own guards."""

    @property
    def title(self) -> str:
        """The name with the version."""
        return f"{self.name} {self.version}".strip()

    @property
    def file(self) -> str:
        """The stem of its published files."""
        return self.title.removeprefix("@").replace("/", "-").replace(" ", "-")

    @property
    def source(self) -> Path:
        """Where its installed code is."""
        return self.recipe.source()

    def target(self, configuration: Configuration) -> Target:
        """Return what the suite judges."""
        command = (*self.adapter, *configuration.options)
        return Target(lambda: Adapters.of_command(command, LIMIT_S), shlex.join(["--", *command]), command)


def _guards(*chosen: str) -> tuple[Configuration, ...]:
    return tuple(Configuration(("--guards", each) if each else ()) for each in chosen)


def _node(name: str) -> tuple[str, ...]:
    return ("node", f"{ADAPTERS}/{name}/adapter.mjs")


_BUILDS = _configurations("", "--build netplay.min.js")
IMPLEMENTATIONS = (
    Implementation(
        "independent", "", "JavaScript", "this repository", ("node", f"{ADAPTERS}/independent/peer.mjs"),
        Nothing(ROOT / ADAPTERS / "independent"),
    ),
    Implementation(
        "ggrs", "0.13.0", "Rust", "crates.io", (Cargo.binary("adapter-ggrs"),), Cargo("ggrs", "0.13.0"),
    ),
    Implementation(
        "fortress-rollback", "0.12.0", "Rust", "crates.io", (Cargo.binary("adapter-fortress"),),
        Cargo("fortress-rollback", "0.12.0"),
    ),
    Implementation(
        "rollback-netcode", "0.0.6", "TypeScript", "npm", _node("rollback-netcode"),
        Npm("rollback-netcode", "rollback-netcode", "0.0.6"), _configurations("", "--topology mesh"),
    ),
    Implementation(
        "@tboyt/telegraph", "0.0.3", "TypeScript", "npm", _node("telegraph"),
        Npm("telegraph", "@tboyt/telegraph", "0.0.3"), _configurations("", "--ordered"),
    ),
    Implementation(
        "netplayjs", "0.4.1", "TypeScript", "npm", _node("netplayjs"), Npm("netplayjs", "netplayjs", "0.4.1"),
        _BUILDS, _BUILDS,
    ),
    Implementation(
        "mug", "0.1.3", "JavaScript", "PyPI", _node("mug"),
        Wheel("mug", "multi-user-gymnasium", "0.1.3", MUG_SOURCE), _guards("", "ABCD"), _guards(*GUARDS),
    ),
)  # fmt: skip
INDEPENDENT = IMPLEMENTATIONS[0]
"""Ours, written from the rules alone."""
