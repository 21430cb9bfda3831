// One peer of a session, written from the protocol's rules. Time is in milliseconds, and told by the caller.
import { decode, encode } from './packets.mjs';
import { START, Timeline, play } from './timeline.mjs';

const POLL_MS = 10; // of the confirmation wait (EP-5)
const MOST_RESENT = 64; // inputs in one packet
const GAME = 'suite'; // carried by every packet (TR-3)

export class Session {
  constructor(me, peers, config) {
    this.me = me;
    this.peers = peers;
    this.number = peers.indexOf(me);
    this.config = {
      input_delay: 0,
      prediction_window: Infinity,
      redundancy: 3,
      max_steps: Infinity,
      end_sum: Infinity,
      input_confirmation_timeout_ms: 500,
      episode_sync_timeout_ms: 2000,
      resend_interval_ms: 100,
      max_frames_ahead: 600,
      debug_remote_input_delay: 0,
      hash_interval: 60,
      ...config,
    };
    this.partners = peers.filter((peer) => peer !== me);
    this.links = new Map(this.partners.map((peer) => [peer, { state: 'up', fellBack: null }]));
    this.metrics = {
      ...{ frames: 0, rollbacks: 0, greatest_depth: 0, mispredictions: 0, rejected: 0, conflicts: 0 },
      ...{ inputs_submitted: 0, inputs_sent_p2p: 0, inputs_sent_relay: 0, fallbacks: 0, hash_mismatches: 0 },
    };
    this.out = [];
    this.obs = [];
    this.ticks = 0;
    this.epoch = -1;
    this.work = null; // a tick or poll that has stopped in its middle; nothing else acts meanwhile (RB-7)
    this.beginEpisode();
  }

  // Nothing of an episode survives but links and metrics (EP-11).
  beginEpisode() {
    const { input_delay, max_steps, end_sum, perturb } = this.config;
    const perturbed = perturb?.peer === this.me ? perturb.frame : null;
    const game = { delay: input_delay, maxSteps: max_steps, endSum: end_sum, perturbed };
    this.epoch++;
    this.game = new Timeline(this.peers.length, game);
    this.queue = []; // packets that have arrived and are not yet drained (IN-1)
    this.canonical = []; // promoted rows, in order (BUF-3)
    this.hash = START; // of the canonical rows
    this.hashes = new Map(); // own, by frame
    this.heardHashes = []; // partners', not yet compared
    this.end = null; // decided on confirmed frames (EP-1)
    this.ends = new Map(); // the partners' (EP-2)
    this.syncDeadline = null;
    this.waitDeadline = null;
    this.over = null; // how the episode ended
    this.exported = false;
    this.delivery = new Map(
      this.partners.map((peer) => [peer, { acked: input_delay - 1, due: 0, endKnown: false, endDue: 0 }]),
    );
  }

  see(obs, fields) {
    this.obs.push({ obs, ...fields });
  }

  // --- what the platform asks for ---

  tick(now, value) {
    this.ticks++;
    this.start(now, value);
  }

  // While the peer simulates, a timer only re-sends; in the wait it does all that a tick does (IN-2, EP-5).
  poll(now) {
    if (this.inWait()) this.start(now, null);
    else if (this.work === null) this.resend(now);
  }

  start(now, value) {
    if (this.work !== null) return;
    this.work = this.step(now, value);
    this.resume();
  }

  resume() {
    if (this.work?.next().done) this.work = null;
  }

  arrive(from, data) {
    const packet = decode(data);
    if (packet === null) this.reject(from, undefined, 'not a packet');
    else this.queue.push({ from, packet, tick: this.ticks });
  }

  link(to, state) {
    const link = this.links.get(to);
    if (state === 'closed' && link.fellBack === null) {
      link.fellBack = this.game.frame; // once, and for good (TR-4)
      this.metrics.fallbacks++;
    }
    link.state = state;
  }

