// Observations: MUG's own methods, wrapped one by one; what they do is untouched.

// Calls `before(...args)`, the method, and, when it is done, `after(token, result, ...args)`.
function wrap(object, name, before, after = () => {}) {
  const method = object[name].bind(object);
  object[name] = (...args) => {
    const token = before(...args);
    const result = method(...args);
    if (typeof result?.then !== 'function') {
      after(token, result, ...args);
      return result;
    }
    return result.then((value) => {
      after(token, value, ...args);
      return value;
    });
  };
}

const NONE = 0xffffffff;

// MUG goes on simulating past the end that it has announced, until the wait is over, and keeps these frames out of its
// data (`shouldStoreFrame`): they are kept out of the observations, too.
export class Observer {
  constructor(peers, config) {
    this.peers = peers;
    this.frames = config.max_steps ?? Infinity; // inputs of later frames are of no frame
    this.seen = [];
    this.waited = null; // what the confirmation wait returned, if there was one
    this.epoch = 0;
    this.end = Infinity; // how many frames the episode has, in MUG's own view
    this.hidden = { own: Infinity, partner: Infinity }; // from which frame on inputs are kept out, see `label`
    this.exported = 0; // exports that the runner has not asked for yet
    this.over = false;
  }

  see(obs, fields) {
    this.seen.push({ obs, ...fields });
  }

  // What is kept out at the sender must be kept out at the receiver, who may not know of the end yet. So the adapter
  // gives every packet a label: the episode, and from which frame on the sender's inputs are past its end.
  label() {
    return [this.epoch, this.hidden.own === Infinity ? NONE : this.hidden.own];
  }

  read([epoch, from]) {
    if (epoch === this.epoch && from !== NONE) this.hidden.partner = from;
  }

  player(id) {
    return this.peers[Number(id)] ?? String(id);
  }

  // What the game engine went through. MUG restores the nearest snapshot at or below the frame that it rolls back to,
  // and replays from there.
  game(kind, state, inputs, after) {
    const frame = state.t;
    if (frame >= this.end) return;
    if (kind === 'load') this.see('load', { frame, state: state.h });
    if (kind === 'save' || kind === 'replaySave') this.see('save', { frame, state: state.h });
    if (kind === 'step' || kind === 'replay') {
      this.see('advance', { frame, inputs, state: after.h, resimulated: kind === 'replay' });
    }
  }

  watch(game) {
    this.mug = game;
    wrap(game, 'storeLocalInput', () => {}, (_, frame, input) => {
      if (game.frameNumber < this.end) this.see('input_local', { frame, input });
      else this.hidden.own = Math.min(this.hidden.own, frame);
    });
    wrap(
      game,
      'storeRemoteInput',
      (id, _, frame) => ({
        known: game.inputBuffer.get(frame)?.has(String(id)) ?? false,
        events: game.sessionMetrics.rollbacks.events.length,
      }),
      ({ known, events }, _, id, input, frame) => {
        if (!known && frame < Math.min(this.frames, this.hidden.partner)) this.see('input_recv', { player: this.player(id), frame, input });
        for (const event of game.sessionMetrics.rollbacks.events.slice(events)) {
          const { predictedAction: predicted, actualAction: actual } = event;
          if (event.frame >= this.end) continue;
          this.see('mispredict', { player: this.player(event.playerId), frame: event.frame, predicted, actual });
        }
      },
    );
    wrap(
      game,
      'performRollback',
      (frame) => {
        if (frame < this.end) this.see('rollback_begin', { frame });
      },
      (_, done, frame) => {
        if (frame < this.end) this.see('rollback_end', { frame: Math.min(game.frameNumber, this.end) });
      },
    );
    this.watchConfirmed(game);
    const canonical = () => new Set(game.frameDataBuffer.keys());
    wrap(game, '_promoteConfirmedFrames', canonical, (before) => this.promoted(before, false));
    wrap(game, '_promoteRemainingAtBoundary', canonical, (before) => this.promoted(before, true));
    wrap(game, '_waitForInputConfirmation', () => {}, (_, result, timeoutMs) => {
      this.waited = { result, disabled: timeoutMs <= 0 };
    });
    wrap(game, 'signalEpisodeComplete', () => this.ended());
    wrap(game, '_broadcastEpisodeEnd', () => {
      this.end = game.frameNumber;
    });
    wrap(game, '_handleDesync', (frame) => this.see('violation', { kind: 'desync', frame }));
    wrap(game, 'clearGGPOState', () => {
      if (game.num_episodes > this.epoch) {
        this.epoch = game.num_episodes;
        this.end = Infinity;
        this.hidden = { own: Infinity, partner: Infinity };
        this.see('episode_begin', { epoch: this.epoch });
      }
    });
  }

  watchConfirmed(game) {
    let confirmed = game.confirmedFrame;
    Object.defineProperty(game, 'confirmedFrame', {
      get: () => confirmed,
      set: (frame) => {
        if (frame > confirmed && frame < this.end) this.see('confirm', { frame });
        confirmed = frame;
      },
    });
  }

  promoted(before, forced) {
    const isNew = (frame) => !before.has(frame) && frame < this.end;
    const frames = [...this.mug.frameDataBuffer.keys()].filter(isNew);
    if (frames.length) this.see('promote', { frames: frames.sort((one, other) => one - other), forced });
  }

  // MUG tells how it ended on its console, and by what its wait returns: read as generously as it can be.
  ended() {
    const game = this.mug;
    const frame = game.p2pEpisodeSync.syncedTerminationFrame ?? game.frameNumber;
    const unconfirmed = [...game.speculativeFrameData.keys()].some((each) => each < frame);
    let kind = 'degraded';
    if (this.waited !== null) {
      kind = !this.waited.result || (this.waited.disabled && unconfirmed) ? 'timeout' : 'agreed';
    }
    this.see('episode_end', { frame, kind, confirmed: kind === 'agreed' });
    this.waited = null;
    this.over = true;
  }

  // MUG exports columns, some of them by player; rows are made of what they all have a value for. A total is the sum of
  // the rewards up to a row, as whoever reads the data adds them up.
  export(data) {
    const { t } = data;
    const columns = {};
    for (const [name, column] of Object.entries(data)) {
      if (['player_subjects', 'rollbackEvents'].includes(name)) continue;
      if (Array.isArray(column)) columns[name] = column.length;
      else for (const [key, values] of Object.entries(column)) columns[`${name}.${key}`] = values.length;
    }
    const whole = (column) => (column?.length === t.length ? column : undefined);
    const states = whole(data.infos['0.h']);
    const rewards = this.peers.map((_, player) => whole(data.rewards[player]));
    const totals = this.peers.map(() => 0);
    const rows = t.map((frame, at) => {
      const row = { frame, inputs: this.peers.map((_, player) => data.actions[player]?.[at] ?? 0) };
      if (states) row.state = states[at];
      if (rewards.every(Boolean)) row.returns = rewards.map((column, player) => (totals[player] += column[at]));
      return row;
    });
    this.exported++;
    this.see('export', { rows, columns });
    const { p2pMetrics } = this.mug;
    this.see('metric', { name: 'inputs_sent_p2p', value: p2pMetrics.inputsSentViaP2P });
    this.see('metric', { name: 'inputs_sent_relay', value: p2pMetrics.inputsSentViaSocketIO });
  }
}
