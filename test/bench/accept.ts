/** What taking TLS from one client costs in CPU time: plainly with Node, as it comes and with the TLS settings of the
 *  proxy (which resumes no sessions, and so saves the tickets), with the proxy's own listener, and with everything that
 *  connection signals add (the kept SYN, JA4, the policy, a signed attestation). Servers have a process of their own each;
 *  another one is the clients, which do full handshakes. */
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createAuthority } from '../support/certificates.ts';
import type { AcceptRequest } from './accept-server.ts';
import { ask } from './child.ts';
import { median } from './measure.ts';
import type { Bench, Row } from './row.ts';

/** Short rounds that take turns, so that whatever else the machine does falls on all alike. */
const rounds = 60;
/** What runs once per connection is compiled late: the last functions after some ten thousand. A server is measured as
 *  it is after its first minutes, and not while it compiles. */
const warmUpRounds = 150;
const handshakes = 100;
const aim = 1.35;

type Kind = AcceptRequest['kind'];
const kinds: readonly Kind[] = ['plain', 'settings', 'listener', 'signals'];
const yardsticks = { plain: 'a plain Node TLS accept', settings: 'one with the same TLS settings' } as const;

export const acceptBench: Bench = { name: 'accept', run };

interface Server {
  readonly kind: AcceptRequest['kind'];
  readonly port: number;
  readonly child: ChildProcess;
}

async function run(): Promise<Row[]> {
  const authority = createAuthority();
  const credentials = { ca: authority.cert, ...authority.issue({ dns: ['im.example'] }) };
  const load = fork(join(import.meta.dirname, 'accept-load.ts'));
  const servers: Server[] = [];
  try {
    for (const kind of kinds) {
      const child = fork(join(import.meta.dirname, 'accept-server.ts'));
      const port = (await ask(child, { kind, ...credentials } satisfies AcceptRequest)) as number;
      servers.push({ kind, port, child });
    }
    const samples = servers.map((): number[] => []);
    for (let round = -warmUpRounds; round < rounds; round += 1)
      for (const [index, { port, child }] of servers.entries()) {
        const before = (await ask(child, 'cpu')) as number;
        await ask(load, { port, handshakes, ca: credentials.ca });
        const spent = ((await ask(child, 'cpu')) as number) - before;
        if (round >= 0) samples[index]!.push(spent / handshakes);
      }
    return [...kinds.map((kind) => row(kind, samples, 'plain')), row('signals', samples, 'settings')];
  } finally {
    for (const { child } of servers) child.disconnect();
    load.disconnect();
  }
}

function row(kind: Kind, samples: readonly (readonly number[])[], yardstick: 'plain' | 'settings'): Row {
  const [costs, others] = [samples[kinds.indexOf(kind)]!, samples[kinds.indexOf(yardstick)]!];
  return {
    name: `accept: ${names[kind]}`,
    byteLength: 0,
    figure: `${median(costs).toFixed(0)} µs per TLS accept`,
    ratio: median(costs.map((cost, round) => cost / others[round]!)),
    yardstick: yardsticks[yardstick],
    ...(kind === 'signals' && yardstick === 'plain' ? { aim } : {}),
  };
}

const names: Readonly<Record<Kind, string>> = {
  plain: 'Node',
  settings: "Node with the proxy's TLS settings",
  listener: "the proxy's listener",
  signals: 'with SYN, JA4 and attestation',
};
