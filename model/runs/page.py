"""The explorer as one self-contained HTML page, and the parts of it that other pages are made of.

The scripts are plain modules that run as they are; in a page they stand one after the other in one script, since a page
that is opened from a file may not load others. Whatever comes from a run is data in the page, and becomes text, never
markup.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rollproof.model.runs.run import Run, document_of

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).with_name("page")
MODULES = ("timeline", "grid", "chart", "explorer")
"""The scripts of the explorer, each after those that it imports."""
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./[a-z_-]+\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(async )?(class|function|const|let) )", re.MULTILINE)


def explorer_page(runs: Sequence[Run], title: str | None = None) -> str:
    """Return a page that shows a run, or two in step."""
    return gallery_page({"": runs}, title or runs[0].title)


def gallery_page(groups: Mapping[str, Sequence[Run]], title: str) -> str:
    """Return a page that shows one group of runs after the other, by heading; each group is a run, or two in step."""
    script = f"{explorer_script()}\nmountAll();\n"
    shown = [
        {"id": f"run-{number}", "heading": heading, "data": markup(embedded([document_of(run) for run in runs]))}
        for number, (heading, runs) in enumerate(groups.items(), 1)
    ]
    return (
        environment(FOLDER)
        .get_template("page.html.j2")
        .render(
            title=title,
            style=markup(explorer_style()),
            groups=shown,
            script=markup(script),
            digest=digest(script),
        )
    )


def explorer_script() -> str:
    """Return the scripts of the explorer as one."""
    return bundled(FOLDER / f"{name}.js" for name in MODULES)


def explorer_style() -> str:
    """Return the style of the explorer."""
    return (FOLDER / "explorer.css").read_text(encoding="utf-8")


def bundled(files: Iterable[Path]) -> str:
    """Return modules as one script: what they import from each other is there already, if they are in order."""
    texts = (file.read_text(encoding="utf-8") for file in files)
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts)


def embedded(value: Any) -> str:
    """Return a value as JSON that may stand within a script element."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def digest(script: str) -> str:
    """Return the hash by which a page's policy allows a script."""
    return b64encode(sha256(script.encode()).digest()).decode()


def environment(folder: Path) -> Environment:
    """Return what renders the templates of a folder; everything is escaped but for what is `markup`."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def markup(text: str) -> str:
    """Return text that a template takes as it is."""
    from markupsafe import Markup

    return Markup(text)
