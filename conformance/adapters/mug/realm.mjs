// One MUG peer in a realm of its own: a worker thread that answers the runner's requests.
import { parentPort, workerData } from 'node:worker_threads';
import { pathToFileURL } from 'node:url';
import { installBrowser } from './browser.mjs';
import { Clock } from '../clock.mjs';
import { guarded } from './guards.mjs';
import { Observer } from './observe.mjs';
import { Python } from './python.mjs';

const CLASSES = { 0x01: 'input', 0x05: 'end', 0x07: 'hash' };
const READY = 0x06;
const ANSWER_DELAY_MS = 1; // a packet that answers a packet is sent by a later task: it leaves so much later
const MANY_EPISODES = 1000;
const LABEL = 8; // bytes that the adapter puts before a packet, and takes off again: see Observer.label

const macrotask = globalThis.setImmediate;
const settled = () => new Promise((resolve) => macrotask(resolve)); // by then every microtask has run

class Peer {
  constructor({ peer, peers, config, interleave }) {
    this.config = config;
    this.ids = peers.map((_, number) => String(number));
    this.id = String(peers.indexOf(peer));
    this.partner = peers.find((each) => each !== peer);
    this.interleave = interleave;
    this.clock = new Clock();
    this.out = [];
    this.answering = false;
    this.started = false;
    this.observer = new Observer(peers, config);
    const perturbed = config.perturb?.peer === peer ? config.perturb.frame : null;
    const endSum = config.end_sum ?? Infinity;
    this.python = new Python(this.ids, { endSum, perturbed }, (...event) => this.observer.game(...event));
    this.browser = installBrowser(this.clock, workerData.source, {
      onSend: (data) => this.send(data),
      onEmit: (event, data, acknowledge) => this.emitted(event, data, acknowledge),
    });
  }

  // --- start-up: the page's own steps, up to frame 0 of the first episode, before the case begins ---

  async start() {
    const { config, ids } = this;
    const scene = {
      policy_mapping: Object.fromEntries(ids.map((id) => [id, 'human'])),
      action_population_method: 'previous_submitted_action',
      default_action: 0,
      input_mode: 'pressed_keys',
      frame_skip: 1,
      action_mapping: Object.fromEntries([...Array(256).keys()].map((action) => [`k${action}`, action])),
      input_confirmation_timeout_ms: config.input_confirmation_timeout_ms ?? 500,
      focus_loss_timeout_ms: 0,
    };
    Object.assign(globalThis, {
      p2pLogLevel: 'warn',
      mugGlobals: { subjectName: `subject ${this.id}` },
      sessionId: 'session',
      currentPing: 0,
      pyodidePreloadStatus: 'ready',
      pyodideInstance: this.python,
      debugRemoteInputDelay: config.debug_remote_input_delay,
    });
    const load = (name) => import(pathToFileURL(`${workerData.source}/${name}`));
    const { MultiplayerPyodideGame } = await load('pyodide_multiplayer_game.js');
    this.page = await load('phaser_gym_graphics.js');
    const Game = guarded(MultiplayerPyodideGame, workerData.guards);
    this.game = globalThis.game = new Game({
      ...scene,
      player_id: this.id,
      game_id: 'game',
      scene_id: 'scene',
      mug_globals: {},
      num_episodes: MANY_EPISODES,
      max_steps: config.max_steps ?? 1e6,
      fps: 1e6 / config.frame_us,
      input_delay: config.input_delay ?? 0,
      snapshot_interval: Number(workerData.snapshots),
      environment_initialization_code: 'env = 1',
      on_game_step_code: '',
    });
    this.observer.watch(this.game);
    this.game.showEpisodeTransition = async () => {}; // no countdown on the screen: three and a half seconds
    await this.settle();
    this.page.graphics_start({
      state_init: null,
      location_representation: 'relative',
      width: 1,
      height: 1,
      background: '#ffffff',
      assets_dir: '',
      assets_to_preload: [],
      animation_configs: [],
      parent: 'page',
      fps: 1,
      scene_metadata: scene,
      pyodide_remote_game: this.game,
    });
    const view = this.browser.gameConfig.scene;
    view.removeAllObjects = () => {};
    await this.settle();
    this.game.registerTickCallback(() => view.onWorkerTick()); // as GymScene.create() does
    this.game.p2pValidation.enabled = false;
    this.browser.fire('pyodide_player_assigned', { player_id: this.id, game_id: 'game', game_seed: 7 });
    this.browser.fire('pyodide_game_ready', {
      game_id: 'game',
      players: ids,
      player_subjects: {},
      scene_metadata: scene,
    });
    await this.settle();
    this.browser.openChannel();
    await this.settle();
    await this.tick(0); // resets the environment, says that it is ready, and waits for the partner's word
    const ready = this.out.find(({ packet }) => Buffer.from(packet, 'base64')[LABEL] === READY);
    await this.receive(ready.packet); // both begin alike: the partner's word has the same bytes
    this.out = [];
    this.observer.seen = [];
    this.started = true;
  }

  // --- requests ---

