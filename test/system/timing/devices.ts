/** The published attack in real time: an observer at the embedded gatekeeper sends probes to real clients of a running
 *  proxy, and measures when their receipts come. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Client } from '../../../src/simulator/client.ts';
import { element } from '../../../src/simulator/xml/element.ts';
import { ns } from '../../../src/stanza/namespaces.ts';
import { startProcess } from '../../peers/process.ts';
import { sigma, type States } from '../../session/timing/latency.ts';
import type { Sample } from '../../session/timing/classifier.ts';
import { domain, startGatekeeper, users as others } from '../../simulator/support/gatekeeper.ts';
import { startTestProxy } from '../../support/proxy.ts';
import type { Random } from '../../support/random.ts';
import { eventually } from '../../support/wait.ts';

export interface DevicesOptions {
  readonly policy: string;
  readonly devices: number;
}

export interface Devices {
  /** Sends probes to all devices at once, one after `betweenMs` to each, and waits for the receipts.
   *  @returns one sample for each device, with its state drawn anew */
  observe(states: States, probes: number, betweenMs: number, random: Random): Promise<Sample[]>;
  close(): Promise<void>;
}

const password = 'balcony';
/** How long the last receipts are waited for, in milliseconds. */
const lastMs = 20_000;

export async function startDevices({ policy, devices }: DevicesOptions): Promise<Devices> {
  const folder = await mkdtemp(join(tmpdir(), 'narthex-timing-'));
  const accounts = Array.from({ length: devices }, (_, device) => `device${device}`);
  const users = [others.romeo, ...accounts.map((username) => ({ username, password }))];
  const gatekeeper = await startGatekeeper({ users });
  const authority = join(folder, 'authority.pem');
  await writeFile(authority, gatekeeper.authority.certificate);
  const pair = gatekeeper.authority.issue([domain]);
  const proxy = await startTestProxy({
    domain,
    gatekeeper: { port: gatekeeper.endpoints.direct.port, tls: 'direct' },
    certificate: pair.certificate,
    key: pair.key,
    ca: gatekeeper.authority.certificate,
    policy,
  });
  const came = new Map<string, number>();
  const observer = await gatekeeper.logIn('romeo', {
    onXml: (direction, xml) => {
      const id = direction === 'received' ? /<received [^>]*id=['"]([^'"]+)/.exec(xml)?.[1] : undefined;
      if (id !== undefined && !came.has(id)) came.set(id, performance.now());
    },
  });
  let online = 0;
  const failures: string[] = [];
  const client = startProcess(
    {
      program: process.execPath,
      args: [fileURLToPath(new URL('../../peers/javascript/devices.mjs', import.meta.url))],
      environment: {
        PEER_JID: `device@${domain}`,
        PEER_PASSWORD: password,
        PEER_HOST: '127.0.0.1',
        PEER_PORT: String(proxy.starttls),
        DEVICES: String(devices),
        SIGMA: String(sigma),
        NODE_EXTRA_CA_CERTS: authority,
      },
      folder,
      log: join(folder, 'devices.log'),
    },
    (line) => {
      const [event, word = ''] = line.split(' ');
      if (event === 'online') online += 1;
      else if (event === 'failed') failures.push(Buffer.from(word, 'base64').toString());
    },
  );
  await eventually(() => online === devices || failures.length > 0, 60_000);
  if (failures.length > 0) throw new Error(failures.join('; '));
  let count = 0;
  return {
    async observe(states, probes, betweenMs, random) {
      const slow = accounts.map(() => random.once(2));
      slow.forEach((isSlow, device) =>
        client.write(`median ${device} ${isSlow ? states.slowMs : states.fastMs}`),
      );
      const sent: { readonly id: string; readonly at: number }[][] = accounts.map(() => []);
      for (let probe = 0; probe < probes; probe += 1) {
        for (const [device, account] of accounts.entries()) {
          const id = `p${(count += 1)}`;
          sent[device]!.push({ id, at: performance.now() });
          send(observer, `${account}@${domain}`, id);
        }
        await sleep(betweenMs);
      }
      const all = sent.flat();
      await eventually(() => all.every(({ id }) => came.has(id)), lastMs);
      const samples = sent.map((of, device) => ({
        observation: of.map(({ id, at }) => came.get(id)! - at),
        isSlow: slow[device]!,
      }));
      came.clear();
      return samples;
    },
    async close() {
      client.closeInput();
      await client.ended;
      await proxy.close();
      await gatekeeper.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function send(observer: Client, to: string, id: string): void {
  const content = [element(ns.client, 'body', {}, 'x'), element('urn:xmpp:receipts', 'request')];
  observer.send(element(ns.client, 'message', { to, type: 'chat', id }, ...content));
}
