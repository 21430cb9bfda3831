// The live session: peers that play while one watches, over a network that one can make worse.

import { element } from "./grid.js";
import { Explorer } from "./explorer.js";

const BEAT_MS = 100;
const KEYS = ["12345", "qwert", "asdfg", "zxcvb"];
const PATIENCE = 15000;

export class LiveSession {
  // `edits` returns the edited files and the removed guards to play under.
  constructor(root, engine, edits = () => ({})) {
    this.engine = engine;
    this.edits = edits;
    this.keys = {};
    this.timer = null;
    this.busy = false;
    this.numbers = {};
    const slider = (name, label, max, value, unit) => {
      const shown = element("output", {}, `${value} ${unit}`);
      const input = element("input", { type: "range", min: 0, max, value, id: `live-${name}`, "data-live": name });
      input.addEventListener("input", () => {
        shown.textContent = `${input.value} ${unit}`;
        this.weather = true;
      });
      this.numbers[name] = input;
      return element("span", { class: "slider" }, element("label", { for: `live-${name}` }, `${label} `), input, " ", shown);
    };
    this.players = element("select", { id: "live-players" }, ...[2, 3, 4].map((count) => element("option", { value: count }, String(count))));
    this.speed = element("select", { id: "live-speed" }, ...[["slow", 0.1], ["slower than real", 0.25], ["real time", 1]].map(([name, value]) => element("option", { value, selected: value === 0.25 }, name)));
    this.doing = element("select", { id: "live-doing" }, element("option", { value: "lose" }, "loses it"), element("option", { value: "delay" }, "delays it"));
    const button = (label, name, action) => element("button", { type: "button", "data-live": name, onclick: action }, label);
    this.going = button("pause", "pause", () => this.toggle());
    this.resume = button("go on from the place shown", "resume", () => this.goOn());
    this.status = element("p", { class: "status-line", role: "status", "aria-live": "polite" }, "Begin a session; then press keys.");
    this.hands = element("div", { class: "hands" });
    this.flying = element("ul", { class: "flying", "aria-label": "Packets under way" });
    this.picture = element("div", { class: "picture" });
    this.exports = element("div", { class: "exports" });
    root.replaceChildren(
      element("p", { class: "row" }, element("label", { for: "live-players" }, "players "), this.players, " ", button("▶ begin", "begin", () => this.begin()), this.going, this.resume, element("label", { for: "live-speed" }, "speed "), this.speed),
      element("p", { class: "row" }, slider("latency_ms", "latency", 500, 80, "ms"), slider("jitter_ms", "jitter", 300, 20, "ms"), slider("loss_percent", "loss", 60, 5, "%")),
      this.hands,
      this.status,
      this.picture,
      element("p", { class: "row" }, element("label", { for: "live-doing" }, "A click on a packet "), this.doing),
      this.flying,
      this.exports,
    );
    root.tabIndex = -1;
    document.addEventListener("keydown", (event) => this.key(event));
    this.going.disabled = this.resume.disabled = true;
  }

  get number() {
    const value = (name) => Number(this.numbers[name].value);
    return { latency_ms: value("latency_ms"), jitter_ms: value("jitter_ms"), loss_percent: value("loss_percent") };
  }

  async begin({ frames = 180, seed = Math.floor(Math.random() * 1e6) } = {}) {
    this.pause();
    const request = { op: "live", players: Number(this.players.value), frames, seed, ...this.number, ...this.edits() };
    const end = await this.engine.ask(request, (answer) => this.begun(answer), PATIENCE);
    if (end === "stopped") this.say("The session does not begin: it was stopped. Does an edit loop?", "bad");
  }

  begun(answer) {
    if (answer.kind !== "begun") return this.say(answer.text, "bad");
    this.run = answer.run;
    this.until = 0;
    this.over = false;
    this.exports.replaceChildren();
    this.flying.replaceChildren();
    this.hands.replaceChildren(...this.run.players.map((player, number) => this.hand(player, number)));
    if (this.explorer) this.explorer.load([this.run]);
    else this.explorer = new Explorer(this.picture, [this.run], { hash: null, onPacket: (number) => this.alter(number) });
    this.going.disabled = this.resume.disabled = false;
    this.say("It plays.");
    this.play();
  }

  hand(player, number) {
    const buttons = [0, 1, 2, 3, 4].map((action) =>
      element("button", { type: "button", title: `key ${KEYS[number][action]}`, onclick: () => this.press(player, action) }, String(action)),
    );
    return element("p", { class: "row" }, `player ${player} does `, ...buttons, ` (keys ${KEYS[number].split("").join(" ")})`);
  }

  press(player, action) {
    this.keys[player] = action;
    this.say(`Player ${player} does ${action}.`);
  }

