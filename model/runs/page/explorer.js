// The explorer: one run, or two in step, with everything that can be asked of a moment.

import { Timeline, aligned, isRollback } from "./timeline.js";
import { Grid, element, legend } from "./grid.js";
import { Chart } from "./chart.js";

const SPEEDS = { "1 / s": 1000, "3 / s": 333, "10 / s": 100 };
let instances = 0;

export class Explorer {
  // `hash` is what this explorer is called in the page's address, which keeps the place; null: it is not kept there.
  constructor(root, runs, { hash = "", onPacket = null } = {}) {
    this.root = root;
    this.hash = hash;
    this.onPacket = onPacket;
    this.number = instances++;
    this.timer = null;
    this.load(runs);
    if (hash !== null) addEventListener("hashchange", () => this.fromHash());
    new ResizeObserver(() => this.layout()).observe(root);
    root.addEventListener("keydown", (event) => this.key(event));
  }

  // Show other runs in place of the present ones.
  load(runs) {
    this.pause();
    this.sides = runs.map((run) => this.side(run));
    const [left, right] = this.sides;
    const paired = right ? aligned(left.timeline, right.timeline) : null;
    this.pairs = paired ? paired.pairs : null;
    this.differ = paired ? paired.differ : null;
    this.position = 0;
    this.build();
    this.width = 0;
    this.layout();
    if (!(this.hash !== null && this.fromHash())) this.go(this.violation() ?? (this.length > 40 ? 0 : this.length), false);
  }

  side(run) {
    const timeline = new Timeline(run);
    const grid = new Grid(timeline, (where, place, kept) => this.focused(where, place, kept));
    grid.redraw = () => this.draw();
    return { run, timeline, grid, chart: new Chart(timeline, this.onPacket) };
  }

  get length() {
    return this.pairs ? this.pairs.length - 1 : this.sides[0].timeline.length;
  }

  build() {
    const id = (name) => `${name}-${this.number}`;
    const button = (label, title, action, name) => {
      const made = element("button", { type: "button", title, onclick: action, "data-do": name }, label);
      return made;
    };
    this.counter = element("output", { class: "counter", for: id("place") });
    this.slider = element("input", { type: "range", id: id("place"), min: 0, max: this.length, value: 0, "aria-label": "place in the run" });
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
    this.speed = element("select", { "aria-label": "speed" }, ...Object.entries(SPEEDS).map(([name, pause]) => element("option", { value: pause, selected: pause === 333 }, name)));
    this.playing = button("▶ play", "play (space)", () => this.toggle(), "play");
    this.buttons = {
      violation: button("violation", "jump to what is violated (v)", () => this.jump(() => this.violation()), "violation"),
      rollback: button("next rollback", "jump to the next rollback (r)", () => this.jump(() => this.next(isRollback)), "rollback"),
      loss: button("next loss", "jump to the next packet that is lost (l)", () => this.jump(() => this.nextLoss()), "loss"),
      differ: button("first difference", "jump to where the runs differ (d)", () => this.jump(() => this.differ), "differ"),
    };
    const bar = element(
      "div",
      { class: "bar", role: "toolbar", "aria-label": "Move through the run" },
      button("|◀", "to the start (home)", () => this.go(0), "start"),
      button("◀◀", "to the last call before this one (page up)", () => this.go(this.call(-1)), "call-back"),
      button("◀ back", "one step back (,)", () => this.go(this.position - 1), "back"),
      button("step ▶", "one step forward (.)", () => this.go(this.position + 1), "step"),
      button("▶▶", "to the end of this call (page down)", () => this.go(this.call(1)), "call"),
      button("▶|", "to the end (end)", () => this.go(this.length), "end"),
      this.playing,
      this.speed,
      ...Object.values(this.buttons),
    );
    this.live = element("p", { class: "live", role: "status", "aria-live": "polite" });
    this.cellTold = element("p", { class: "cell-told" }, "Point at a cell, or move to it with the arrow keys.");
    const runs = this.sides.length;
    const views = this.sides.map((side) => {
      side.verdict = verdictBox(side.run, runs === 1);
      side.details = element("div", { class: "details" });
      side.chartBox = element("div", { class: "chart-holder" }, side.chart.node);
      const heading = runs === 1 ? null : element("h2", {}, side.run.title);
      const about = side.run.about ? element("p", { class: "about" }, side.run.about) : null;
      return element("section", { class: "side", "aria-label": side.run.title }, ...[heading, about, side.verdict].filter(Boolean), side.grid.node, side.chartBox, side.details);
    });
    const again = [...new Set(this.sides.map((side) => side.run.again).filter(Boolean))];
    this.root.replaceChildren(
      bar,
      element("div", { class: "place" }, this.slider, this.counter),
      this.live,
      element("div", { class: this.sides.length > 1 ? "sides two" : "sides" }, ...views),
      this.cellTold,
      legend(),
      ...again.map((command) => element("p", { class: "again" }, "Again: ", element("code", {}, command))),
    );
    this.root.classList.add("explorer");
    this.buttons.violation.hidden = this.violation() === null;
    this.buttons.differ.hidden = this.differ === null;
    this.buttons.loss.hidden = !this.sides.some((side) => side.run.packets.some((packet) => packet.fate === "lost"));
    this.buttons.rollback.hidden = !this.sides.some((side) => side.run.moments.some(isRollback));
  }

