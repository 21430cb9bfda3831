// One netplayjs peer: the published bundle runs unmodified in a context of its own; clock, page and channel are stubs.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import vm from 'node:vm';
import { Clock } from '../clock.mjs';

const START = 2166136261;

const element = () => ({
  style: {},
  appendChild() {},
  addEventListener() {},
  getBoundingClientRect: () => ({ width: 1, height: 1, left: 0, top: 0 }),
});

function page(clock) {
  const silent = () => {};
  const sandbox = {
    console: { log: silent, warn: silent, error: silent, info: silent, debug: silent, trace: silent },
    innerWidth: 1,
    innerHeight: 1,
    setTimeout: (run, ms) => clock.start(run, ms),
    setInterval: (run, ms) => clock.start(run, ms, true),
    clearTimeout: (id) => clock.stop(id),
    clearInterval: (id) => clock.stop(id),
    requestAnimationFrame: () => 0, // nothing is ever drawn
    addEventListener: silent,
    navigator: { userAgent: 'node' },
    performance: { now: () => clock.now / 1000 },
    document: {
      body: element(),
      head: element(),
      documentElement: element(),
      visibilityState: 'visible',
      createElement: element,
      createComment: () => ({}),
      createTreeWalker: () => ({}),
      importNode: (node) => node,
      addEventListener: silent,
    },
    TextEncoder,
    TextDecoder,
    URL,
  };
  const context = vm.createContext(sandbox);
  sandbox.window = sandbox.self = sandbox;
  sandbox.Date = class extends Date {
    static now() {
      return Math.floor(clock.now / 1000);
    }
  };
  return context;
}

export class Peer {
  constructor(directory, build, { peer, peers, config }) {
    this.msgpack = createRequire(`${directory}/package.json`)('msgpack-lite');
    this.clock = new Clock();
    this.partner = peers.find((each) => each !== peer);
    this.out = [];
    this.obs = [];
    this.input = 0;
    this.ticking = false;
    const context = page(this.clock);
    new vm.Script(readFileSync(`${directory}/dist/${build}`, 'utf8'), { filename: build }).runInContext(context);
    this.start(context.netplayjs, peers.indexOf(peer), config.frame_us / 1000);
    // A parameter of its RollbackNetcode, to which its wrapper always gives 10.
    const netcode = this.wrapper.rollbackNetcode;
    if (config.prediction_window) netcode.maxPredictedFrames = config.prediction_window;
  }

  start(library, number, timestep) {
    const peer = this;
    // Every field of its own is part of a game's state.
    class Suite extends library.Game {
      static timestep = timestep;
      static canvasSize = { width: 1, height: 1 };
      static deterministic = true;

      constructor() {
        super();
        this.frames = 0;
        this.state = START;
      }

      tick(played) {
        const byId = [...played].sort(([one], [other]) => one.getID() - other.getID());
        const inputs = byId.map(([, input]) => actionOf(input));
        inputs.forEach((value, player) => {
          this.state = Math.imul(this.state ^ player, 16777619) >>> 0;
          this.state = Math.imul(this.state ^ value, 16777619) >>> 0;
        });
        peer.obs.push({ obs: 'advance', frame: this.frames++, inputs, state: this.state, resimulated: !peer.ticking });
      }

      serialize() {
        peer.obs.push({ obs: 'save', frame: this.frames, state: this.state });
        return super.serialize();
      }

      deserialize(value) {
        super.deserialize(value);
        peer.obs.push({ obs: 'load', frame: this.frames, state: this.state });
      }

      draw() {}
    }
    this.wrapper = new library.RollbackWrapper(Suite);
    this.wrapper.inputReader.getInput = () => {
      const input = new library.DefaultInput();
      if (this.input) input.keysHeld[`k${this.input}`] = true;
      return input;
    };
    this.listeners = [];
    const connection = {
      dataChannel: { readyState: 'open' },
      on: (event, listener) => event === 'data' && this.listeners.push(listener),
      send: (data) => this.send(data),
    };
    const players = [0, 1].map((each) => new library.NetplayPlayer(each, each === number, each === 0));
    this.wrapper[number === 0 ? 'startHost' : 'startClient'](players, connection);
    // Of the two intervals that are running now the last is the game loop: the runner's ticks take its place.
    this.clock.stop(Math.max(...this.clock.timers.keys()));
    this.out = [];
    this.obs = [];
  }

  tick(input) {
    this.input = input;
    this.ticking = true;
    try {
      this.wrapper.rollbackNetcode.tick();
    } finally {
      this.ticking = false;
    }
  }

  deliver(packet) {
    const data = this.msgpack.decode(Buffer.from(packet, 'base64'));
    for (const listener of this.listeners) listener(data);
  }

  send(data) {
    const packet = Buffer.from(this.msgpack.encode(data)).toString('base64');
    this.out.push({ to: this.partner, class: data.type === 'input' ? 'input' : 'other', packet });
  }

  variables() {
    return { frame: this.wrapper.rollbackNetcode.currentFrame() };
  }
}

function actionOf(input) {
  const [key] = Object.keys(input.keysHeld);
  return key === undefined ? 0 : Number(key.slice(1));
}