  // Returns why not, or null.
  export() {
    if (this.work !== null) return 'a rollback is in progress (RB-7)';
    if (this.over === null) return 'the episode is not over (EP-10)';
    if (this.exported) return 'the episode has been exported (EP-10)';
    this.exported = true;
    this.see('export', { rows: this.canonical });
    for (const [name, value] of Object.entries(this.metrics)) this.see('metric', { name, value });
    return null;
  }

  next() {
    if (!this.exported) return 'the episode has not been exported (EP-10)';
    this.beginEpisode();
    this.see('episode_begin', { epoch: this.epoch });
    return null;
  }

  // When a poll is wanted: soon in the wait and while answers are owed, else when something must be sent again.
  wake(now) {
    if (this.work !== null) return null;
    const open = [...this.delivery.values()].filter((each) => each.acked < this.newest());
    if (!this.inWait()) return open.length ? Math.min(...open.map((each) => each.due)) : null;
    const settled = this.exported && !open.length && !this.queue.length;
    return settled && [...this.delivery.values()].every((each) => each.endKnown) ? null : now + POLL_MS;
  }

  variables() {
    const { frame, confirmed, pending } = this.game;
    return { frame, confirmed, pending, rolling_back: this.work !== null, epoch: this.epoch };
  }

  // --- a tick, or a poll of the wait: the order of operations is the protocol's (section 7) ---

  *step(now, value) {
    const answers = this.drain();
    const scheduled = value !== null && !this.inWait() && this.schedule(now, value);
    yield* this.rollBack();
    this.confirmAndPromote(now);
    if (scheduled && !this.inWait()) this.advance();
    if (this.over === null) this.watchEnd(now);
    if (this.inWait()) for (const peer of answers) this.answer(now, peer);
    this.resend(now);
  }

  // Whether there is nothing to simulate: an end is suspected, decided, announced, or reached.
  inWait() {
    return this.over !== null || this.game.frame >= this.stop();
  }

  // How many frames the episode has, as far as is known; a simulated end is only a suspicion (EP-1).
  stop() {
    const known = Math.min(this.end ?? Infinity, ...this.ends.values());
    return this.game.isOver(this.game.frame) ? Math.min(known, this.game.frame) : known;
  }

  schedule(now, value) {
    const frame = this.game.frame + this.config.input_delay;
    const { known } = this.game;
    if (!known[this.number].has(frame)) {
      for (const each of this.delivery.values()) {
        if (each.acked === frame - 1) each.due = now + this.config.resend_interval_ms;
      }
      this.game.store(this.number, frame, value);
      this.see('input_local', { frame, input: value });
    }
    for (const peer of this.partners) this.sendInputs(now, peer, frame - this.config.redundancy + 1, frame);
    return true;
  }

  advance() {
    const { game } = this;
    if (game.frame - game.confirmed > this.config.prediction_window) {
      this.see('stall', { frame: game.frame }); // (IN-8)
      return;
    }
    this.metrics.frames++;
    this.simulate(false);
  }

  simulate(resimulated) {
    const { game } = this;
    const { frame } = game;
    this.see('save', { frame, state: game.before[frame].state });
    game.simulate();
    const { inputs, predicted } = game.frames[frame];
    this.see('advance', { frame, inputs, state: game.before[frame + 1].state, predicted, resimulated });
  }

  // Yields before each frame that is replayed.
  *rollBack() {
    const { game } = this;
    if (game.pending === null) return;
    const reached = game.frame;
    const target = game.rewind();
    this.metrics.rollbacks++;
    this.metrics.greatest_depth = Math.max(this.metrics.greatest_depth, reached - target);
    this.see('rollback_begin', { frame: target });
    this.see('load', { frame: target, state: game.before[target].state });
    while (game.frame < reached) {
      yield;
      this.simulate(true);
    }
    this.see('rollback_end', { frame: reached });
  }

