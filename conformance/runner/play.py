"""Runs cases against adapters, which own their peers alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rollproof.conformance.cases.case import Case
from rollproof.conformance.runner.run import Hello, Run
from rollproof.conformance.runner.session import Session, twin_of
from rollproof.conformance.runner.steps import DeclinedError
from rollproof.conformance.runner.transport import AdapterError, BrokenError, InProcess, Process, Request, Transport
from rollproof.conformance.schema import ADAPTER_PROTOCOL

Start = Callable[[], Transport]
"""Starts one adapter."""


class Adapters:
    """The adapters of a session, one for each peer, started when they are first needed and used again."""

    def __init__(self, start: Start) -> None:
        """Start adapters with `start`."""
        self._start = start
        self._running: list[Transport] = []
        self.hello: Hello | None = None

    @staticmethod
    def of_command(command: Sequence[str], limit_s: float) -> Adapters:
        """Return adapters that are processes."""
        return Adapters(lambda: Process(command, limit_s=limit_s))

    @staticmethod
    def in_process(make: Callable[[], Any]) -> Adapters:
        """Return adapters in this process."""
        return Adapters(lambda: InProcess(make().handle))

    def get(self, count: int) -> list[Transport]:
        """Return so many adapters.

        Raises:
            AdapterError: if one does not start, or does not say hello.
        """
        known = len(self._running)
        try:
            while len(self._running) < count:
                self._running.append(self._start())
            for transport in self._running[known:]:
                self._greet(transport)
        except AdapterError:
            self.close()
            raise
        return self._running[:count]

    def _greet(self, transport: Transport) -> None:
        try:
            answer = transport.ask(Request(1, "hello", {"protocol": ADAPTER_PROTOCOL}))
            if "hello" not in answer:
                raise BrokenError("the answer to hello has no hello")
        except AdapterError as error:
            error.stderr = transport.stderr()
            raise
        self.hello = self.hello or Hello(answer["hello"])

    def stderr(self) -> str:
        """Return the end of what each adapter wrote to stderr."""
        return "\n".join(text for text in (each.stderr().strip() for each in self._running) if text)

    def close(self) -> None:
        """End all adapters."""
        for each in self._running:
            each.stop()
        while self._running:
            self._running.pop().close()


def run_case(
    case: Case, adapters: Adapters, *, level: int = 2, seed: int = 0, force: bool = False, asking: bool = False
) -> Run:
    """Run a case against adapters; with `asking`, they are asked for variables all the time, too.

    A failure of the adapter ends the run, and is part of what is returned.

    Raises:
        AdapterError: if the adapters cannot even be started.
    """
    names = [*case.peers, *(twin_of(each["of"]) for each in case.json.get("twins", ()))]
    transports = adapters.get(len(names))
    hello = adapters.hello
    if hello is None:
        raise BrokenError("no adapter has said hello")
    run = Run(case, hello, min(level, hello.level, case.json.get("look", 2)))
    session = Session(run, dict(zip(names, transports, strict=True)), seed, force, asking)
    try:
        session.play()
    except DeclinedError:
        pass
    except AdapterError as failure:
        run.failure = failure
        run.failed_peer = session.asked
        run.stderr = failure.stderr = adapters.stderr()
        adapters.close()
    return run
