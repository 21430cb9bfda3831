// The parts of a browser that MUG's modules touch: clock, page, socket, worker and peer connection.
import { readFileSync } from 'node:fs';
import { runInThisContext } from 'node:vm';

const EPOCH_MS = 1_700_000_000_000;

function define(name, value) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}

const element = () => ({
  style: {},
  classList: { add() {}, remove() {} },
  remove() {},
  appendChild() {},
  addEventListener() {},
  textContent: '',
});

// jQuery finds nothing, and may be asked for anything.
function emptyQuery() {
  const query = new Proxy(function () {}, {
    get(_, name) {
      if (name === 'length') return 0;
      if (name === '0') return undefined;
      return name === Symbol.toPrimitive ? () => '' : () => query;
    },
    apply: () => query,
  });
  return query;
}

// Installs the globals. Returns the handles by which the adapter plays network and platform.
export function installBrowser(clock, source, { onSend, onEmit }) {
  const browser = { worker: null, channel: null, connection: null, gameConfig: null };
  const watching = []; // for a change of visibility
  browser.hide = (hidden) => {
    document.hidden = hidden;
    for (const handler of watching) handler();
  };
  const sockets = new Map();
  browser.fire = (event, data) => sockets.get(event)?.forEach((handler) => handler(data));

  define('window', globalThis);
  define('setTimeout', (run, ms) => clock.start(run, ms));
  define('setInterval', (run, ms) => clock.start(run, ms, true));
  define('clearTimeout', (id) => clock.stop(id));
  define('clearInterval', (id) => clock.stop(id));
  define('performance', { now: () => clock.now / 1000 });
  const RealDate = Date;
  define(
    'Date',
    class extends RealDate {
      constructor(...parts) {
        if (parts.length) super(...parts);
        else super(EPOCH_MS + clock.now / 1000);
      }

      static now() {
        return EPOCH_MS + Math.floor(clock.now / 1000);
      }
    },
  );
  Math.random = () => 0.5;
  for (const level of ['log', 'info', 'warn', 'error', 'debug']) console[level] = () => {};

  define('devicePixelRatio', 1);
  define('addEventListener', () => {});
  define('getComputedStyle', () => ({}));
  define('document', {
    hidden: false,
    body: element(),
    createElement: element,
    getElementById: () => null,
    querySelector: () => null,
    addEventListener(event, handler) {
      if (event === 'visibilitychange') watching.push(handler);
    },
  });
  define('$', emptyQuery());
  define('Phaser', {
    AUTO: 0,
    Scene: class {},
    Game: class {
      constructor(config) {
        browser.gameConfig = config;
      }
    },
  });

  // The timer worker: its ticks are the runner's.
  define(
    'Worker',
    class {
      constructor() {
        browser.worker = this;
        this.running = false;
      }

      postMessage({ command }) {
        if (command === 'start') this.running = true;
        if (command === 'stop') this.running = false;
      }

      terminate() {
        this.running = false;
      }
    },
  );

  const newChannel = () => {
    browser.channel = { readyState: 'connecting', bufferedAmount: 0, send: onSend, close() {} };
    return browser.channel;
  };
  define('RTCSessionDescription', Object);
  define('RTCIceCandidate', Object);
  define(
    'RTCPeerConnection',
    class {
      constructor() {
        browser.connection = this;
        this.iceConnectionState = 'new';
        this.connectionState = 'new';
      }

      createDataChannel = newChannel;
      async createOffer() {
        return { type: 'offer' };
      }
      async createAnswer() {
        return { type: 'answer' };
      }
      async setLocalDescription(description) {
        this.localDescription = description;
      }
      async setRemoteDescription() {}
      async addIceCandidate() {}
      async getStats() {
        return new Map();
      }
      close() {}
    },
  );
  browser.openChannel = () => {
    if (browser.channel === null) browser.connection.ondatachannel({ channel: newChannel() });
    browser.connection.iceConnectionState = 'connected';
    browser.channel.readyState = 'open';
    browser.channel.onopen();
  };

  define('socket', {
    connected: true,
    on: (event, handler) => sockets.set(event, [...(sockets.get(event) ?? []), handler]),
    off() {},
    emit: onEmit,
  });
  runInThisContext(readFileSync(`${source}/msgpack.min.js`, 'utf8')); // MUG's own: defines the global msgpack
  return browser;
}
