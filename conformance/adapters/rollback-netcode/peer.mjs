// One rollback-netcode peer: its session and engine as published, with the suite's game and a transport of ours.

const START = 2166136261;
const CLOSED = 'closed'; // the packet by which a transport learns that its partner has closed the connection
const CLASSES = { 1: 'input', 2: 'ack', 16: 'hash' }; // by the first byte of a message

// What stands in for WebRTC. Everything goes by one reliable channel in order.
class Transport {
  onMessage = null;
  onConnect = null;
  onDisconnect = null;
  connectedPeers = new Set();
  out = [];

  constructor(localPeerId) {
    this.localPeerId = localPeerId;
  }

  async connect(peer) {
    this.accept(peer);
    this.reach(peer).accept(this.localPeerId);
  }

  accept(peer) {
    this.connectedPeers.add(peer);
    this.onConnect?.(peer);
  }

  send(to, message) {
    if (!this.connectedPeers.has(to)) return;
    this.out.push({ to, class: CLASSES[message[0]] ?? 'other', packet: Buffer.from(message).toString('base64') });
  }

  broadcast(message) {
    for (const peer of this.connectedPeers) this.send(peer, message);
  }

  disconnect(peer) {
    if (!this.connectedPeers.has(peer)) return;
    this.out.push({ to: peer, class: 'other', packet: Buffer.from(CLOSED).toString('base64') });
    this.lose(peer);
  }

  disconnectAll() {
    for (const peer of [...this.connectedPeers]) this.disconnect(peer);
  }

  lose(peer) {
    if (this.connectedPeers.delete(peer)) this.onDisconnect?.(peer);
  }

  deliver(from, message) {
    if (this.connectedPeers.has(from)) this.onMessage?.(from, new Uint8Array(message));
  }
}

class Peer {
  obs = [];
  frame = 0;
  state = START;
  confirmed = -1;
  simulated = 0;
  ticking = false;
  left = new Set();

  constructor(library, topology, { peers, config }, name) {
    this.names = peers;
    this.transport = new Transport(name);
    const window = config.prediction_window;
    this.session = library.createSession({
      game: this,
      transport: this.transport,
      config: {
        tickRate: Math.round(1e6 / config.frame_us),
        topology: library.Topology[topology === 'mesh' ? 'Mesh' : 'Star'],
        // It counts the frame that is about to be simulated, too.
        ...(window === undefined ? {} : { maxSpeculationTicks: window + 1, snapshotHistorySize: window + 121 }),
        ...(config.hash_interval === undefined ? {} : { hashInterval: config.hash_interval }),
      },
    });
    this.session.on('desync', (frame) => this.obs.push({ obs: 'violation', kind: 'desync', frame }));
    this.session.on('playerLeft', ({ id }) => {
      this.left.add(id);
      this.obs.push({ obs: 'violation', kind: 'left', player: id });
    });
    this.session.on('error', (error) => this.obs.push({ obs: 'violation', kind: 'error', detail: error.message }));
    this.session.on('stateChange', (to) => {
      if (to === library.SessionState.Disconnected) this.obs.push({ obs: 'violation', kind: 'halted' });
    });
  }

  // --- the game, as the library calls it ---

  step(inputs) {
    const values = this.names.map((name) => inputs.get(name)?.[0] ?? 0);
    values.forEach((value, player) => {
      this.state = Math.imul(this.state ^ player, 16777619) >>> 0;
      this.state = Math.imul(this.state ^ value, 16777619) >>> 0;
    });
    const resimulated = this.frame < this.simulated;
    this.obs.push({ obs: 'advance', frame: this.frame++, inputs: values, state: this.state, resimulated });
    this.simulated = Math.max(this.simulated, this.frame);
  }

  serialize() {
    this.obs.push({ obs: 'save', frame: this.frame, state: this.state });
    return new Uint8Array(Uint32Array.of(this.frame, this.state).buffer);
  }

  deserialize(bytes) {
    // Outside of a call of the loop this is the host's state, put in the place of one that differs.
    if (!this.ticking) this.obs.push({ obs: 'violation', kind: 'desync', detail: "the host's state replaces its own" });
    [this.frame, this.state] = new Uint32Array(new Uint8Array(bytes).buffer);
    this.obs.push({ obs: 'load', frame: this.frame, state: this.state });
  }

  hash() {
    return this.state;
  }

  // --- what the runner asks ---

  tick(input) {
    this.ticking = true;
    this.session.tick(input === 0 ? new Uint8Array(0) : Uint8Array.of(input)); // it predicts "nothing", and not a zero
    this.ticking = false;
    const confirmed = Math.min(this.session.confirmedTick, this.frame - 1);
    if (confirmed > this.confirmed) this.obs.push({ obs: 'confirm', frame: (this.confirmed = confirmed) });
  }

  deliver(from, packet) {
    const message = Buffer.from(packet, 'base64');
    if (message.toString() === CLOSED) this.lose(from);
    else this.transport.deliver(from, message);
  }

  // What its documentation asks of a host: "remove a disconnected player and allow the game to continue".
  lose(player) {
    const known = this.left.has(player);
    this.transport.lose(player);
    if (this.session.isHost && !known) this.session.dropPlayer(player);
  }

  leave() {
    this.session.leaveRoom();
  }

  variables() {
    return { frame: this.frame, confirmed: this.confirmed };
  }

  takeSeen() {
    const seen = { out: this.transport.out, obs: this.obs };
    this.transport.out = [];
    this.obs = [];
    return seen;
  }
}

// The lobby of all peers over a perfect network, in each process alike; then one of them is kept.
export async function joined(library, topology, request) {
  const peers = new Map(request.peers.map((name) => [name, new Peer(library, topology, request, name)]));
  const [host, ...guests] = peers.values();
  for (const peer of peers.values()) peer.transport.reach = (name) => peers.get(name).transport;
  const room = await host.session.createRoom();
  for (const [at, guest] of guests.entries()) {
    await guest.session.joinRoom(room, host.transport.localPeerId);
    deliverAll(peers);
    if (topology === 'mesh') for (const other of guests.slice(0, at)) await guest.transport.connect(other.transport.localPeerId);
  }
  host.session.start();
  deliverAll(peers);
  for (const peer of peers.values()) {
    if (peer.session.state !== library.SessionState.Playing) throw new Error('the lobby does not end');
    peer.takeSeen();
  }
  return peers.get(request.peer);
}

function deliverAll(peers) {
  for (let some = true; some; ) {
    some = false;
    for (const [from, { transport }] of peers) {
      for (const { to, packet } of transport.out.splice(0)) {
        some = true;
        peers.get(to).deliver(from, packet);
      }
    }
  }
}