  layout() {
    const width = this.sides[0].grid.node.clientWidth;
    if (!width || width === this.width) return;
    this.width = width;
    for (const side of this.sides) side.grid.layout(width);
    this.draw();
  }

  go(position, announce = true) {
    this.position = Math.max(0, Math.min(position, this.length));
    const at = this.pairs ? this.pairs[this.position] : [this.position];
    this.sides.forEach((side, index) => side.timeline.seek(at[index]));
    const moved = this.sides.filter((side) => this.hasMoved(side));
    const frames = (moved.length ? moved : this.sides).flatMap((side) => (side.timeline.moment?.cells ?? []).map((cell) => cell[1]));
    if (frames.length) for (const side of this.sides) side.grid.reveal(Math.max(...frames));
    else if (!this.position) for (const side of this.sides) side.grid.reveal(0);
    this.draw();
    if (announce) this.announce();
    if (this.hash !== null) this.toHash();
  }

  // Bring into view where the peers are by now.
  follow() {
    for (const side of this.sides) side.grid.reveal(Math.max(...[...side.timeline.values.values()].map((values) => values.frame ?? 0)));
    this.draw();
  }

  // Whether a side has a moment of its own at this position.
  hasMoved(side) {
    if (!this.pairs) return this.position > 0;
    const index = this.sides.indexOf(side);
    return this.position > 0 && this.pairs[this.position][index] !== this.pairs[this.position - 1][index];
  }

  draw() {
    if (!this.width) return;
    this.slider.max = this.length;
    this.slider.value = this.position;
    this.counter.textContent = `step ${this.position} of ${this.length}`;
    this.slider.setAttribute("aria-valuetext", this.counter.textContent);
    if (this.pairs) this.compare();
    for (const side of this.sides) {
      const moved = this.hasMoved(side);
      const moment = moved ? side.timeline.moment : null;
      const changed = new Set((moment?.cells ?? []).map(([row, frame]) => `${moment.peer}.${row}.${frame}`));
      side.grid.draw(changed);
      side.chartBox.hidden = !side.run.packets.length;
      if (side.run.packets.length) side.chart.draw(side.grid.node.clientWidth);
      side.details.replaceChildren(...this.details(side, moment));
      side.verdict?.classList.toggle("reached", side.timeline.violation !== null && side.timeline.position >= side.timeline.violation);
    }
  }

  // Mark the cells in view that the two sides do not have alike.
  compare() {
    const [left, right] = this.sides;
    const found = new Set();
    const { first, columns } = left.grid;
    for (const [peer] of left.grid.parts) {
      if (!right.timeline.cells.has(peer)) continue;
      for (let row = 0; row < left.timeline.rows; row++) {
        for (let frame = first; frame < first + columns; frame++) {
          const [one, other] = [left.timeline.cell(peer, row, frame), right.timeline.cell(peer, row, frame)];
          if (one[0] !== other[0] || one[1] !== other[1]) found.add(`${peer}.${row}.${frame}`);
        }
      }
    }
    left.grid.different = right.grid.different = found;
  }

