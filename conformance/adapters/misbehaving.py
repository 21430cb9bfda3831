"""Adapters that do nothing, or worse: the suite must pass none of them, and survive all of them.

`python -m rollproof.conformance.adapters.misbehaving KIND` is a process that misbehaves in one way.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable

from rollproof.conformance.adapters.reference import CAPABILITIES
from rollproof.conformance.adapters.stdio import serve
from rollproof.conformance.schema import Json


class NullAdapter:
    """Answers everything, does nothing."""

    def handle(self, request: Json) -> Json:
        """Answer with as little as can be."""
        if request["op"] != "hello":
            return {"seq": request["seq"]}
        hello = {"protocol": 1, "name": "null", "version": "1", "language": "Python", "level": 2}
        return {"seq": request["seq"], "hello": {**hello, "capabilities": list(CAPABILITIES)}}


class StuckAdapter(NullAdapter):
    """Simulates one frame, for ever."""

    def handle(self, request: Json) -> Json:
        """Answer, and never get anywhere."""
        answer = super().handle(request)
        if request["op"] == "tick":
            answer["waiting"] = ["tick"]
        if request["op"] == "resume":
            answer["waiting"] = ["tick"]
        return answer


def _after_hello(act: Callable[[Json], None]) -> None:
    adapter = NullAdapter()
    for line in sys.stdin:
        request = json.loads(line)
        if request["op"] in ("hello", "reset"):
            print(json.dumps(adapter.handle(request)), flush=True)
        else:
            act(request)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _many_observations(request: Json) -> None:
    seen = [{"obs": "save", "frame": 0, "state": 0}] * 20_000
    _write(json.dumps({"seq": request["seq"], "obs": seen}) + "\n")


def _not_utf8(_: Json) -> None:
    sys.stdout.buffer.write(b'{"seq": "\xff\xfe"}\n')
    sys.stdout.flush()


def _flood(request: Json) -> None:
    line = json.dumps({"seq": request["seq"]}) + "\n"
    while True:
        _write(line * 1000)


def _endless_line(_: Json) -> None:
    while True:
        _write("[" * 100_000)


def _silence(_: Json) -> None:
    time.sleep(3600)


def _die(_: Json) -> None:
    print("something went wrong here", file=sys.stderr, flush=True)
    os._exit(3)


def _ignore_termination(_: Json) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(3600)


def _stderr_flood(_: Json) -> None:
    while True:
        sys.stderr.write("noise\n" * 1000)


def _leave_a_child(request: Json) -> None:
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(3600)
        os._exit(0)
    os._exit(1)


KINDS: dict[str, Callable[[Json], None]] = {
    "garbage": lambda _: _write("\x00\x01 certainly not JSON\n"),
    "not-utf8": _not_utf8,
    "deep": lambda _: _write("[" * 100_000 + "]" * 100_000 + "\n"),
    "float": lambda request: _write(json.dumps({"seq": request["seq"], "wake_us": 1.5}) + "\n"),
    "huge-number": lambda request: _write('{"seq": %s}\n' % ("9" * 10_000)),
    "wrong-seq": lambda request: _write(json.dumps({"seq": request["seq"] + 1}) + "\n"),
    "twice": lambda request: _write((json.dumps({"seq": request["seq"]}) + "\n") * 2),
    "unknown-field": lambda request: _write(json.dumps({"seq": request["seq"], "extra": 1}) + "\n"),
    "unknown-observation": lambda request: _write(json.dumps({"seq": request["seq"], "obs": [{"obs": "x"}]}) + "\n"),
    "packet-to-nobody": lambda request: _write(
        json.dumps({"seq": request["seq"], "out": [{"to": "Z", "packet": ""}]}) + "\n"
    ),
    "many-observations": _many_observations,
    "says-error": lambda request: _write(json.dumps({"seq": request["seq"], "error": "out of luck"}) + "\n"),
    "silence": _silence,
    "flood": _flood,
    "endless-line": _endless_line,
    "dies": _die,
    "ignores-termination": _ignore_termination,
    "stderr-flood": _stderr_flood,
    "leaves-a-child": _leave_a_child,
}
"""By name: what it does instead of answering."""


def main(arguments: list[str]) -> None:
    """Misbehave."""
    kind = arguments[0] if arguments else ""
    if kind == "null":
        serve(NullAdapter().handle)
    elif kind == "stuck":
        serve(StuckAdapter().handle)
    elif kind in KINDS:
        _after_hello(KINDS[kind])
    else:
        raise SystemExit(f"usage: misbehaving null|stuck|{'|'.join(KINDS)}")


if __name__ == "__main__":
    main(sys.argv[1:])
