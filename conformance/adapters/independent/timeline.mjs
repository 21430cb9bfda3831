// The game of one episode: what is known, what was simulated with it, and the way back.

export const START = 2166136261;
const DEFAULT_INPUT = 0;

// The state after one frame: FNV-1a over (player number, input), in player order.
export function play(state, inputs) {
  inputs.forEach((value, player) => {
    state = Math.imul(state ^ player, 16777619) >>> 0;
    state = Math.imul(state ^ value, 16777619) >>> 0;
  });
  return state;
}

// Frames are numbered from 0; a player is a number, the place in the list of peers.
export class Timeline {
  constructor(players, { delay, maxSteps, endSum, perturbed }) {
    this.delay = delay;
    this.maxSteps = maxSteps;
    this.endSum = endSum;
    this.perturbed = perturbed; // after this frame the lowest bit of the state is flipped; or null
    this.known = Array.from({ length: players }, () => new Map()); // by player: frame -> input (IN-3)
    this.complete = this.known.map(() => delay - 1); // by player: known up to here, without a hole (IN-5)
    this.frames = []; // of each simulated frame: inputs, predicted
    this.before = [{ state: START, returns: this.known.map(() => 0), sum: 0 }]; // the world before each frame
    this.confirmed = -1; // (BUF-2)
    this.pending = null; // the frame that a rollback must go back to (RB-1, RB-2)
  }

  get frame() {
    return this.frames.length;
  }

  input(player, frame) {
    return frame < this.delay ? DEFAULT_INPUT : this.known[player].get(frame);
  }

  // The input of the highest known frame below, whenever that arrived (IN-6).
  predict(player, frame) {
    for (let below = frame - 1; below >= 0; below--) {
      const value = this.input(player, below);
      if (value !== undefined) return value;
    }
    return DEFAULT_INPUT;
  }

  // Store an input. Returns the misprediction that it proves, or null (RB-1).
  store(player, frame, value) {
    this.known[player].set(frame, value);
    while (this.known[player].has(this.complete[player] + 1)) this.complete[player]++;
    const used = this.frames[frame]?.inputs[player];
    if (used === undefined || used === value) return null;
    this.pending = Math.min(this.pending ?? frame, frame);
    return { predicted: used, actual: value };
  }

  // Simulate the next frame, with known inputs where there are any.
  simulate() {
    const frame = this.frame;
    const world = this.before[frame];
    let predicted = false;
    const inputs = this.known.map((_, player) => {
      const value = this.input(player, frame);
      predicted ||= value === undefined;
      return value ?? this.predict(player, frame);
    });
    const flip = frame === this.perturbed ? 1 : 0;
    this.frames.push({ inputs, predicted });
    this.before.push({
      state: (play(world.state, inputs) ^ flip) >>> 0,
      returns: world.returns.map((total, player) => total + inputs[player]),
      sum: world.sum + inputs.reduce((total, value) => total + value),
    });
  }

  // Forget everything from the pending frame on, all counters included (RB-4). Returns that frame.
  rewind() {
    const target = this.pending;
    this.pending = null;
    this.frames.length = target;
    this.before.length = target + 1;
    this.confirmed = Math.min(this.confirmed, target - 1);
    return target;
  }

  // Whether the game is over before a frame that has been reached.
  isOver(frame) {
    return frame > 0 && (frame >= this.maxSteps || this.before[frame].sum >= this.endSum);
  }

  // Confirm one more frame, if it is simulated and has every player's input. Returns whether it could be.
  confirm() {
    const next = this.confirmed + 1;
    if (next >= this.frame || this.isOver(next) || this.complete.some((frame) => frame < next)) return false;
    this.confirmed = next;
    return true;
  }
}