  details(side, moment) {
    if (!moment) return [element("p", {}, this.position && this.pairs ? "Nothing happens on this side." : "The start: nothing has happened yet.")];
    const { run } = side;
    const lines = run.transitions[moment.name] ?? { sentence: "", rules: [], guards: [] };
    const clock = run.clock === "ms" ? ` at ${moment.at} ms` : "";
    const boxes = [];
    const parts = [
      element("p", { class: "moment" }, `${run.players[moment.peer]}: `, element("code", {}, moment.name), moment.args ? element("span", { class: "args" }, `(${moment.args})`) : null, clock),
    ];
    if (moment.refused) parts.push(element("p", { class: "refusal" }, `⊘ Refused by ${moment.refused}: nothing happens.`));
    if (lines.sentence) parts.push(element("p", {}, lines.sentence));
    if (lines.rules.length) parts.push(element("p", { class: "rules" }, `Rules: ${lines.rules.join(", ")}`));
    if (lines.guards.length) {
      const without = new Set(moment.without ?? []);
      const items = lines.guards.map((guard) => {
        const refused = guard.name === moment.refused;
        const state = refused ? "refuses" : without.has(guard.name) ? "would have refused, and is not there" : moment.refused ? "" : "held";
        const sign = refused ? "⊘" : without.has(guard.name) ? "✕" : moment.refused ? "·" : "✓";
        const kind = refused || without.has(guard.name) ? "guard bad" : "guard";
        return element("li", { class: kind }, `${sign} `, element("code", {}, guard.name), state ? ` ${state}` : "", `: ${guard.sentence}`, guard.rules.length ? ` (${guard.rules.join(", ")})` : "");
      });
      boxes.push(box("Guards", items, "guards"));
    }
    const changes = [...cellChanges(side, moment), ...(moment.changes ?? []).map(([name, old, now]) => `${name}: ${old} → ${now}`)];
    if (changes.length) boxes.push(box("What changed", changes.map((text) => element("li", {}, text))));
    if (moment.told?.length) boxes.push(box("What is reported", moment.told.map((text) => element("li", {}, text))));
    if (boxes.length) parts.push(element("div", { class: "boxes" }, ...boxes));
    return parts;
  }

  announce() {
    const told = this.sides.filter((side) => this.hasMoved(side)).map((side) => {
      const { moment } = side.timeline;
      const what = moment.refused ? `${moment.name} is refused by ${moment.refused}` : moment.name;
      const changes = cellChanges(side, moment).slice(0, 3).join("; ");
      return `${side.run.players[moment.peer]}: ${what}${changes ? `: ${changes}` : ""}`;
    });
    const violated = this.sides.some((side) => side.timeline.violation === side.timeline.position && side.timeline.position);
    this.live.textContent = `Step ${this.position} of ${this.length}. ${told.join(" | ")}${violated ? ". Here something is violated." : ""}`;
  }

  focused(grid, place, kept) {
    this.cellTold.textContent = grid.told(place);
    if (kept) {
      this.chosen = place;
      if (this.hash !== null) this.toHash();
    }
  }

  violation() {
    const index = this.sides.findIndex((side) => side.timeline.violation !== null);
    if (index < 0) return null;
    const at = this.sides[index].timeline.violation;
    return this.pairs ? this.pairs.findIndex((pair) => pair[index] >= at) : at;
  }

  // The next position at which something holds of a moment of some side; from the start again if there is none.
  next(holds) {
    for (const from of [this.position + 1, 1]) {
      for (let position = from; position <= this.length; position++) {
        const at = this.pairs ? this.pairs[position] : [position];
        const before = this.pairs ? this.pairs[position - 1] : [position - 1];
        if (this.sides.some((side, index) => at[index] !== before[index] && holds(side.run.moments[at[index] - 1], at[index] - 1, side))) return position;
      }
    }
    return null;
  }

  nextLoss() {
    const lost = this.sides.map((side) => new Set(side.run.packets.filter((packet) => packet.fate === "lost").map((packet) => packet.sent_by)));
    return this.next((moment, number, side) => lost[this.sides.indexOf(side)].has(number));
  }

  jump(where) {
    const position = where();
    if (position !== null && position !== undefined) this.go(position);
  }

  call(step) {
    if (this.pairs) return this.position + 10 * step;
    return this.sides[0].timeline.nextCall(step);
  }

  toggle() {
    if (this.timer !== null) return this.pause();
    if (this.position >= this.length) this.go(0);
    this.playing.textContent = "pause";
    const tick = () => {
      if (this.position >= this.length) return this.pause();
      this.go(this.position + 1);
      this.timer = setTimeout(tick, Number(this.speed.value));
    };
    this.timer = setTimeout(tick, Number(this.speed.value));
  }

