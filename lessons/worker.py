"""The side of a browser's worker that is Python: requests and answers as JSON text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rollproof.lessons.laboratory.edits import EditError
from rollproof.lessons.laboratory.judging import Answer, catalogue, judge
from rollproof.lessons.laboratory.live import Live

_live: dict[str, Live] = {}


def answers(text: str) -> Iterator[str]:
    """Yield the answers to a request, one at a time; whatever goes wrong is an answer of kind `unusable`."""
    request = json.loads(text)
    try:
        for answer in _answers(request):
            yield json.dumps(answer)
    except EditError as error:
        yield json.dumps({"kind": "unusable", "text": str(error), "file": error.file, "line": error.line})
    except Exception as error:
        yield json.dumps({"kind": "unusable", "text": f"{type(error).__name__}: {error}"[:300]})


def _answers(request: dict[str, Any]) -> Iterator[Answer]:
    match request["op"]:
        case "catalogue":
            yield {"kind": "catalogue", **catalogue()}
        case "judge":
            yield from judge(request.get("sources", {}), request.get("without", ()), proof=request.get("proof", True))
        case "live":
            _live["session"] = Live(request)
            yield {"kind": "begun", "run": _live["session"].begun()}
        case "do":
            if "session" not in _live:
                raise ValueError("there is no session: begin one")
            yield {"kind": "news", **_live["session"].do(request)}
        case "check":
            from rollproof.lessons.chapters.book import EXERCISES
            from rollproof.lessons.exercises.exercise import document

            yield {"kind": "outcome", **document(EXERCISES[request["number"]].attempt(request["text"]))}
        case other:
            raise ValueError(f"there is no operation {other!r}")
