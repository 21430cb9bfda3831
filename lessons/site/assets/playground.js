// The playground: guards ticked off and source edited, judged at once; what goes wrong is drawn, or the proof goes by.

import { element } from "./grid.js";
import { Explorer } from "./explorer.js";
import { Store } from "./store.js";

const QUIET_MS = 600;

export class Playground {
  constructor(root, engine, { key = "playground" } = {}) {
    this.engine = engine;
    this.store = new Store(key);
    this.patience = 12000;
    this.round = 0;
    this.without = new Set(this.store.get("without", ["promote_frame.no_rollback_pending"]));
    this.edits = this.store.get("edits", {});
    // A link may say which guards are to be gone; then nothing else is edited.
    const wanted = new URLSearchParams(location.hash.slice(1)).get("without");
    if (wanted !== null) {
      this.without = new Set(wanted.split(",").filter(Boolean));
      this.edits = {};
    }
    this.status = element("p", { class: "status-line", role: "status", "aria-live": "polite" }, "The interpreter starts …");
    this.picture = element("div", { class: "picture" });
    this.proof = element("div", { class: "proof", hidden: true });
    this.controls = element("div", { class: "controls" });
    root.replaceChildren(element("div", { class: "bench" }, this.controls, element("div", { class: "outcome" }, this.status, this.proof, this.picture)));
    this.begun = engine.ask({ op: "catalogue" }, (answer) => this.build(answer)).then(() => this.judge());
  }

  build(catalogue) {
    if (catalogue.kind !== "catalogue") return this.say(catalogue.text, "bad");
    this.catalogue = catalogue;
    this.file = "buffers";
    const known = new Set(catalogue.transitions.flatMap((each) => each.guards.map((guard) => `${each.name}.${guard.name}`)));
    this.without = new Set([...this.without].filter((name) => known.has(name)));
    const guards = catalogue.transitions.filter((each) => each.guards.length).map((each) => this.transition(each));
    this.select = element("select", { id: "file", onchange: () => this.open(this.select.value) }, ...Object.keys(catalogue.files).map((file) => element("option", { value: file }, `${file}.py`)));
    this.editor = element("textarea", { id: "source", spellcheck: "false", autocomplete: "off", autocapitalize: "off", wrap: "off", rows: 26, "aria-label": "source of the file" });
    this.editor.addEventListener("input", () => this.typed());
    this.editor.addEventListener("keydown", (event) => this.indent(event));
    this.undo = element("button", { type: "button", onclick: () => this.reset(), "data-do": "reset" }, "everything as it was");
    this.controls.replaceChildren(
      element("h2", {}, "Guards"),
      element("p", {}, "Take the tick away, and the guard is gone."),
      element("div", { class: "guard-list", tabindex: "0", role: "group", "aria-label": "Guards by transition" }, ...guards),
      element("h2", {}, "Source"),
      element("p", {}, element("label", { for: "file" }, "file "), this.select, " ", this.undo),
      this.editor,
    );
    this.open(this.file);
  }

  transition(each) {
    const boxes = each.guards.map((guard) => {
      const name = `${each.name}.${guard.name}`;
      const box = element("input", { type: "checkbox", checked: !this.without.has(name), "data-guard": name });
      box.addEventListener("change", () => {
        if (box.checked) this.without.delete(name);
        else this.without.add(name);
        this.store.set("without", [...this.without]);
        this.soon();
      });
      return element("li", {}, element("label", { title: guard.sentence }, box, " ", element("code", {}, guard.name)), " ", element("small", {}, guard.sentence.replaceAll("`", "")));
    });
    const open = each.guards.some((guard) => this.without.has(`${each.name}.${guard.name}`));
    return element("details", { open }, element("summary", {}, element("code", {}, each.name), " ", element("small", {}, each.sentence.replaceAll("`", ""))), element("ul", {}, ...boxes));
  }

  open(file) {
    this.file = file;
    this.select.value = file;
    this.editor.value = this.edits[file] ?? this.catalogue.files[file];
  }

  typed() {
    if (this.editor.value === this.catalogue.files[this.file]) delete this.edits[this.file];
    else this.edits[this.file] = this.editor.value;
    this.store.set("edits", this.edits);
    this.soon();
  }

  indent(event) {
    if (event.key !== "Enter") return;
    const { selectionStart, value } = this.editor;
    const line = value.slice(value.lastIndexOf("\n", selectionStart - 1) + 1, selectionStart);
    const space = /^ */.exec(line)[0] + (/:\s*$/.test(line) ? "    " : "");
    if (!space) return;
    event.preventDefault();
    this.editor.setRangeText(`\n${space}`, selectionStart, this.editor.selectionEnd, "end");
    this.typed();
  }