  async handle(request) {
    if (request.now !== undefined) await this.clock.advance(request.now, () => this.settle());
    const answer = (await this[`on_${request.op}`](request)) ?? {};
    answer.out = this.out;
    answer.obs = this.observer.seen;
    this.out = [];
    this.observer.seen = [];
    if (this.python.calls.length) answer.waiting = [this.python.calls[0].name];
    const next = this.clock.next();
    if (next !== undefined) answer.wake_us = next.due;
    return answer;
  }

  // After an episode MUG's next tick begins another one; the platform says when, so ticks are withheld till then.
  async on_tick({ input }) {
    if (!this.observer.over) await this.tick(input);
  }

  async on_deliver({ via, packet }) {
    this.answering = true;
    if (via === 'relay') await this.relayed(packet);
    else await this.receive(packet);
    this.answering = false;
  }

  on_poll() {}

  async on_resume({ work }) {
    if (this.python.calls[0]?.name !== work) throw new Error(`${work} does not wait`);
    this.python.resume();
    await this.settle();
  }

  on_command({ name }) {
    const { observer } = this;
    if (name === 'export' && observer.exported) {
      observer.exported--; // MUG exported by itself when the episode was complete
      return {};
    }
    if (name === 'next_episode' && observer.over) {
      observer.over = false;
      return {};
    }
    if (name === 'pause' || name === 'go_on') {
      this.browser.hide(name === 'pause'); // the tab goes into the background, and comes back
      return {};
    }
    return { skipped: { reason: name === 'export' ? 'MUG exports by itself, at the end' : `not now: ${name}` } };
  }

  on_link() {
    return { skipped: { reason: 'a data channel has one state, not one for each direction' } };
  }

  on_query({ names }) {
    const { frameNumber: frame, confirmedFrame: confirmed, pendingRollbackFrame: pending } = this.game;
    const { end, epoch } = this.observer;
    const all = {
      frame: Math.min(frame, end),
      confirmed: Math.min(confirmed, end - 1),
      pending: pending !== undefined && pending !== null && pending < end ? pending : null,
      rolling_back: this.game.rollbackInProgress,
      epoch,
    };
    return { vars: Object.fromEntries(names.filter((name) => name in all).map((name) => [name, all[name]])) };
  }

  // --- ways in and out ---

  async tick(input) {
    this.page.updatePressedKeys({ [`k${input}`]: true });
    const { worker } = this.browser;
    if (worker.running) worker.onmessage({ data: { type: 'tick', timestamp: this.clock.now / 1000 } });
    await this.settle();
  }

  async receive(packet) {
    const bytes = this.unlabelled(packet);
    const isText = bytes[0] === 0x7b; // its only texts are JSON objects, its binary packets begin with a small number
    const data = isText ? bytes.toString() : bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
    this.browser.channel.onmessage({ data });
    await this.settle();
  }

  // The server passes on three fields of an action.
  async relayed(packet) {
    const { player_id, action, frame_number } = JSON.parse(this.unlabelled(packet).toString());
    this.browser.fire('pyodide_other_player_action', { player_id, action, frame_number });
    await this.settle();
  }

  send(data) {
    const bytes = Buffer.from(data);
    this.post('p2p', typeof data === 'string' ? 'other' : (CLASSES[bytes[0]] ?? 'other'), bytes);
  }

  unlabelled(packet) {
    const bytes = Buffer.from(packet, 'base64');
    this.observer.read([bytes.readUInt32BE(0), bytes.readUInt32BE(4)]);
    return bytes.subarray(LABEL);
  }

  post(via, kind, bytes) {
    const label = Buffer.alloc(LABEL);
    this.observer.label().forEach((each, at) => label.writeUInt32BE(each, 4 * at));
    const packet = { to: this.partner, via, class: kind, packet: Buffer.concat([label, bytes]).toString('base64') };
    if (this.answering) this.clock.start(() => this.out.push(packet), ANSWER_DELAY_MS);
    else this.out.push(packet);
  }

  emitted(event, data, acknowledge) {
    if (event === 'emit_episode_data') {
      this.observer.export(globalThis.msgpack.decode(data.data));
      acknowledge({ status: 'ok' });
    } else if (event === 'pyodide_player_action') {
      this.post('relay', 'input', Buffer.from(JSON.stringify(data)));
    }
  }

  // Let everything run that can. Unless the case wants to interleave, that includes all calls of Python.
  async settle() {
    await settled();
    while (this.python.calls.length && !(this.started && this.interleave)) {
      this.python.resume();
      await settled();
    }
  }
}

let peer = null;
let failure = null; // of a promise that nobody awaits
process.on('unhandledRejection', (error) => {
  failure = error;
});

parentPort.on('message', async (request) => {
  let answer;
  try {
    if (request.op === 'reset') {
      peer = new Peer(request);
      await peer.start();
      answer = await peer.handle({ op: 'poll', now: 0 });
    } else {
      answer = await peer.handle(request);
    }
    if (failure !== null) throw failure;
  } catch (error) {
    answer = { error: String(error?.stack ?? error) };
  }
  parentPort.postMessage(answer);
});
