/** What a gatekeeper that cannot be reached looks like: the same cause in the log, in the metric, in the client's text and
 *  in `narthex check --connect`. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dialCauses, type DialCause } from '../../src/errors/causes.ts';
import { narthex, printedJson } from '../cli/narthex.ts';
import { faultyGatekeepers, type FaultyGatekeepers } from '../support/faulty-gatekeepers.ts';
import { connectRaw, streamHeader } from '../support/raw-client.ts';
import { serveProcess, type ServeProcess } from '../support/serve-process.ts';
import { eventually } from '../support/wait.ts';
import { createAuthority } from '../support/certificates.ts';

let faults: FaultyGatekeepers;
let proxy: ServeProcess;
const authority = createAuthority();

const domainOf = (name: string): string => `${name}.example`;

beforeAll(async () => {
  faults = await faultyGatekeepers();
  const { gatekeepers, ca } = faults;
  const { cert, key } = authority.issue({ dns: gatekeepers.map(({ name }) => domainOf(name)) });
  proxy = await serveProcess({
    config: {
      certificates: [{ certFile: 'clients.crt', keyFile: 'clients.key' }],
      domains: gatekeepers.map(({ name }) => ({ domain: domainOf(name), gatekeeper: name })),
      gatekeepers: gatekeepers.map(({ name, connect }) => ({ name, connect, caFile: 'gatekeepers.crt' })),
      timeouts: { dialMs: 5_000 },
      log: { level: 'debug', unauthenticatedLinesPerSecondMax: 0 },
    },
    files: { 'clients.crt': cert, 'clients.key': key, 'gatekeepers.crt': ca },
  });
});

afterAll(async () => {
  await proxy.stop();
  await faults[Symbol.asyncDispose]();
});

/** What a client of this domain hears until its stream ends. */
async function heardBy(domain: string): Promise<string> {
  const port = Number(proxy.log.find(({ event }) => event === 'listener.opened')?.['port']);
  const client = connectRaw(port, authority.cert, { servername: domain });
  client.socket.write(streamHeader(domain));
  await client.closed;
  return client.received();
}

describe('a gatekeeper that cannot be reached says why', () => {
  it('to the client, in the log and in the metric: ten faults, eight causes', async () => {
    const { gatekeepers } = faults;
    expect(new Set(gatekeepers.map(({ cause }) => cause)).size).toBe(8);
    const heard = await Promise.all(gatekeepers.map(({ name }) => heardBy(domainOf(name))));
    const lineOf = (event: string, gatekeeper: string) =>
      proxy.log.find((line) => line['event'] === event && line['gatekeeper'] === gatekeeper);
    await eventually(() => gatekeepers.every(({ name }) => lineOf('session.closed', name) !== undefined));
    const metrics = await (await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`)).text();
    const found = gatekeepers.map(({ fault, name }, index) => ({
      fault,
      unreachable: lineOf('gatekeeper.unreachable', name)?.['cause'],
      refused: lineOf('session.refused', name)?.['cause'],
      counted: new RegExp(`^narthex_dial_failures_total\\{gatekeeper="${name}",cause="([a-z-]+)"\\} 1$`, 'm').exec(metrics)?.[1],
      text: /<text [^>]*>([^<]*)/.exec(heard[index]!)?.[1],
    })); // prettier-ignore
    expect(found).toEqual(
      gatekeepers.map(({ fault, cause }) => ({
        fault,
        unreachable: cause,
        refused: cause,
        counted: cause,
        text: expect.stringContaining(dialCauses[cause].text) as string,
      })),
    );
    for (const text of heard) expect(text).toContain('<remote-connection-failed ');
  });

  it('to the operator who asks `narthex check --connect`, which exits with 69', async () => {
    const { gatekeepers } = faults;
    const file = join(proxy.folder, 'narthex.yaml');
    const text = await narthex(['check', '--connect', file]);
    expect(text.exit).toBe(69);
    for (const { cause, name } of gatekeepers) {
      const told = `error ${codeOf(cause, name)}: gatekeeper ${name} cannot be reached for ${domainOf(name)} (${cause}): ${dialCauses[cause].cause.slice(0, -1)}\n`;
      expect(text.stderr).toContain(told);
      expect(text.stderr.replaceAll(/\s+/g, ' ')).toContain(dialCauses[cause].remedy);
      expect(text.stdout).toContain(
        `gatekeeper   ${name} for ${domainOf(name)} cannot be reached: ${cause}\n`,
      );
    }
    const json = await narthex(['check', '--connect', '--format', 'json', file]);
    const { valid, connections } = printedJson(json) as CheckResult;
    expect([json.exit, valid]).toEqual([69, true]);
    expect(connections.map(({ gatekeeper, cause }) => [gatekeeper, cause])).toEqual(
      gatekeepers.map(({ name, cause }) => [name, cause]),
    );
  });

  it('only on request: without --connect nothing is dialled', async () => {
    const { exit, stdout } = await narthex(['check', join(proxy.folder, 'narthex.yaml')]);
    expect([exit, stdout.includes('cannot be reached')]).toEqual([0, false]);
  });
});

interface CheckResult {
  readonly valid: boolean;
  readonly connections: readonly { readonly gatekeeper: string; readonly cause: string }[];
}

/** The code that goes with a cause; clear text has one in each phase. */
function codeOf(cause: DialCause, name: string): string {
  if (name === 'bare') return 'ERR_GATEKEEPER_NEGOTIATION';
  return ['name-unresolved', 'refused', 'timed-out'].includes(cause)
    ? 'ERR_GATEKEEPER_UNREACHABLE'
    : 'ERR_GATEKEEPER_TLS';
}