  key(event) {
    if (!this.run || this.over || event.altKey || event.ctrlKey || event.metaKey || /^(TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    KEYS.slice(0, this.run.players.length).forEach((keys, number) => {
      const action = keys.indexOf(event.key);
      if (action >= 0 && event.key.length === 1) this.press(this.run.players[number], action);
    });
  }

  play() {
    if (this.over || this.timer !== null) return;
    this.going.textContent = "pause";
    this.timer = setInterval(() => this.beat(), BEAT_MS);
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    this.going.textContent = "▶ go on";
  }

  toggle() {
    if (this.timer === null) this.play();
    else this.pause();
  }

  async beat(more = {}) {
    if (this.busy) return;
    this.busy = true;
    const step = more.packet === undefined && more.back_to === undefined ? Math.round(BEAT_MS * Number(this.speed.value)) : 0;
    const request = { op: "do", until: (more.back_to ?? this.until) + step, keys: this.keys, ...more };
    if (this.weather) Object.assign(request, this.number);
    this.weather = false;
    this.keys = {};
    this.until = request.until;
    const end = await this.engine.ask(request, (answer) => this.news(answer), PATIENCE);
    this.busy = false;
    if (end === "stopped") {
      this.pause();
      this.say("The session was stopped, because it did not come back. Does an edit loop?", "bad");
    }
  }

  news(answer) {
    if (answer.kind !== "news") {
      this.pause();
      return this.say(answer.text, "bad");
    }
    const { run, explorer } = this;
    Object.assign(run.transitions, answer.transitions);
    if (answer.again) {
      run.moments = answer.moments;
      run.packets = answer.packets;
      explorer.load([run]);
    } else {
      const known = run.moments.length;
      run.moments.push(...answer.moments);
      run.packets.splice(answer.first_packet, run.packets.length, ...answer.packets);
      for (const moment of answer.moments) if (!run.transitions[moment.name]) run.transitions[moment.name] = this.told(moment.name);
      explorer.sides[0].timeline.extended(known);
      explorer.buttons.loss.hidden = !run.packets.some((packet) => packet.fate === "lost");
      explorer.buttons.rollback.hidden = !run.moments.some((moment) => moment.name === "begin_rollback");
    }
    explorer.width = 0;
    explorer.layout();
    explorer.go(explorer.length, false);
    explorer.follow();
    this.fly();
    if (answer.over) this.finish(answer);
  }

  told(name) {
    const known = this.engine.transitions?.find((each) => each.name === name);
    return known ?? { sentence: "", rules: [], guards: [] };
  }

  fly() {
    const here = this.run.packets.map((packet, number) => [packet, number]).filter(([packet]) => packet.fate === "under way");
    this.flying.replaceChildren(
      ...here.slice(-6).map(([packet, number]) =>
        element("li", {}, element("button", { type: "button", onclick: () => this.alter(number) }, `${this.run.players[packet.from]} → ${this.run.players[packet.to]}: ${packet.text}`)),
      ),
    );
  }

  async alter(number) {
    if (!this.run || this.over) return;
    while (this.busy) await new Promise((resume) => setTimeout(resume, 20));
    await this.beat({ packet: number, doing: this.doing.value });
    this.say(`Packet ${number} is ${this.doing.value === "lose" ? "lost" : "late"}.`);
  }

  async goOn() {
    const at = Math.floor(this.explorer.sides[0].timeline.now);
    this.pause();
    while (this.busy) await new Promise((resume) => setTimeout(resume, 20));
    this.over = false;
    this.exports.replaceChildren();
    await this.beat({ back_to: at });
    this.play();
  }

  finish(answer) {
    this.over = true;
    this.pause();
    this.flying.replaceChildren();
    const crashed = Object.entries(answer.crashes).map(([player, text]) => `${player} crashed: ${text}`);
    const { columns, rows, differing } = answer.exports;
    const peers = Object.keys(rows);
    this.differing = differing.length;
    const bad = differing.length || crashed.length || peers.length < this.run.players.length;
    const missing = this.run.players.filter((player) => !peers.includes(player)).map((player) => `${player} exported nothing`);
    this.say([differing.length ? `✕ ${differing.length} cells differ between the exports.` : "✓ No cell differs between the exports.", ...crashed, ...missing].join(" "), bad ? "bad" : "good");
    const marked = new Set(differing.map(([frame, column]) => `${frame} ${column}`));
    const shown = columns.filter((column) => column.startsWith("action.") || column === "unconfirmed" || differing.some(([, other]) => other === column));
    const head = element("tr", {}, element("th", { scope: "col" }, "frame"), ...peers.flatMap((peer) => shown.map((column) => element("th", { scope: "col" }, `${peer}: ${column}`))));
    const most = Math.max(0, ...peers.map((peer) => rows[peer].length));
    const lines = Array.from({ length: most }, (_, frame) =>
      element("tr", {}, element("th", { scope: "row" }, String(frame)), ...peers.flatMap((peer) => shown.map((column) => {
        const differs = marked.has(`${frame} ${column}`);
        const value = rows[peer][frame]?.[columns.indexOf(column)];
        return element("td", { class: differs ? "differs" : null }, `${differs ? "✕ " : ""}${value === undefined ? "—" : typeof value === "object" ? JSON.stringify(value) : value}`);
      }))),
    );
    this.exports.replaceChildren(
      element("h3", {}, "What the peers exported"),
      element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "exports" }, element("table", { class: "plain" }, element("thead", {}, head), element("tbody", {}, ...lines))),
    );
  }

  say(text, kind = "") {
    this.status.textContent = text;
    this.status.className = `status-line ${kind}`;
  }
}
