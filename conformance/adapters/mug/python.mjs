// Stands in for Pyodide: recognises each Python text that MUG sends by a marker in it, and does in JavaScript what it says.
// Every call is a yield, as in Pyodide: it is executed and answered later, one after the other, when it is resumed.
import { createHash } from 'node:crypto';

const START = 2166136261;

// Python's json.dumps.
export function dumps(value, { sorted = false, compact = false } = {}) {
  const [comma, colon] = compact ? [',', ':'] : [', ', ': '];
  const write = (each) => {
    if (each === null || each === undefined) return 'null';
    if (Array.isArray(each)) return `[${each.map(write).join(comma)}]`;
    if (typeof each !== 'object') return JSON.stringify(each);
    const names = sorted ? Object.keys(each).sort() : Object.keys(each);
    return `{${names.map((name) => JSON.stringify(name) + colon + write(each[name])).join(comma)}}`;
  };
  return write(value);
}

const hashed = (algorithm, text, length) => createHash(algorithm).update(text).digest('hex').slice(0, length);

// What `toJs()` makes of a dict (Pyodide 0.26): a Map whose string keys are properties, too.
class DictMap extends Map {
  set(key, value) {
    if (typeof key === 'string') {
      Object.defineProperty(this, key, { value, enumerable: true, writable: true, configurable: true });
    }
    return super.set(key, value);
  }
}

function toJs(value) {
  if (Array.isArray(value)) return value.map(toJs);
  if (value === null || typeof value !== 'object') return value;
  const map = new DictMap();
  for (const [key, each] of Object.entries(value)) map.set(/^\d+$/.test(key) ? Number(key) : key, toJs(each));
  return map;
}

const proxy = (value) => ({ isProxy: true, toJs: () => toJs(value) });
const plainProxy = (value) => ({ isProxy: true, toJs: () => value });

// The suite's game as a multi-agent environment. A reward is the action; the state is t (frames), h (hash), total.
class Environment {
  constructor(players, endSum, perturbed) {
    this.players = players;
    this.endSum = endSum;
    this.perturbed = perturbed;
    this.reset();
  }

  reset() {
    this.state = { t: 0, h: START, total: 0 };
  }

  step(actions) {
    let { t, h, total } = this.state;
    for (const player of this.players) {
      h = Math.imul(h ^ Number(player), 16777619) >>> 0;
      h = Math.imul(h ^ actions[player], 16777619) >>> 0;
      total += actions[player];
    }
    if (t === this.perturbed) h = (h ^ 1) >>> 0;
    this.state = { t: t + 1, h, total };
    const each = (value) => Object.fromEntries(this.players.map((player) => [player, value(player)]));
    return {
      rewards: each((player) => actions[player]),
      terminateds: each(() => total >= this.endSum),
      truncateds: each(() => false),
      infos: each(() => ({ h })),
    };
  }

  observation() {
    return Object.fromEntries(this.players.map((player) => [player, [this.state.h]]));
  }
}

const RENDERED = { game_state_objects: [], removed: [] };

export class Python {
  // `onGame(kind, state, actions)` hears of load, save, step, replay and replaySave, with the state before it.
  constructor(players, { endSum = Infinity, perturbed = null }, onGame) {
    this.env = new Environment(players, endSum, perturbed);
    this.onGame = onGame;
    this.calls = []; // waiting, oldest first
    this.count = 0;
    this.globals = { set() {} };
  }

  // MUG writes the value into Python source, so it must read as Python.
  toPy(value) {
    if (value?.isProxy) return value;
    return { toString: () => dumps(value).replaceAll('"', "'").replaceAll('null', 'None') };
  }

  runPythonAsync(code) {
    const [kind, run] = this.recognise(code);
    return new Promise((resolve, reject) => {
      this.calls.push({ name: `${++this.count}-${kind}`, run, resolve, reject });
    });
  }

  resume() {
    const call = this.calls.shift();
    try {
      call.resolve(call.run());
    } catch (error) {
      call.reject(error);
    }
  }

  snapshot() {
    return {
      env_state: this.env.state,
      np_rng_state: ['MT19937', [], 0, 0, 0],
      py_rng_state: [3, [], null],
    };
  }

  digest() {
    return hashed('md5', dumps(this.env.state, { sorted: true }), 8);
  }

