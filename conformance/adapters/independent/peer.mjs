// A small rollback peer, written from the protocol's rules alone, behind the adapter protocol.
// Run it: rollproof conform -- node conformance/adapters/independent/peer.mjs
import { createInterface } from 'node:readline';
import { Session } from './session.mjs';

const HELLO = {
  protocol: 1,
  name: 'independent peer',
  version: '1',
  language: 'JavaScript',
  level: 2,
  capabilities: [
    ...['core', 'delay', 'window', 'retransmit', 'n-player', 'relay', 'promote', 'episode-end'],
    ...['input-confirmation', 'metrics', 'desync', 'interleave'],
  ],
};
const WORK = 'step';
const milliseconds = (us) => Math.floor(us / 1000);

let session = null;
let observed = new Set();
let interleave = false;

const declined = (reason) => (reason === null ? {} : { skipped: { reason } });

const handlers = {
  hello: () => ({ hello: HELLO }),
  reset(request) {
    session = new Session(request.peer, request.peers, request.config);
    observed = new Set(request.observe);
    interleave = request.interleave;
  },
  tick: ({ now, input }) => session.tick(milliseconds(now), input),
  poll: ({ now }) => session.poll(milliseconds(now)),
  deliver: ({ from, packet }) => session.arrive(from, packet),
  resume: () => session.resume(),
  link: ({ to, state }) => session.link(to, state),
  command({ name }) {
    if (name === 'export') return declined(session.export());
    if (name === 'next_episode') return declined(session.next());
    return declined(`there is no command ${name}`);
  },
  query({ names }) {
    const all = session.variables();
    return { vars: Object.fromEntries(names.filter((name) => name in all).map((name) => [name, all[name]])) };
  },
  bye: () => ({}),
};

function handle(request) {
  const answer = { seq: request.seq, ...handlers[request.op](request) };
  if (session === null || request.op === 'bye') return answer;
  while (!interleave && session.work !== null) session.resume();
  answer.out = session.out;
  answer.obs = session.obs.filter((each) => observed.has(each.obs));
  session.out = [];
  session.obs = [];
  if (session.work !== null) answer.waiting = [WORK];
  const wake = request.now === undefined ? null : session.wake(milliseconds(request.now));
  if (wake !== null) answer.wake_us = wake * 1000;
  return answer;
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = handle(request);
  } catch (error) {
    answer = { seq: request.seq, error: String(error.stack) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
  if (request.op === 'bye') process.exit(0);
});
