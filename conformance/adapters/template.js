// An adapter to start from: a small rollback peer of its own, and the loop around it. Needs nothing but Node.
// Run it: rollproof conform -- node conformance/adapters/template.js
// For an implementation of yours, keep the loop at the bottom and put your calls where Peer has its own.
// A port of the protocol's list of transitions can offer them, too: see "Single transitions" in README.md.
'use strict';

// The state after one frame: FNV-1a over (player number, input), in player order.
function game(state, inputs) {
  inputs.forEach((value, player) => {
    state = Math.imul(state ^ player, 16777619) >>> 0;
    state = Math.imul(state ^ value, 16777619) >>> 0;
  });
  return state;
}

// One peer: predicts by the previous input, rolls back when that was wrong, sends until it is acknowledged.
class Peer {
  constructor(me, peers, config) {
    this.me = me;
    this.peers = peers;
    this.number = peers.indexOf(me);
    this.delay = config.input_delay ?? 0;
    this.window = config.prediction_window ?? Infinity;
    this.known = peers.map(() => new Map()); // by player: frame -> input
    for (const inputs of this.known) for (let frame = 0; frame < this.delay; frame++) inputs.set(frame, 0);
    this.acked = new Map(peers.filter((peer) => peer !== me).map((peer) => [peer, this.delay - 1]));
    this.states = [2166136261]; // the state before each frame
    this.used = []; // the inputs that each frame was simulated with
    this.wrong = Infinity; // the first frame that was simulated with a wrong input
    this.out = [];
    this.obs = [];
  }

  // Fix the local input, correct the past, simulate one frame.
  tick(value) {
    const frame = this.used.length;
    const own = this.known[this.number];
    if (!own.has(frame + this.delay)) own.set(frame + this.delay, value);
    if (this.wrong < Infinity) {
      this.obs.push({ obs: 'load', frame: this.wrong, state: this.states[this.wrong] });
      this.states.length = this.wrong + 1;
      this.used.length = this.wrong;
      this.wrong = Infinity;
    }
    while (this.used.length < frame) this.advance();
    if (frame - this.confirmed() <= this.window) this.advance();
    for (const partner of this.acked.keys()) this.send(partner);
  }

  // Simulate the next frame with what is known, and predictions elsewhere.
  advance() {
    const frame = this.used.length;
    const inputs = this.peers.map((_, player) => this.inputOf(player, frame));
    this.obs.push({ obs: 'save', frame, state: this.states[frame] });
    this.used.push(inputs);
    this.states.push(game(this.states[frame], inputs));
    this.obs.push({ obs: 'advance', frame, inputs, state: this.states[frame + 1] });
  }

  inputOf(player, frame) {
    for (; frame >= 0; frame--) if (this.known[player].has(frame)) return this.known[player].get(frame);
    return 0;
  }

  contiguous(player) {
    let frame = -1;
    while (this.known[player].has(frame + 1)) frame++;
    return frame;
  }

  confirmed() {
    return Math.min(this.used.length - 1, ...this.peers.map((_, player) => this.contiguous(player)));
  }

  // Send every input that the partner has not acknowledged.
  send(partner) {
    const first = this.acked.get(partner) + 1;
    const values = [];
    for (let frame = first; frame <= this.contiguous(this.number); frame++) {
      values.push(this.known[this.number].get(frame));
    }
    const packet = { first, values, ack: this.contiguous(this.peers.indexOf(partner)) };
    const data = Buffer.from(JSON.stringify(packet)).toString('base64');
    this.out.push({ to: partner, class: 'input', packet: data });
  }

  // Store what is new; remember the first frame that it proves wrong.
  deliver(sender, data) {
    const packet = JSON.parse(Buffer.from(data, 'base64').toString());
    const player = this.peers.indexOf(sender);
    this.acked.set(sender, Math.max(this.acked.get(sender), packet.ack));
    packet.values.forEach((value, index) => {
      const frame = packet.first + index;
      if (this.known[player].has(frame)) return;
      this.known[player].set(frame, value);
      if (frame < this.used.length && this.used[frame][player] !== value) this.wrong = Math.min(this.wrong, frame);
    });
  }
}

const HELLO = {
  protocol: 1,
  name: 'template',
  version: '1',
  language: 'JavaScript',
  level: 1,
  capabilities: ['core', 'delay', 'window', 'retransmit', 'n-player'],
};

let peer = null;
const handlers = {
  hello: () => ({ hello: HELLO }),
  reset: (request) => void (peer = new Peer(request.peer, request.peers, request.config)),
  tick: (request) => peer.tick(request.input),
  deliver: (request) => peer.deliver(request.from, request.packet),
  query: () => ({ vars: {} }),
  link: () => ({ skipped: { reason: 'there are no links' } }),
  command: () => ({ skipped: { reason: 'there are no commands' } }),
};

require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const request = JSON.parse(line);
  const answer = { seq: request.seq, ...handlers[request.op]?.(request) };
  if (peer && (peer.out.length || peer.obs.length)) {
    Object.assign(answer, { out: peer.out, obs: peer.obs });
    peer.out = [];
    peer.obs = [];
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
  if (request.op === 'bye') process.exit(0);
});
