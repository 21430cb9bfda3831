// rollback-netcode 0.0.6 behind the adapter protocol: the published package runs unmodified (see README.md).
// Run it: rollproof conform -- node conformance/adapters/rollback-netcode/adapter.mjs [--topology mesh]
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    topology: { type: 'string', default: 'star' }, // the library's default
    source: {
      type: 'string',
      default: new URL('../../../build/third-party/rollback-netcode/node_modules/rollback-netcode', import.meta.url).pathname,
    },
  },
});

if (!['star', 'mesh'].includes(options.topology)) {
  console.error('usage: adapter.mjs [--topology star|mesh] [--source DIRECTORY]');
  process.exit(2);
}
if (!existsSync(`${options.source}/dist/index.js`)) {
  console.error(`rollback-netcode is not installed in ${options.source}: run "make conform-real"`);
  process.exit(2);
}

let now = 0; // in microseconds
Date.now = () => Math.floor(now / 1000);
globalThis.setInterval = () => 0; // it only forgets old requests to join

const library = await import(`${options.source}/dist/index.js`);
const { joined } = await import('./peer.mjs');

const HELLO = {
  protocol: 1,
  name: `rollback-netcode (${options.topology})`,
  version: '0.0.6',
  language: 'JavaScript',
  level: 1,
  capabilities: ['core', 'window', 'n-player', 'leave'],
  variants: { rollback_on: 'mispredict', prediction: 'previous', transport_needs: 'reliable-control', resync: 'state' },
};

let peer = null;
const handlers = {
  hello: () => ({ hello: HELLO }),
  async reset(request) {
    now = 0;
    peer = await joined(library, options.topology, request);
  },
  tick: ({ input }) => peer.tick(input),
  deliver: ({ from, packet }) => peer.deliver(from, packet),
  link: ({ to, state }) =>
    state === 'closed' ? peer.lose(to) : { skipped: { reason: 'a transport hides it, or is closed' } },
  command: ({ name }) => (name === 'leave' ? peer.leave() : { skipped: { reason: `there is no ${name}` } }),
  query: ({ names }) => {
    const all = peer.variables();
    return { vars: Object.fromEntries(names.filter((name) => name in all).map((name) => [name, all[name]])) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  const answer = { seq: request.seq };
  now = request.now ?? now;
  try {
    Object.assign(answer, await handlers[request.op]?.(request));
  } catch (error) {
    answer.error = String(error?.message ?? error);
  }
  if (peer) Object.assign(answer, peer.takeSeen());
  process.stdout.write(`${JSON.stringify(answer)}\n`);
  if (request.op === 'bye') process.exit(0);
}
