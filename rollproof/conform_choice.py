"""What `rollproof conform` is asked for: the implementation, the cases, and earlier results."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from functools import partial
from pathlib import Path

from rollproof.conformance.adapters.reference import Adapter
from rollproof.conformance.cases.case import Case, published_cases, read_case
from rollproof.conformance.mutants.catalogue import find_mutant, mutants
from rollproof.conformance.runner.play import Adapters
from rollproof.conformance.schema import InvalidError, Json, check
from rollproof.conformance.suite.suite import Target, select
from rollproof.model.designs.loading import load
from rollproof.model.documents import read_document
from rollproof.output import UsageError, unknown

RUN_REFERENCE = "import runpy; runpy.run_module('rollproof.conformance.adapters.reference', run_name='__main__')"
LARGEST_RESULTS = 50_000_000
"""Bytes of a file of `--also`."""


def target(
    command: tuple[str, ...],
    mutant: str | None,
    limit: float,
    level: int,
    source: Path | None,
    own: str | None,
    unusual: list[str],
) -> Target:
    """Return what is judged, and what to type to judge it again."""
    options = [*([] if level == 2 else ["--level", str(level)]), *unusual]
    if command and mutant is not None:
        raise UsageError("--mutant changes the reference, so it takes no adapter command")
    if own is not None:
        if command or mutant is not None or source is not None:
            raise UsageError(
                "--protocol names the implementation, so it takes no adapter command, --mutant or --adapter-source"
            )
        running = partial(Adapter, load(own).protocol)
        return Target(lambda: Adapters.in_process(running), shlex.join([*options, "--protocol", own]))
    if source is not None:
        if command or mutant is not None:
            raise UsageError(
                "--adapter-source names the implementation, so it takes neither an adapter command nor --mutant"
            )
        if not (source / "reference" / "protocol.py").is_file() or not (source / "rollproof").is_dir():
            raise UsageError(f"{source}: there is no checkout with a reference")
        arguments = shlex.join([*options, "--adapter-source", str(source)])
        code = f"import sys; sys.path.insert(0, {str(source.resolve())!r}); {RUN_REFERENCE}"
        started = (sys.executable, "-P", "-c", code)
        return Target(lambda: Adapters.of_command(started, limit), arguments, ("--adapter-source", str(source)))
    if command:
        arguments = shlex.join([*options, "--", *command])
        return Target(lambda: Adapters.of_command(command, limit), arguments, command)
    if mutant is None:
        return Target(lambda: Adapters.in_process(Adapter), shlex.join(options))
    try:
        found = find_mutant(mutant)
    except KeyError:
        raise unknown("mutant", mutant, mutants()) from None
    return Target(lambda: Adapters.in_process(found.make), shlex.join([*options, "--mutant", found.name]))


def cases(ids: tuple[str, ...], profiles: tuple[str, ...], level: int) -> list[Case]:
    """Return the cases that are chosen."""
    try:
        folders = [each for each in ids if Path(each).is_dir()]
        paths = [Path(each) for each in ids if each.endswith(".json") and each not in folders]
        paths += [path for each in folders for path in sorted(Path(each).rglob("*.json"))]
        files = [read_case(path) for path in paths]
        twice = [id for id, number in Counter(each.id for each in files).items() if number > 1]
        if twice:
            raise UsageError(f"two of the files hold a case that is named {twice[0]}")
        names = [each for each in ids if not each.endswith(".json") and each not in folders]
        published = published_cases() if names or not files else []
    except InvalidError as error:
        raise UsageError(str(error)) from None
    for known, wanted, what in (
        ({each["profile"] for each in published}, profiles, "profile"),
        ({each.id for each in published}, [each for each in names if each[-1:] not in "*/"], "case"),
    ):
        for each in wanted:
            if published and each not in known:
                raise unknown(what, each, known)
    picked = select(published, ids=names, profiles=profiles, level=level) if published else []
    return [*files, *picked]


def read_results(path: Path) -> Json:
    """Return what `--json` wrote."""
    try:
        document = read_document(path, LARGEST_RESULTS)
        check("result", document)
    except InvalidError as error:
        raise UsageError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
    return document
