// The grid of one run: a band for each peer, a column for each frame, a row for each player's input and for the record.

const SIGNS = {
  "": "·",
  predicted: "?",
  corrected: "↻",
  known: "",
  wrong: "✕",
  speculative: "◌",
  canonical: "●",
  unconfirmed: "◍",
};
const WORDS = {
  "": "not simulated",
  predicted: "predicted",
  corrected: "corrected",
  known: "known",
  wrong: "wrong",
  speculative: "speculative",
  canonical: "canonical",
  unconfirmed: "unconfirmed",
};
const CELL_WIDTH = 44;
const HEAD_WIDTH = 118;

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function legend() {
  const items = Object.entries(WORDS).map(([mark, word]) =>
    element("li", {}, element("span", { class: `cell ${mark || "none"}`, "aria-hidden": "true" }, SIGNS[mark] || "1"), ` ${word}`),
  );
  return element("ul", { class: "legend", "aria-label": "What the cells show" }, ...items);
}

export class Grid {
  constructor(timeline, onFocus) {
    this.timeline = timeline;
    this.onFocus = onFocus;
    this.first = 0;
    this.columns = 0;
    this.focus = { peer: timeline.run.players.indexOf(timeline.run.peers[0]), row: 0, frame: 0 };
    this.different = new Set();
    this.table = element("table", { role: "grid", class: "grid", "aria-label": `Cells of ${timeline.run.title}` });
    this.node = element("div", { class: "grid-holder" }, this.table);
    this.table.addEventListener("keydown", (event) => this.key(event));
    this.table.addEventListener("focusin", (event) => this.take(event.target));
    this.table.addEventListener("mouseover", (event) => this.point(event.target));
    this.table.addEventListener("click", (event) => this.take(event.target));
  }

  // Make as many columns as there is room for.
  layout(width) {
    const most = Math.max(12, this.timeline.lastFrame + 2);
    const columns = Math.min(most, Math.max(4, Math.floor((width - HEAD_WIDTH) / CELL_WIDTH)));
    if (columns === this.columns) return;
    this.columns = columns;
    this.build();
  }

  build() {
    const { run } = this.timeline;
    this.table.replaceChildren();
    this.table.setAttribute("aria-colcount", this.timeline.lastFrame + 2);
    this.heads = [];
    this.parts = new Map();
    const head = element("tr", {}, element("th", { scope: "col" }, "frame"));
    for (let column = 0; column < this.columns; column++) {
      const cell = element("th", { scope: "col" });
      this.heads.push(cell);
      head.append(cell);
    }
    this.table.append(element("thead", {}, head));
    for (const name of run.peers) {
      const peer = run.players.indexOf(name);
      const status = element("span", { class: "status" });
      const title = element("th", { scope: "rowgroup", colspan: this.columns + 1, class: "band" }, element("strong", {}, `peer ${name}`), " ", status);
      const body = element("tbody", {}, element("tr", {}, title));
      const rows = [];
      for (let row = 0; row <= run.players.length; row++) {
        const label = row < run.players.length ? `input ${run.players[row]}` : "record";
        const cells = [];
        const line = element("tr", {}, element("th", { scope: "row" }, label));
        for (let column = 0; column < this.columns; column++) {
          const cell = element("td", { role: "gridcell", tabindex: "-1" });
          cell.place = { peer, row, column };
          cells.push(cell);
          line.append(cell);
        }
        rows.push(cells);
        body.append(line);
      }
      this.parts.set(peer, { status, rows });
      this.table.append(body);
    }
  }

  // Bring a frame into view, moving no more than is needed.
  reveal(frame) {
    const margin = Math.min(3, Math.floor(this.columns / 4));
    if (frame < this.first + margin) this.first = Math.max(0, frame - margin);
    else if (frame >= this.first + this.columns - margin) this.first = Math.max(0, frame - this.columns + margin + 1);
  }

