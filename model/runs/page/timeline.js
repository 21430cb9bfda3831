// A run as something that can be moved through: where it is, what every cell is there, and where else to go.
// Nothing in here knows of the page.

const BLANK = Object.freeze(["", "", ""]);

export class Timeline {
  // Position 0 is the start; position n is after moment n - 1.
  constructor(run) {
    this.run = run;
    this.length = run.moments.length;
    this.position = 0;
    this.rows = run.players.length + 1;
    this.cells = new Map(run.peers.map((peer) => [run.players.indexOf(peer), new Map()]));
    this.values = new Map(run.peers.map((peer) => [run.players.indexOf(peer), { ...run.start[peer] }]));
    this.undo = [];
    this.lastFrame = 0;
    this.extended(0);
  }

  // Take note of moments that were added to the run at its end.
  extended(from) {
    for (let i = from; i < this.run.moments.length; i++) {
      for (const cell of this.run.moments[i].cells ?? []) this.lastFrame = Math.max(this.lastFrame, cell[1]);
    }
    this.length = this.run.moments.length;
  }

  get moment() {
    return this.position ? this.run.moments[this.position - 1] : null;
  }

  get now() {
    return this.position ? this.moment.at : 0;
  }

  cell(peer, row, frame) {
    return this.cells.get(peer).get(frame * this.rows + row) ?? BLANK;
  }

  seek(position) {
    const goal = Math.max(0, Math.min(position, this.length));
    while (this.position < goal) this.forward();
    while (this.position > goal) this.back();
  }

  forward() {
    const moment = this.run.moments[this.position];
    const cells = this.cells.get(moment.peer);
    const undo = { cells: [], values: {}, all: null };
    if (moment.cleared) {
      undo.all = new Map(cells);
      cells.clear();
    }
    for (const [row, frame, mark, text, detail] of moment.cells ?? []) {
      const key = frame * this.rows + row;
      undo.cells.push([key, cells.get(key)]);
      cells.set(key, [mark, text ?? "", detail ?? ""]);
    }
    const values = this.values.get(moment.peer);
    for (const [name, value] of Object.entries(moment.values ?? {})) {
      undo.values[name] = values[name];
      values[name] = value;
    }
    this.undo[this.position] = undo;
    this.position += 1;
  }

  back() {
    this.position -= 1;
    const moment = this.run.moments[this.position];
    const undo = this.undo[this.position];
    const cells = this.cells.get(moment.peer);
    for (const [key, old] of undo.cells.reverse()) {
      if (old === undefined) cells.delete(key);
      else cells.set(key, old);
    }
    if (undo.all) this.cells.set(moment.peer, undo.all);
    Object.assign(this.values.get(moment.peer), undo.values);
    this.undo[this.position] = undefined;
  }

  // The next position after (or before, with a step of -1) this one at which something holds of a moment; or null.
  find(holds, step = 1) {
    for (let at = this.position + step; at >= 1 && at <= this.length; at += step) {
      if (holds(this.run.moments[at - 1], at - 1)) return at;
    }
    return null;
  }

  // The next position in another call of a peer: what a driver does in one go is passed over.
  nextCall(step = 1) {
    if (step > 0) {
      const call = this.run.moments[this.position]?.call;
      return this.find((moment, at) => at + 1 >= this.length || this.run.moments[at + 1].call !== call, 1) ?? this.length;
    }
    const before = this.position > 1 ? this.run.moments[this.position - 2].call : null;
    const call = this.moment?.call === before ? before : null;
    return this.find((moment, at) => at === 0 || moment.call !== (call ?? this.moment.call), -1) ?? 0;
  }

  get violation() {
    const verdict = this.run.verdict;
    return verdict && !verdict.held && verdict.moment !== null ? verdict.moment + 1 : null;
  }
}

// What makes two moments of two runs the same.
export function sameMoment(one, other) {
  return key(one) === key(other);
}

function key(moment) {
  const told = [moment.peer, moment.name, moment.args, moment.refused ?? "", moment.cells ?? [], moment.values ?? {}];
  return JSON.stringify(told);
}

// Two runs in step: pairs of positions. While the clock counts steps the numbers go together; else the time does.
export function aligned(left, right) {
  const pairs = [[0, 0]];
  const a = left.run.moments;
  const b = right.run.moments;
  let [i, j] = [0, 0];
  const timed = left.run.clock === "ms";
  let differ = null;
  while (i < a.length || j < b.length) {
    const both = i < a.length && j < b.length;
    const apart = !both || !sameMoment(a[i], b[j]);
    if (apart && differ === null) differ = pairs.length;
    if (!apart || (both && !timed) || (both && a[i].at === b[j].at && a[i].peer === b[j].peer && a[i].name === b[j].name)) {
      i += 1;
      j += 1;
    } else if (both) {
      if (a[i].at < b[j].at || (a[i].at === b[j].at && a.length - i >= b.length - j)) i += 1;
      else j += 1;
    } else if (i < a.length) i += 1;
    else j += 1;
    pairs.push([i, j]);
  }
  return { pairs, differ };
}

export function isRollback(moment) {
  return moment.name === "begin_rollback" || moment.name === "rollback_begin" || moment.name === "load";
}