  reset() {
    this.edits = {};
    this.without.clear();
    this.store.set("edits", {});
    this.store.set("without", []);
    for (const box of this.controls.querySelectorAll("[data-guard]")) box.checked = true;
    this.open(this.file);
    this.soon();
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.judge(), QUIET_MS);
  }

  async judge() {
    const round = ++this.round;
    this.doing = "reading the edit";
    this.loops = [];
    this.verdict = null;
    const request = { op: "judge", sources: this.edits, without: [...this.without] };
    const end = await this.engine.ask(request, (answer) => round === this.round && this.take(answer), this.patience);
    if (round !== this.round || end !== "stopped") return;
    const where = this.loops.length ? `: look at ${this.loops.join(" and ")}` : "";
    this.verdict = "stopped";
    this.say(`Stopped after ${this.patience / 1000} s without an answer, while ${this.doing}. Does it loop${where}? Nothing is lost: mend it, and it goes on.`, "bad");
  }

  take(answer) {
    const act = {
      unusable: () => {
        this.verdict = "unusable";
        this.say(answer.text, "bad");
      },
      edited: () => {
        this.loops = answer.loops;
        this.proof.hidden = true;
        this.say(answer.changed.length ? `Changed: ${answer.changed.join(", ")}.` : "This is the present protocol.");
      },
      searching: () => {
        this.doing = `searching the instance ${answer.instance}`;
        this.say(`Searching for the shortest run that goes wrong: instance ${answer.instance} …`);
      },
      refuted: () => {
        const { verdict, moments } = answer.runs[0];
        this.verdict = "refuted";
        this.say(`✕ Refuted after ${moments.length} steps: ${verdict.name}. ${verdict.lines[0]}`, "bad");
        this.draw(answer.runs);
      },
      searched: () => this.searched(answer),
      working: () => {
        this.doing = `proving ${answer.transition}`;
        this.count.textContent = `${answer.total} obligations; now ${answer.transition} …`;
      },
      proving: () => this.proving(answer),
      verdict: () => this.finish(answer),
    };
    act[answer.kind]?.();
  }

  draw(runs) {
    this.picture.hidden = false;
    if (this.explorer) this.explorer.load(runs);
    else this.explorer = new Explorer(this.picture, runs, { hash: null });
  }

  searched(answer) {
    const scope = answer.scope.map((each) => `${each.instance} (${each.states} states${each.exhausted ? ", all" : ""})`);
    this.doing = "proving";
    this.say("No run goes wrong within the scope that was searched. Now the proof …");
    this.picture.hidden = true;
    this.bar = element("progress", { max: 1, value: 0, "aria-label": "proof" });
    this.count = element("p", { class: "count" });
    this.steps = element("ol", { class: "steps", tabindex: "0", "aria-label": "transitions proved" });
    this.proof.replaceChildren(element("p", { class: "scope" }, `Searched: ${scope.join(", ")}.`), this.bar, this.count, this.steps);
    this.proof.hidden = false;
  }

  proving(answer) {
    this.doing = `proving ${answer.transition}`;
    this.bar.max = answer.of;
    this.bar.value = answer.done;
    this.count.textContent = `${answer.proved} of ${answer.total} obligations proved; ${answer.done} of ${answer.of} transitions`;
    const open = answer.open.map((each) => element("li", {}, `open: ${each.property} (${each.clause}): ${each.reason}`));
    const sign = answer.open.length ? "○" : "✓";
    this.steps.append(element("li", { class: answer.open.length ? "open" : "" }, `${sign} `, element("code", {}, answer.transition), ` ${answer.obligations} obligations`, open.length ? element("ul", {}, ...open) : null));
  }

  finish(answer) {
    this.verdict = answer.verdict;
    this.total = answer.total;
    if (answer.verdict === "proved") {
      this.say(`✓ Proved: all ${answer.total} obligations, for unbounded frames, any number of players, any game and any order of delivery.`, "good");
      return;
    }
    const [first] = answer.open;
    this.say(`? Undecided: ${answer.total - answer.proved} of ${answer.total} obligations are open, the first: ${first.property} (${first.clause}) at ${first.transition}. No run that goes wrong was found.`, "warn");
    if (answer.example) {
      const rows = Object.keys(answer.example.before).map((name) => {
        const [old, now] = [answer.example.before[name], answer.example.after[name]].map((value) => (value === null ? "—" : String(value)));
        return element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, old), element("td", {}, old === now ? now : `→ ${now}`));
      });
      const caption = element("caption", {}, `A counterexample to induction: ${answer.example.transition} breaks ${answer.example.property}; such a state is ${answer.example.reached ? "" : "not "}reached in the instances.`);
      const head = element("thead", {}, element("tr", {}, ...["part", "before", "after"].map((name) => element("th", { scope: "col" }, name))));
      this.proof.append(element("table", { class: "plain" }, caption, head, element("tbody", {}, ...rows)));
    }
  }

  say(text, kind = "") {
    this.status.textContent = text;
    this.status.className = `status-line ${kind}`;
  }
}
