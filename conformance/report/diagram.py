"""The last events before a failure, as rows; and the rows as text and as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from rollproof.conformance.runner.run import Event, Run
from rollproof.conformance.schema import Json

ROWS = 40
FEW = 6
"""Variables that are shown one by one."""
_HIDDEN = ("save", "metric")


def rows(run: Run, until: int) -> list[Json]:
    """Return the last events up to one, each as JSON (see schemas/result.json)."""
    events = (event for event in run.events[: until + 1] if event.kind != "vars" or event.number == until)
    shown = [row for event in events if (row := row_of(event)) is not None]
    return shown[-ROWS:]


def row_of(event: Event) -> Json:
    """Return an event as JSON (see schemas/result.json), or None if it is not shown."""
    data = event.data
    row = {"number": event.number, "now": event.now, "peer": event.peer}
    match event.kind:
        case "obs":
            if data["obs"] in _HIDDEN:
                return None
            return {**row, "text": observation_text(data)}
        case "send":
            kind = data["class"] or "packet"
            way = "" if data["via"] == "p2p" else " via relay"
            lost = not data["fate"].startswith("sent")
            text = f"{kind} #{data['packet']} to {data['to']}{way}" + (f" ({data['fate']})" if lost else "")
            return {**row, "text": text, "packet": data["packet"], "to": data["to"], "lost": lost}
        case "arrive":
            text = f"{data['class'] or 'packet'} #{data['packet']} from {data['from']}"
            return {**row, "text": text, "packet": data["packet"], "from": data["from"]}
        case "tick":
            return {**row, "text": f"TICK with input {data['input']}"}
        case "command":
            return {**row, "text": f"COMMAND {data['name']}"}
        case "link":
            return {**row, "text": f"the way to {data['to']} is {data['state']}"}
        case "refused":
            return {**row, "text": f"refuses {data['name']}"}
        case "step":
            told = " ".join(str(value) for value in data["args"].values())
            return {**row, "text": f"STEP {data['transition']} {told}".rstrip()}
        case "stepped":
            guard = f": {data['guard']}" if "guard" in data else ""
            return {**row, "text": ("fires" if data["fired"] else f"refused{guard}") if "fired" in data else "no word"}
        case "vars":
            told = ", ".join(f"{name} {value}" for name, value in data.items())
            return {**row, "text": told if len(data) <= FEW else f"tells {len(data)} variables"}
        case _:
            return {**row, "text": event.kind.upper() if event.kind in ("poll", "resume") else event.kind}


def observation_text(data: Json) -> str:
    """Return an observation in a few words."""
    kind = data["obs"]
    match kind:
        case "advance":
            again = " again" if data.get("resimulated") else ""
            predicted = " (predicted)" if data.get("predicted") else ""
            return f"frame {data['frame']}{again}: {data['inputs']}{predicted}"
        case "input_local":
            return f"own input of frame {data['frame']}: {data['input']}"
        case "input_recv":
            return f"stores {data['player']}'s input of frame {data['frame']}: {data['input']}"
        case "mispredict":
            return f"mispredicted {data['player']}, frame {data['frame']}: {data['predicted']}, really {data['actual']}"
        case "export":
            return f"export of {len(data['rows'])} rows"
        case "episode_end":
            return f"episode over after {data['frame']} frames: {data['kind']}"
        case "promote":
            forced = " by force" if data.get("forced") else ""
            return f"promotes {', '.join(map(str, data['frames']))}{forced}"
        case _:
            rest = ", ".join(f"{name} {value}" for name, value in data.items() if name != "obs")
            return f"{kind}: {rest}" if rest else kind


def as_text(peers: Sequence[str], events: Sequence[Json]) -> str:
    """Return a message diagram in columns, a line for each event."""
    width = max([24, *(len(row["text"]) for row in events if "packet" not in row)])
    width = min(width, 48)
    lines = ["".join([f"{'ms':>9}  ", *(f"{peer:<{width + 2}}" for peer in peers)]).rstrip()]
    for row in events:
        column = peers.index(row["peer"]) if row["peer"] in peers else 0
        text = row["text"]
        if "to" in row:
            text = ("─✕ " if row["lost"] else "─▶ ") + text
        elif "from" in row:
            text = "◀─ " + text
        lines.append(f"{row['now'] / 1000:9.1f}  {' ' * column * (width + 2)}{text}")
    return "\n".join(lines)


def as_svg(peers: Sequence[str], events: Sequence[Json], failed: int) -> str:
    """Return a message diagram as SVG: a lifeline for each peer, an arrow for each packet, the failure marked."""
    left, column, height, top = 70, 330, 20, 34
    places = {peer: left + 20 + number * column for number, peer in enumerate(peers)}
    lines = {row["number"]: top + number * height for number, row in enumerate(events)}
    arrivals = {row["packet"]: lines[row["number"]] for row in events if "from" in row}
    width, depth = left + len(peers) * column, top + len(events) * height + 10
    parts = [
        f'<svg class="diagram" viewBox="0 0 {width} {depth}" width="{width}" height="{depth}" role="img" '
        'aria-label="message diagram" xmlns="http://www.w3.org/2000/svg">'
    ]
    for peer, x in places.items():
        parts.append(f'<text class="peer" x="{x}" y="16" text-anchor="middle">{escape(peer)}</text>')
        parts.append(f'<line class="life" x1="{x}" y1="22" x2="{x}" y2="{depth}"/>')
    for row in events:
        y, x = lines[row["number"]], places.get(row["peer"], left)
        if "to" in row and row["to"] in places:
            goal = places[row["to"]]
            if row["lost"]:
                middle = x + (goal - x) / 6
                parts.append(f'<line class="lost" x1="{x}" y1="{y}" x2="{middle:.0f}" y2="{y}"/>')
                parts.append(f'<text class="lost" x="{middle:.0f}" y="{y + 4}" text-anchor="middle">✕</text>')
            else:
                end = arrivals.get(row["packet"], depth)
                style = "sent" if row["packet"] in arrivals else "sent later"
                parts.append(f'<line class="{style}" x1="{x}" y1="{y}" x2="{goal}" y2="{end}"/>')
    for row in events:
        y, x = lines[row["number"]], places.get(row["peer"], left)
        mark = " failed" if row["number"] == failed else ""
        parts.append(f'<text class="time" x="{left - 8}" y="{y + 4}" text-anchor="end">{row["now"] / 1000:.1f}</text>')
        parts.append(f'<circle class="event{mark}" cx="{x}" cy="{y}" r="3"/>')
        parts.append(f'<text class="label{mark}" x="{x + 8}" y="{y + 4}">{escape(row["text"])}</text>')
    return "".join([*parts, "</svg>"])
