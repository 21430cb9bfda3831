"""How the runner talks to one adapter: a line there, a line back. It trusts nothing and survives everything."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from rollproof.conformance.schema import InvalidError, Json, check, check_observation, parse
from rollproof.reference.values import frozen

LONGEST_LINE = 8_000_000
"""Bytes of one answer."""
KEEPER = str(Path(__file__).with_name("keeper.py"))
KEPT_STDERR = 16_000
"""Bytes of the end of stderr that are kept."""


_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])|[^\n\t\x20-\x7e\xa0-\U0010ffff]"
)
"""What would move a terminal's cursor, colour it, or do worse."""


class AdapterError(Exception):
    """The adapter gave no answer that can be used."""

    stderr: str = ""
    """The end of what it had written to stderr, as far as that is known."""


class BrokenError(AdapterError):
    """It broke the adapter protocol."""


class CrashedError(AdapterError):
    """It died, or says that the implementation failed."""

    answer: Json = None
    """What it said besides, if it did."""


class StuckError(AdapterError):
    """It did not answer in time."""


@frozen
class Request:
    """What an adapter is asked."""

    seq: int
    """Its number."""
    op: str
    fields: Mapping[str, Any]

    @property
    def json(self) -> Json:
        """The document that it is."""
        return {"seq": self.seq, "op": self.op, **self.fields}


class Transport(Protocol):
    """A way to one adapter."""

    def ask(self, request: Request) -> Json:
        """Return the checked answer to a request.

        Raises:
            AdapterError: if there is none.
        """

    def stderr(self) -> str:
        """Return the end of what the adapter wrote to stderr."""

    def stop(self) -> None:
        """Ask that the adapter be ended, and do not wait for it."""

    def close(self) -> None:
        """End the adapter, whatever it does."""


def read_answer(request: Request, line: bytes) -> Json:
    """Return the checked answer that a line says.

    Raises:
        BrokenError: if it is no answer to the request.
        CrashedError: if it says that the implementation failed.
    """
    try:
        answer = parse(line)
    except InvalidError as error:
        raise _no_answer(request, error, line.decode(errors="replace")) from None
    return check_answer(request, answer)


def check_answer(request: Request, answer: Json) -> Json:
    """Return an answer if it is one to the request.

    Raises:
        BrokenError: if it is none.
        CrashedError: if it says that the implementation failed.
    """
    try:
        check("response", answer)
        for number, observation in enumerate(answer.get("obs", ())):
            try:
                check_observation(observation)
            except InvalidError as error:
                raise InvalidError(f"obs[{number}]: {error}") from None
    except InvalidError as error:
        raise _no_answer(request, error, repr(answer)) from None
    if answer["seq"] != request.seq:
        raise BrokenError(f"answer to {request.op}: seq {answer['seq']} instead of {request.seq}")
    if "error" in answer:
        crash = CrashedError(f"error in answer to {request.op}: {_one_line(answer['error'])}")
        crash.answer = answer
        raise crash
    return answer


def _no_answer(request: Request, error: InvalidError, text: str) -> BrokenError:
    return BrokenError(f"answer to {request.op} (seq {request.seq}): {error}; it begins {text[:80]!r}")


