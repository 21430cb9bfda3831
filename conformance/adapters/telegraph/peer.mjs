// One Telegraph peer as published, with the suite's game and a connection of ours.

const START = 2166136261;
const CLASSES = { input: 'input', inputAck: 'ack' };
const ROUNDS = 1000; // are enough for any handshake

// What stands in for a PeerJS connection: messages are JSON.
class Connection {
  listeners = [];
  out = [];

  constructor(peer) {
    this.peer = peer;
  }

  on(event, listener) {
    if (event === 'data') this.listeners.push(listener);
  }

  send(message) {
    const packet = Buffer.from(JSON.stringify(message)).toString('base64');
    this.out.push({ to: this.peer, class: CLASSES[message.type] ?? 'other', packet });
  }
}

class Peer {
  obs = [];
  frame = 0;
  state = START;
  simulated = 0;
  running = false;

  constructor(library, { peers, config }, name) {
    const partner = peers.find((each) => each !== name);
    this.connection = new Connection(partner);
    this.telegraph = new library.Telegraph({
      peer: { connections: { [partner]: [this.connection] }, on() {} },
      numPlayers: peers.length,
      disconnectTimeout: 0, // nobody is given up
      disconnectNotifyStart: 0,
      callbacks: {
        onSaveState: () => this.save(),
        onLoadState: (saved) => this.load(saved),
        onAdvanceFrame: () => this.simulate(),
        onEvent: ({ type }) => (this.running ||= type === 'running'),
      },
    });
    peers.forEach((each, at) => {
      const player = { playerNumber: at + 1, type: each === name ? 0 : 1, remote: { peerId: each } };
      const { value } = this.telegraph.addPlayer(player);
      if (each === name) this.handle = value;
    });
    this.telegraph.setFrameDelay(this.handle, config.input_delay ?? 0);
  }

  // --- the game, as the library calls it ---

  save() {
    this.obs.push({ obs: 'save', frame: this.frame, state: this.state });
    return { state: { frame: this.frame, state: this.state }, checksum: null };
  }

  load({ frame, state }) {
    Object.assign(this, { frame, state });
    this.obs.push({ obs: 'load', frame, state });
  }

  // Its documented loop: inputs, the game's update, then `advanceFrame`.
  simulate() {
    const { value, code } = this.telegraph.syncInput();
    if (code !== 'ok') return;
    const inputs = value.inputs.map(([key]) => key ?? 0); // no key is held: no input
    inputs.forEach((input, player) => {
      this.state = Math.imul(this.state ^ player, 16777619) >>> 0;
      this.state = Math.imul(this.state ^ input, 16777619) >>> 0;
    });
    const resimulated = this.frame < this.simulated;
    this.obs.push({ obs: 'advance', frame: this.frame++, inputs, state: this.state, resimulated });
    this.simulated = Math.max(this.simulated, this.frame);
    this.telegraph.advanceFrame();
  }

  // --- what the runner asks ---

  tick(input) {
    const { code } = this.telegraph.addLocalInput(this.handle, input === 0 ? [] : [input]);
    if (code === 'ok') this.simulate();
    this.telegraph.afterTick();
  }

  deliver(packet) {
    const message = JSON.parse(Buffer.from(packet, 'base64').toString());
    for (const listener of this.connection.listeners) listener(message);
  }

  takeSeen() {
    const seen = { out: this.connection.out, obs: this.obs };
    this.connection.out = [];
    this.obs = [];
    return seen;
  }
}

// The handshake of both peers over a perfect network, in each process alike; then one of them is kept.
export function connected(library, request) {
  const peers = new Map(request.peers.map((name) => [name, new Peer(library, request, name)]));
  for (let round = 0; round < ROUNDS; round++) {
    const sent = [...peers.values()].flatMap((peer) => peer.takeSeen().out);
    if (!sent.length && [...peers.values()].every((peer) => peer.running)) return peers.get(request.peer);
    for (const { to, packet } of sent) peers.get(to).deliver(packet);
  }
  throw new Error('the handshake does not end');
}