  recognise(code) {
    const marked = TEXTS.find(([, marker]) => code.includes(marker));
    if (marked === undefined) throw new Error(`unknown Python: ${code.slice(0, 200)}`);
    return [marked[0], () => this[marked[0]](code)];
  }

  // --- one method for each text ---

  replay(code) {
    const { env } = this;
    const frames = JSON.parse(/_replay_frames = (\[.*\])\n/.exec(code)[1]);
    const interval = Number(/_snapshot_interval = (\d+)/.exec(code)[1]);
    const begun = env.state.t;
    const log = [];
    const snapshots = {};
    const sums = {};
    for (const { frame, actions } of frames) {
      const before = this.digest();
      if (frame % interval === 0) {
        snapshots[frame] = this.snapshot();
        this.onGame('replaySave', env.state);
      }
      const result = this.advance('replay', actions);
      for (const [player, reward] of Object.entries(result.rewards)) sums[player] = (sums[player] ?? 0) + reward;
      log.push({ frame, actions, ...result, pre_hash: before, post_hash: this.digest() });
    }
    return dumps({
      t_before: begun,
      t_after: env.state.t,
      num_steps: frames.length,
      state_hash: this.digest(),
      replay_log: log,
      snapshots,
      replay_rewards: sums,
    });
  }

  // What was missed in the background, all in one call.
  catchUp(code) {
    const frames = JSON.parse(/_ff_frames = (\[.*\])\n/.exec(code)[1]);
    const rows = [];
    const sums = {};
    for (const { frame, actions } of frames) {
      const result = this.advance('step', actions);
      for (const [player, reward] of Object.entries(result.rewards)) sums[player] = (sums[player] ?? 0) + reward;
      rows.push({ frame, actions, ...result });
    }
    return dumps({ cumulative_rewards: sums, per_frame_data: rows });
  }

  step(code) {
    const actions = JSON.parse(/for k, v in (\{.*?\})\.items\(\)/.exec(code)[1].replaceAll("'", '"'));
    const { rewards, terminateds, truncateds, infos } = this.advance('step', actions);
    return proxy([this.env.observation(), rewards, terminateds, truncateds, infos, RENDERED]);
  }

  advance(kind, actions) {
    const before = this.env.state;
    const result = this.env.step(actions);
    this.onGame(kind, before, this.env.players.map((player) => actions[player]), this.env.state);
    return result;
  }

  load(code) {
    const text = /_snapshot = json\.loads\('''([\s\S]*?)'''\)/.exec(code)[1];
    const { env_state: state } = JSON.parse(text.replaceAll("\\'", "'").replaceAll('\\\\', '\\'));
    const before = this.env.state.t;
    this.env.state = state;
    this.onGame('load', state);
    return dumps({ snapshot_t: state.t, before_t: before, after_t: state.t, match: true });
  }

  save() {
    this.onGame('save', this.env.state);
    return dumps(this.snapshot());
  }

  hash(code) {
    const text = /_state_to_hash = json\.loads\('''([\s\S]*?)'''\)/.exec(code)[1];
    const state = JSON.parse(text.replaceAll("\\'", "'").replaceAll('\\\\', '\\'));
    return hashed('sha256', dumps(state, { sorted: true, compact: true }), 16);
  }

  md5() {
    return this.digest();
  }

  dump() {
    return dumps(this.env.state, { sorted: true });
  }

  reset() {
    this.env.reset();
    return proxy([this.env.observation(), {}, RENDERED]);
  }

  abilities() {
    return plainProxy({ has_get_state: true, has_set_state: true, env_type: 'Env', env_module: 'suite' });
  }

  seed() {}

  begin() {
    return { isProxy: true };
  }

  render() {
    return proxy(RENDERED);
  }
}

// What each text is known by; the first that fits counts.
const TEXTS = [
  ['replay', '_replay_frames = '],
  ['catchUp', '_ff_frames = '],
  ['step', 'agent_actions = {'],
  ['reset', 'env.reset(seed='],
  ['load', "_snapshot = json.loads('''"],
  ['save', 'json.dumps(_snapshot)'],
  ['hash', '_state_to_hash = json.loads('],
  ['md5', '_st = env.get_state()'],
  ['md5', '_state = env.get_state()\nhashlib'],
  ['dump', '_env_state_dump'],
  ['abilities', 'has_get_state = hasattr'],
  ['seed', 'np.random.seed('],
  ['begin', 'mug_globals = dict('],
  ['render', 'env.render()'],
];