  confirmAndPromote(now) {
    const { game } = this;
    if (this.over !== null || game.pending !== null) return; // (BUF-4)
    while (game.confirm()) this.see('confirm', { frame: game.confirmed });
    const first = this.canonical.length;
    const last = Math.min(game.confirmed, this.stop() - 1);
    if (first <= last) this.promote(now, last, false);
    if (this.end === null && game.isOver(game.confirmed + 1)) this.end = game.confirmed + 1;
  }

  promote(now, last, forced) {
    const { game } = this;
    const frames = [];
    while (this.canonical.length <= last) {
      const frame = this.canonical.length;
      const { inputs } = game.frames[frame];
      const { state, returns } = game.before[frame + 1];
      this.canonical.push({ frame, inputs, state, returns, unconfirmed: forced });
      this.hash = play(this.hash, [...inputs, state & 255, (state >>> 8) & 255, (state >>> 16) & 255, state >>> 24]);
      this.hashes.set(frame, this.hash);
      if (!forced && (frame + 1) % this.config.hash_interval === 0) {
        for (const peer of this.partners) this.send(now, peer, 'hash', { frame, hash: this.hash });
      }
      frames.push(frame);
    }
    this.see('promote', { frames, forced });
    this.compareHashes();
  }

  compareHashes() {
    this.heardHashes = this.heardHashes.filter(({ from, frame, hash }) => {
      if (!this.hashes.has(frame)) return true;
      if (this.hashes.get(frame) !== hash) {
        this.metrics.hash_mismatches++;
        this.see('violation', { kind: 'desync', player: from, frame });
      }
      return false;
    });
  }

  // --- the end ---

  watchEnd(now) {
    if (!this.inWait()) {
      this.syncDeadline = this.waitDeadline = null; // the suspicion was false
      return;
    }
    const { episode_sync_timeout_ms: sync, input_confirmation_timeout_ms: wait } = this.config;
    const all = this.partners.every((peer) => this.ends.has(peer));
    this.syncDeadline ??= now + sync;
    if (all || now >= this.syncDeadline) this.waitDeadline ??= now + wait;
    if (this.waitDeadline === null) return;
    const frames = this.stop();
    const confirmed = this.game.confirmed >= frames - 1;
    if (confirmed || now >= this.waitDeadline) this.complete(now, frames, confirmed, all);
  }

  complete(now, frames, confirmed, all) {
    const spread = Math.max(frames, ...this.ends.values()) - frames;
    if (spread > 5) this.see('violation', { kind: 'ends_differ', frame: frames, detail: `by ${spread} frames` });
    this.over = all ? (confirmed ? 'agreed' : 'timeout') : 'degraded';
    this.see('episode_end', { frame: frames, kind: this.over, confirmed });
    if (this.canonical.length < frames) this.promote(now, frames - 1, true); // by force, and flagged (EP-8)
  }

  // --- packets ---

  // Take in what has arrived, in order, as far as it is not held back (IN-12). Returns who is owed an answer.
  drain() {
    const due = this.ticks - this.config.debug_remote_input_delay;
    const answers = new Set();
    const held = [];
    for (const arrived of this.queue) {
      if (arrived.tick > due) held.push(arrived);
      else this.take(arrived.from, arrived.packet, answers);
    }
    this.queue = held;
    return answers;
  }

  take(from, packet, answers) {
    if (packet.game !== GAME) return this.reject(from, undefined, `game ${packet.game}`);
    if (packet.epoch !== this.epoch) return this.reject(from, undefined, `episode ${packet.epoch}`);
    if (packet.player !== from) return this.reject(from, undefined, `an input of ${packet.player}`);
    const delivery = this.delivery.get(from);
    if (packet.heard !== undefined) {
      if (packet.heard > this.newest()) return this.reject(from, undefined, 'acknowledges what was never sent');
      delivery.acked = Math.max(delivery.acked, packet.heard);
    }
    if (packet.kind === 'ack') delivery.endKnown ||= packet.knowsEnd && this.end !== null;
    if (packet.kind === 'input') {
      packet.inputs.forEach((value, index) => this.takeInput(from, packet.first + index, value));
    }
    if (packet.kind === 'end') this.takeEnd(from, packet);
    if (packet.kind === 'hash') this.takeHash(from, packet.frame, packet.hash);
    if (packet.kind === 'input' || packet.kind === 'end') answers.add(from);
  }

