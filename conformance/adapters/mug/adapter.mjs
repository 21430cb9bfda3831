// MUG 0.1.3 behind the adapter protocol: its shipped pyodide_multiplayer_game.js runs unmodified (see README.md).
// Run it: rollproof conform -- node conformance/adapters/mug/adapter.mjs [--guards ABCD] [--snapshots N]
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';

const { values: options } = parseArgs({
  options: {
    guards: { type: 'string', default: '' }, // of revision 73: any of A, B, C, D
    snapshots: { type: 'string', default: '5' }, // every how many frames MUG keeps one; 5 is its default
    source: {
      type: 'string',
      default: new URL('../../../build/third-party/mug/mug/server/static/js', import.meta.url).pathname,
    },
  },
});

if (!existsSync(`${options.source}/pyodide_multiplayer_game.js`)) {
  console.error(`MUG is not installed in ${options.source}: run "make conform-real"`);
  process.exit(2);
}
if (!/^[A-D]*$/.test(options.guards) || !/^[1-9][0-9]{0,4}$/.test(options.snapshots)) {
  console.error('usage: adapter.mjs [--guards ABCD] [--snapshots N] [--source DIRECTORY]');
  process.exit(2);
}

const HELLO = {
  protocol: 1,
  name: options.guards ? `MUG with guards ${options.guards}` : 'MUG',
  version: '0.1.3',
  language: 'JavaScript',
  level: 2,
  capabilities: ['core', 'delay', 'promote', 'episode-end', 'input-confirmation', 'metrics', 'desync', 'sparse', 'interleave', 'pause'],
  variants: { rollback_on: 'mispredict', prediction: 'previous', pause: 'caught-up' },
  observes: [
    ...['advance', 'save', 'load', 'input_local', 'input_recv', 'mispredict', 'rollback_begin', 'rollback_end'],
    ...['confirm', 'promote', 'episode_end', 'episode_begin', 'export', 'metric', 'violation'],
  ],
};

// A peer has a whole realm to itself, with globals of its own: MUG's modules keep state in both.
let realm = null;
let observed = new Set();
let asked = null; // what is to be done with the answer that is being waited for

function renew() {
  const ended = realm?.terminate();
  realm = new Worker(new URL('realm.mjs', import.meta.url), { workerData: options, stdout: true });
  realm.on('message', (answer) => asked.resolve(answer));
  realm.on('error', (error) => asked?.reject(error));
  return ended;
}

function ask(request) {
  return new Promise((resolve, reject) => {
    asked = { resolve, reject };
    realm.postMessage(request);
  });
}

async function handle(request) {
  if (request.op === 'hello') return { hello: HELLO };
  if (request.op === 'reset') {
    observed = new Set(request.observe);
    await renew();
  }
  if (request.op === 'bye') return {};
  const answer = await ask(request);
  if (answer.obs) answer.obs = answer.obs.filter((each) => observed.has(each.obs));
  return answer;
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = await handle(request);
  } catch (error) {
    answer = { error: String(error?.stack ?? error) };
  }
  process.stdout.write(`${JSON.stringify({ seq: request.seq, ...answer })}\n`);
  if (request.op === 'bye') process.exit(0);
}
