// Virtual time: timers fire when the runner says that time has passed, in the order in which they are due.

export class Clock {
  constructor() {
    this.now = 0; // in microseconds
    this.timers = new Map();
    this.count = 0;
  }

  start(run, ms = 0, repeats = false) {
    const wait = Math.max(repeats ? 1 : 0, Math.round(ms * 1000));
    this.timers.set(++this.count, { id: this.count, due: this.now + wait, run, every: repeats ? wait : null });
    return this.count;
  }

  stop(id) {
    this.timers.delete(id);
  }

  next() {
    const timers = [...this.timers.values()];
    return timers.sort((one, other) => one.due - other.due || one.id - other.id)[0];
  }

  // Let time pass, and `settle` after each timer that fires.
  async advance(until, settle) {
    for (let timer = this.next(); timer !== undefined && timer.due <= until; timer = this.next()) {
      this.now = Math.max(this.now, timer.due);
      if (timer.every === null) this.timers.delete(timer.id);
      else timer.due += timer.every;
      timer.run();
      await settle();
    }
    this.now = Math.max(this.now, until);
  }
}