class InProcess:
    """An adapter in this process; it gets and gives what the lines of others say."""

    def __init__(self, handle: Callable[[Json], Json]) -> None:
        """Talk to `handle`."""
        self._handle = handle

    def ask(self, request: Request) -> Json:
        """Return the checked answer to a request."""
        try:
            answer = self._handle(request.json)
        except Exception as error:
            raise CrashedError(_one_line(f"{type(error).__name__}: {error}")) from error
        return check_answer(request, answer)

    def stderr(self) -> str:
        """Return nothing."""
        return ""

    def stop(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


_encoded = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Process:
    """An adapter in a process group of its own, under a keeper that ends it and what it started."""

    def __init__(self, command: Sequence[str], *, limit_s: float) -> None:
        """Start it; every answer must arrive within `limit_s` seconds.

        Raises:
            CrashedError: if it cannot be started.
        """
        self._limit_s = limit_s
        self._stderr = b""
        self._buffer = bytearray()
        if shutil.which(command[0]) is None:
            raise CrashedError(f"cannot start {command[0]}: no such program, or not executable")
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", KEEPER, str(os.getpid()), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            raise CrashedError(f"cannot start {command[0]}: {error.strerror}") from None
        self._stdin, self._stdout, self._errors = (
            _pipe(self._process.stdin),
            _pipe(self._process.stdout),
            _pipe(self._process.stderr),
        )
        self._readable = select.poll()
        for pipe in (self._stdout, self._errors):
            os.set_blocking(pipe.fileno(), False)
            self._readable.register(pipe, select.POLLIN)
        os.set_blocking(self._stdin.fileno(), False)

    def ask(self, request: Request) -> Json:
        """Return the checked answer to a request."""
        if self._buffer:
            raise BrokenError(f"it wrote without being asked: {bytes(self._buffer[:80])!r}")
        deadline = time.monotonic() + self._limit_s
        self._write(f"{_encoded(request.json)}\n".encode(), deadline)
        return read_answer(request, self._read(request, deadline))

    def stderr(self) -> str:
        """Return the end of what the adapter wrote to stderr."""
        with contextlib.suppress(OSError, ValueError):
            self._take(self._errors)
        return _ESCAPES.sub("", self._stderr.decode(errors="replace"))

    def stop(self) -> None:
        """Ask the keeper to end the adapter."""
        with contextlib.suppress(OSError):
            self._stdin.close()
        self._process.terminate()

    def close(self) -> None:
        """Let the keeper end the adapter, and all that it started."""
        for end in (self.stop, self._process.kill):
            with contextlib.suppress(subprocess.TimeoutExpired):
                end()
                self._process.wait(10)
                break
        self.stderr()
        for pipe in (self._stdout, self._errors):
            pipe.close()

    def _write(self, line: bytes, deadline: float) -> None:
        rest = memoryview(line)
        while rest:
            try:
                written = os.write(self._stdin.fileno(), rest)
                rest = rest[written:]
            except BlockingIOError:
                self._check_deadline(deadline)
                self._wait(0.01)
            except OSError:
                raise CrashedError(self._how_it_died()) from None

    def _read(self, request: Request, deadline: float) -> bytes:
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > LONGEST_LINE:
                raise BrokenError(f"answer to {request.op}: a line of more than {LONGEST_LINE} bytes")
            self._check_deadline(deadline)
            if not self._wait(min(0.1, max(0.0, deadline - time.monotonic()))) or self._is_over(searched):
                raise CrashedError(self._how_it_died())
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _is_over(self, searched: int) -> bool:
        """Tell whether nothing more will come: a child of a dead adapter may hold its output open for ever."""
        if len(self._buffer) > searched or self._process.poll() is None:
            return False
        return not self._wait(0) or len(self._buffer) == searched

    def _wait(self, seconds: float) -> bool:
        """Read whatever there is; return False if stdout has ended."""
        for descriptor, _ in self._readable.poll(1000 * seconds):
            if descriptor == self._stdout.fileno():
                if not self._take(self._stdout):
                    return False
            else:
                self._take(self._errors)
        return True

    def _take(self, pipe: IO[bytes]) -> bool:
        try:
            data = os.read(pipe.fileno(), 65536)
        except BlockingIOError:
            return True
        if pipe is self._stdout:
            self._buffer += data
        elif data:
            self._stderr = (self._stderr + data)[-KEPT_STDERR:]
        else:
            with contextlib.suppress(KeyError):
                self._readable.unregister(pipe)
        return bool(data)

    def _check_deadline(self, deadline: float) -> None:
        if time.monotonic() >= deadline:
            raise StuckError(f"no answer within {self._limit_s:g} s")

    def _how_it_died(self) -> str:
        try:
            code = self._process.wait(1)
        except subprocess.TimeoutExpired:
            return "it closed its output"
        lines = self.stderr().split("\n")
        last = next((f": {_one_line(line)}" for line in reversed(lines) if line.strip()), "")
        how = f"was ended by signal {-code}" if code < 0 else f"exited with code {code}"
        return f"it {how}{last}"


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500]


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("no pipe")
    return pipe