  takeInput(from, frame, value) {
    const { game } = this;
    const player = this.peers.indexOf(from);
    const known = frame < 0 ? undefined : game.input(player, frame);
    if (this.over !== null) return;
    if (frame < 0 || frame > game.frame + this.config.max_frames_ahead) {
      this.reject(from, frame, 'too far away'); // (IN-7)
    } else if (known !== undefined) {
      if (known === value) return;
      this.metrics.conflicts++;
      this.see('violation', { kind: 'conflict', player: from, frame, detail: `kept ${known}, ignored ${value}` });
    } else {
      const wrong = game.store(player, frame, value);
      this.see('input_recv', { player: from, frame, input: value });
      if (wrong !== null) {
        this.metrics.mispredictions++;
        this.see('mispredict', { player: from, frame, ...wrong });
      }
    }
  }

  // An end is believed if it is the first of its sender and not below what is final here.
  takeEnd(from, { end, hash }) {
    if (this.over !== null || this.ends.has(from)) return;
    if (end < 1 || end < this.canonical.length || end > this.game.frame + this.config.max_frames_ahead) {
      this.reject(from, undefined, `an end after ${end} frames`);
      return;
    }
    this.ends.set(from, end);
    this.takeHash(from, end - 1, hash);
  }

  takeHash(from, frame, hash) {
    if (frame < 0 || frame > this.game.frame + this.config.max_frames_ahead || this.over !== null) return;
    this.heardHashes.push({ from, frame, hash });
    this.compareHashes();
  }

  reject(from, frame, detail) {
    this.metrics.rejected++;
    const where = frame === undefined ? {} : { frame: Math.max(frame, -1) };
    this.see('violation', { kind: 'rejected', player: from, ...where, detail });
  }

  // The highest frame of which the local input is fixed.
  newest() {
    return this.game.complete[this.number];
  }

  heard(peer) {
    return this.game.complete[this.peers.indexOf(peer)];
  }

  sendInputs(now, peer, from, last) {
    const first = Math.max(from, this.config.input_delay);
    const inputs = [];
    for (let frame = first; frame <= last; frame++) inputs.push(this.game.input(this.number, frame));
    this.metrics.inputs_submitted++;
    const via = this.send(now, peer, 'input', { first, inputs, heard: this.heard(peer) });
    this.metrics[`inputs_sent_${via}`]++;
  }

  // By timer: whatever a partner has not acknowledged (IN-9, EP-2).
  resend(now) {
    for (const [peer, delivery] of this.delivery) {
      if (delivery.acked < this.newest() && now >= delivery.due) {
        delivery.due = now + this.config.resend_interval_ms;
        this.sendInputs(now, peer, delivery.acked + 1, Math.min(this.newest(), delivery.acked + MOST_RESENT));
      }
      if (this.end !== null && !delivery.endKnown && now >= delivery.endDue) {
        delivery.endDue = now + this.config.resend_interval_ms;
        this.send(now, peer, 'end', { end: this.end, hash: this.hashes.get(this.end - 1) });
      }
    }
  }

  answer(now, peer) {
    const knowsEnd = this.ends.has(peer) || this.over !== null;
    this.send(now, peer, 'ack', { heard: this.heard(peer), knowsEnd });
  }

  // One packet, one path (TR-2). Returns which.
  send(now, to, kind, fields) {
    const link = this.links.get(to);
    const via = link.state === 'up' && link.fellBack === null ? 'p2p' : 'relay';
    const packet = encode({ kind, game: GAME, player: this.me, epoch: this.epoch, time: now, ...fields });
    this.out.push({ to, via, class: kind, packet });
    return via;
  }
}
