// The laboratory as the page sees it: a worker that is asked, watched, and ended when it does not come back.

export class Engine {
  // `onState` is told "starting", "ready" or "stopped".
  constructor(parts, workerText, onState = () => {}) {
    this.parts = parts;
    this.workerText = workerText;
    this.onState = onState;
    this.waiting = new Map();
    this.next = 1;
    this.start();
  }

  start() {
    this.onState("starting");
    const url = URL.createObjectURL(new Blob([this.workerText], { type: "text/javascript" }));
    this.worker = new Worker(url);
    this.ready = new Promise((resolve, reject) => {
      this.worker.onmessage = ({ data: { id, answer } }) => {
        if (answer.kind === "ready") {
          this.onState("ready");
          resolve();
        } else if (id === 0) {
          this.onState("stopped", answer.text);
          reject(new Error(answer.text));
        } else this.take(id, answer);
      };
      this.worker.onerror = (event) => {
        this.onState("stopped", event.message);
        reject(new Error(event.message));
      };
    });
    this.ready.catch(() => {});
    this.worker.postMessage({ parts: this.parts });
  }

  take(id, answer) {
    const waiting = this.waiting.get(id);
    if (!waiting) return;
    clearTimeout(waiting.timer);
    if (["done", "superseded", "failed"].includes(answer.kind)) {
      this.waiting.delete(id);
      if (answer.kind === "failed") waiting.onAnswer({ kind: "unusable", text: answer.text });
      waiting.resolve(answer.kind);
      return;
    }
    // The solver may think for longer about one thing than a search does.
    if (answer.kind === "searched") waiting.patience *= 10;
    this.watch(id, waiting);
    waiting.onAnswer(answer);
  }

  watch(id, waiting) {
    waiting.timer = setTimeout(() => this.stop(id), waiting.patience);
  }

  // Ask something; `onAnswer` is called with each answer. If none comes for `patience` milliseconds, the worker is
  // ended and started anew, and the promise yields "stopped".
  async ask(request, onAnswer, patience = 20000) {
    await this.ready;
    const id = this.next++;
    return new Promise((resolve) => {
      const waiting = { onAnswer, resolve, patience };
      this.waiting.set(id, waiting);
      this.watch(id, waiting);
      this.worker.postMessage({ id, request });
    });
  }

  stop(id) {
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    this.worker.terminate();
    for (const each of waiting) {
      clearTimeout(each.timer);
      each.resolve("stopped");
    }
    this.start();
    return id;
  }
}