  pause() {
    clearTimeout(this.timer);
    this.timer = null;
    if (this.playing) this.playing.textContent = "▶ play";
  }

  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const actions = {
      Home: () => this.go(0),
      End: () => this.go(this.length),
      ".": () => this.go(this.position + 1),
      ",": () => this.go(this.position - 1),
      PageDown: () => this.go(this.call(1)),
      PageUp: () => this.go(this.call(-1)),
      v: () => this.jump(() => this.violation()),
      r: () => this.jump(() => this.next(isRollback)),
      l: () => this.jump(() => this.nextLoss()),
      d: () => this.jump(() => this.differ),
    };
    if (event.key === " " && event.target.tagName !== "BUTTON") actions[" "] = () => this.toggle();
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  }

  toHash() {
    const place = this.chosen ? `&cell=${this.chosen.peer}.${this.chosen.row}.${this.chosen.frame}` : "";
    const wanted = `#${this.hash ? `of=${this.hash}&` : ""}step=${this.position}${place}`;
    if (location.hash !== wanted) history.replaceState(null, "", wanted);
  }

  fromHash() {
    const found = new URLSearchParams(location.hash.slice(1));
    if ((found.get("of") ?? "") !== this.hash) return false;
    const step = /^\d{1,9}$/.test(found.get("step") ?? "") ? Number(found.get("step")) : null;
    const cell = /^(\d{1,3})\.(\d{1,3})\.(\d{1,9})$/.exec(found.get("cell") ?? "");
    if (step === null) return false;
    if (cell) {
      const place = { peer: Number(cell[1]), row: Number(cell[2]), frame: Number(cell[3]) };
      const grid = this.sides[0].grid;
      if (this.sides[0].timeline.cells.has(place.peer) && place.row < this.sides[0].timeline.rows) {
        this.chosen = grid.focus = place;
      }
    }
    if (step !== this.position || !this.position) this.go(step);
    if (this.chosen) {
      for (const side of this.sides) side.grid.reveal(this.chosen.frame);
      this.draw();
      this.cellTold.textContent = this.sides[0].grid.told(this.chosen);
    }
    return true;
  }
}

function box(title, items, kind = "") {
  return element("div", { class: "box" }, element("p", { class: "label" }, title), element("ul", { class: kind }, ...items));
}

function cellChanges(side, moment) {
  const { run, timeline } = side;
  const undo = timeline.undo[timeline.position - 1];
  const counters = Object.entries(moment.values ?? {}).map(([name, value]) => `${name}: ${undo?.values[name] ?? "—"} → ${value ?? "—"}`);
  const cells = (moment.cells ?? []).map(([row, frame, mark, text], index) => {
    const old = undo?.cells[index]?.[1];
    const what = row < run.players.length ? `input of ${run.players[row]}` : "record";
    const say = (name, value) => `${name || "not simulated"}${value ? ` ${value}` : ""}`;
    const [before, after] = [old ? say(old[0], old[1]) : say("", ""), say(mark, text)];
    return before === after ? null : `${what}, frame ${frame}: ${before} → ${after}`;
  });
  return [...cells.filter(Boolean), ...counters];
}

function verdictBox(run, open) {
  const { verdict } = run;
  if (!verdict) return null;
  const [first, ...rest] = verdict.lines;
  const sign = verdict.held ? "✓ " : "✕ ";
  const kind = verdict.held ? "verdict held" : "verdict broken";
  const heading = element("summary", {}, sign, element("strong", {}, verdict.held ? `${verdict.name} holds` : `${verdict.name} is violated`));
  return element("details", { class: kind, open: open && !verdict.held }, heading, ...[first, ...rest].filter(Boolean).map((line) => element("p", {}, line)));
}

// Put an explorer into every place of the page that asks for one.
export function mountAll() {
  for (const place of document.querySelectorAll("[data-explorer]")) {
    const data = JSON.parse(document.getElementById(place.dataset.explorer).textContent);
    const mount = () => {
      if (!place.explorer) place.explorer = new Explorer(place, data, { hash: place.dataset.hash ?? null });
    };
    const fold = place.closest("details");
    if (fold && new URLSearchParams(location.hash.slice(1)).get("of") === place.dataset.hash) fold.open = true;
    if (fold && !fold.open) fold.addEventListener("toggle", mount, { once: true });
    else mount();
  }
}
