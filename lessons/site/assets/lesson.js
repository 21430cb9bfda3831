// The exercises of a chapter: what is written is kept, checked by the project's own Python, and what was seen is drawn.

import { element } from "./grid.js";
import { Explorer } from "./explorer.js";
import { Engine } from "./engine.js";
import { Store } from "./store.js";

let engine = null;

// The engine is fetched when it is needed first: it is large.
function laboratory(globalName, source, say) {
  if (engine) return engine;
  engine = new Promise((resolve, reject) => {
    say("The interpreter is loaded; that takes some seconds …");
    const script = element("script", { src: source });
    script.onload = () => resolve(new Engine(globalThis[globalName], document.getElementById("worker").textContent));
    script.onerror = () => {
      engine = null;
      reject(new Error(`${source} cannot be loaded`));
    };
    document.head.append(script);
  });
  return engine;
}

export class ExerciseBox {
  constructor(root, { globalName, source }) {
    this.number = root.dataset.exercise;
    this.store = new Store(`exercise.${this.number}`);
    this.root = root;
    this.globalName = globalName;
    this.source = source;
    this.start = JSON.parse(root.querySelector("script").textContent);
    this.input = root.querySelector("textarea");
    this.input.value = this.store.get("text", this.start);
    this.input.addEventListener("input", () => this.store.set("text", this.input.value));
    this.status = root.querySelector("[role=status]");
    this.picture = root.querySelector(".picture");
    root.querySelector("[data-do=check]").addEventListener("click", () => this.check());
    root.querySelector("[data-do=again]").addEventListener("click", () => this.again());
    if (this.store.get("passed", false)) this.say("✓ You have solved this.", "good");
  }

  again() {
    this.input.value = this.start;
    this.store.set("text", this.start);
    this.say("");
  }

  async check() {
    const say = (text) => this.say(text);
    try {
      const lab = await laboratory(this.globalName, this.source, say);
      say("It is checked …");
      const request = { op: "check", number: this.number, text: this.input.value };
      const end = await lab.ask(request, (answer) => this.told(answer), 60000);
      if (end === "stopped") this.say("The check was stopped: it did not come back within a minute. Does it loop?", "bad");
    } catch (error) {
      this.say(`It cannot be checked here: ${error.message}`, "bad");
    }
  }

  told(answer) {
    if (answer.kind !== "outcome") return this.say(answer.text, "bad");
    this.passed = answer.passed;
    this.say(`${answer.passed ? "✓" : "✕ Not yet."} ${answer.told}`, answer.passed ? "good" : "warn");
    if (answer.passed) this.store.set("passed", true);
    if (!answer.runs.length) return;
    if (this.explorer) this.explorer.load(answer.runs);
    else this.explorer = new Explorer(this.picture, answer.runs, { hash: null });
  }

  say(text, kind = "") {
    this.status.textContent = text;
    this.status.className = `status-line ${kind}`;
  }
}