  // Show the cells as they are now; those that the last moment has changed stand out.
  draw(changed) {
    const { timeline } = this;
    this.heads.forEach((cell, column) => {
      put(cell, String(this.first + column));
      cell.setAttribute("aria-colindex", this.first + column + 2);
    });
    for (const [peer, { status, rows }] of this.parts) {
      const values = timeline.values.get(peer);
      put(status, statusText(values));
      rows.forEach((cells, row) =>
        cells.forEach((cell, column) => {
          const frame = this.first + column;
          const [mark, text] = timeline.cell(peer, row, frame);
          const fresh = changed.has(`${peer}.${row}.${frame}`);
          const differs = this.different.has(`${peer}.${row}.${frame}`);
          const edges = row === 0 ? "" : edge(values, frame);
          put(cell, text && SIGNS[mark] ? `${SIGNS[mark]}${text}` : text || SIGNS[mark] || "·");
          const names = `cell ${mark || "none"}${fresh ? " fresh" : ""}${differs ? " differs" : ""}${edges}`;
          if (cell.className !== names) cell.className = names;
          const here = this.focus.peer === peer && this.focus.row === row && this.focus.frame === frame;
          const index = here ? "0" : "-1";
          if (cell.getAttribute("tabindex") !== index) cell.setAttribute("tabindex", index);
          const label = this.labelled(peer, row, frame, mark, text);
          if (cell.getAttribute("aria-label") !== label) cell.setAttribute("aria-label", label);
        }),
      );
    }
    if (!this.table.querySelector('td[tabindex="0"]')) this.table.querySelector("td")?.setAttribute("tabindex", "0");
  }

  labelled(peer, row, frame, mark, text) {
    const { run } = this.timeline;
    const what = row < run.players.length ? `input of ${run.players[row]}` : "record";
    return `peer ${run.players[peer]}, ${what}, frame ${frame}: ${WORDS[mark]}${text ? ` ${text}` : ""}`;
  }

  // What is told of a cell on demand.
  told({ peer, row, frame }) {
    const [mark, text, detail] = this.timeline.cell(peer, row, frame);
    return `${this.labelled(peer, row, frame, mark, text)}${detail ? `: ${detail}` : ""}`;
  }

  take(target) {
    const place = target.closest?.("td")?.place;
    if (!place) return;
    this.focus = { peer: place.peer, row: place.row, frame: this.first + place.column };
    for (const cell of this.table.querySelectorAll('td[tabindex="0"]')) cell.setAttribute("tabindex", "-1");
    target.closest("td").setAttribute("tabindex", "0");
    this.onFocus(this, this.focus, true);
  }

  point(target) {
    const place = target.closest?.("td")?.place;
    if (place) this.onFocus(this, { peer: place.peer, row: place.row, frame: this.first + place.column }, false);
  }

  key(event) {
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -1e9], End: [0, 1e9] };
    const move = moves[event.key];
    if (!move || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    const bands = [...this.parts.keys()];
    const rows = this.timeline.rows;
    let line = bands.indexOf(this.focus.peer) * rows + this.focus.row + move[0];
    line = Math.max(0, Math.min(bands.length * rows - 1, line));
    const last = Math.max(this.timeline.lastFrame + 1, this.columns - 1);
    const frame = Math.max(0, Math.min(last, this.focus.frame + move[1]));
    this.show({ peer: bands[Math.floor(line / rows)], row: line % rows, frame });
  }

  // Put the focus on a cell.
  show(place) {
    this.focus = place;
    this.reveal(place.frame);
    this.redraw?.();
    const cell = this.parts.get(place.peer)?.rows[place.row]?.[place.frame - this.first];
    cell?.focus({ preventScroll: false });
  }
}

function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function edge(values, frame) {
  let names = "";
  if (values.frame === frame) names += " at-frame";
  if (values.confirmed === frame) names += " at-confirmed";
  if (values.pending === frame) names += " at-pending";
  return names;
}

function statusText(values) {
  const told = [];
  if (values.epoch) told.push(`episode ${values.epoch}`);
  if (values.frame !== undefined) told.push(`next frame ${values.frame}`);
  if (values.confirmed !== undefined) told.push(`confirmed ${values.confirmed < 0 ? "none" : values.confirmed}`);
  if (values.promoted !== undefined) told.push(`next to promote ${values.promoted}`);
  if (values.pending !== null && values.pending !== undefined) told.push(`▲ rollback to ${values.pending} is due`);
  if (values.replaying !== null && values.replaying !== undefined) told.push(`↻ replaying ${values.replaying}`);
  if (values.phase && values.phase !== "running") told.push(values.phase);
  return told.join(" · ");
}
