// @tboyt/telegraph 0.0.3 behind the adapter protocol: the published package runs unmodified (see README.md).
// Run it: rollproof conform -- node conformance/adapters/telegraph/adapter.mjs [--ordered]
import { existsSync } from 'node:fs';
import { register } from 'node:module';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    ordered: { type: 'boolean', default: false }, // PeerJS connections made with `reliable: true`
    source: {
      type: 'string',
      default: new URL('../../../build/third-party/telegraph/node_modules/@tboyt/telegraph', import.meta.url).pathname,
    },
  },
});

if (!existsSync(`${options.source}/dist/index.js`)) {
  console.error(`telegraph is not installed in ${options.source}: run "make conform-real"`);
  process.exit(2);
}

let now = 0; // in microseconds
performance.now = () => now / 1000;
for (const name of ['log', 'warn', 'error']) console[name] = () => {}; // it tells every rollback

register('./resolve.mjs', import.meta.url);
const library = await import(`${options.source}/dist/index.js`);
const { connected } = await import('./peer.mjs');

const HELLO = {
  protocol: 1,
  name: '@tboyt/telegraph',
  version: '0.0.3',
  language: 'JavaScript',
  level: 1,
  capabilities: ['core', 'delay', 'retransmit'],
  variants: { rollback_on: 'mispredict', prediction: 'previous', transport_needs: options.ordered ? 'reliable-ordered' : 'datagram' },
};

let peer = null;
const handlers = {
  hello: () => ({ hello: HELLO }),
  reset(request) {
    now = 0;
    peer = connected(library, request);
  },
  tick: ({ input }) => peer.tick(input),
  deliver: ({ packet }) => peer.deliver(packet),
  poll: () => peer.telegraph.afterTick(),
  link: () => ({ skipped: { reason: 'PeerJS hides it' } }),
  command: () => ({ skipped: { reason: 'there are no commands' } }),
  query: ({ names }) => ({ vars: names.includes('frame') ? { frame: peer.frame } : {} }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  const answer = { seq: request.seq };
  now = request.now ?? now;
  try {
    const { code, ...more } = handlers[request.op]?.(request) ?? {};
    Object.assign(answer, more);
  } catch (error) {
    answer.error = String(error?.message ?? error);
  }
  if (peer) Object.assign(answer, peer.takeSeen());
  process.stdout.write(`${JSON.stringify(answer)}\n`);
  if (request.op === 'bye') process.exit(0);
}
