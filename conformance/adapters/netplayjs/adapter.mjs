// netplayjs 0.4.1 behind the adapter protocol: its published bundle runs unmodified (see README.md).
// Run it: rollproof conform -- node conformance/adapters/netplayjs/adapter.mjs [--build netplay.min.js]
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Peer } from './peer.mjs';

const { values: options } = parseArgs({
  options: {
    build: { type: 'string', default: 'netplay.js' }, // with assertions; netplay.min.js is without
    source: {
      type: 'string',
      default: new URL('../../../build/third-party/netplayjs/node_modules/netplayjs', import.meta.url).pathname,
    },
  },
});

if (!['netplay.js', 'netplay.min.js'].includes(options.build)) {
  console.error('usage: adapter.mjs [--build netplay.js|netplay.min.js] [--source DIRECTORY]');
  process.exit(2);
}
if (!existsSync(`${options.source}/dist/${options.build}`)) {
  console.error(`netplayjs is not installed in ${options.source}: run "make conform-real"`);
  process.exit(2);
}

const HELLO = {
  protocol: 1,
  name: `netplayjs (${options.build})`,
  version: '0.4.1',
  language: 'JavaScript',
  level: 1,
  capabilities: ['core', 'window'],
  variants: { rollback_on: 'late', prediction: 'previous', transport_needs: 'reliable-ordered' },
};

let peer = null;
const handlers = {
  hello: () => ({ hello: HELLO }),
  reset(request) {
    peer = new Peer(options.source, options.build, request);
  },
  tick: ({ input }) => peer.tick(input),
  deliver: ({ packet }) => peer.deliver(packet),
  query: ({ names }) => {
    const all = peer.variables();
    return { vars: Object.fromEntries(names.filter((name) => name in all).map((name) => [name, all[name]])) };
  },
  link: () => ({ skipped: { reason: 'there is one reliable channel' } }),
  command: () => ({ skipped: { reason: 'there are no commands' } }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  const answer = { seq: request.seq };
  try {
    if (request.now !== undefined) await peer.clock.advance(request.now, () => {});
    Object.assign(answer, handlers[request.op]?.(request));
  } catch (error) {
    answer.error = String(error?.message ?? error);
  }
  if (peer) {
    Object.assign(answer, { out: peer.out, obs: peer.obs });
    peer.out = [];
    peer.obs = [];
    const timer = peer.clock.next();
    if (timer !== undefined) answer.wake_us = timer.due;
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
  if (request.op === 'bye') process.exit(0);
}
