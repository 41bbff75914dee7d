import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ns } from '../../src/stanza/namespaces.ts';
import type { Client } from '../../src/simulator/client.ts';
import { attribute, child, element, text } from '../../src/simulator/xml/element.ts';
import { startGatekeeper } from './support/gatekeeper.ts';

// Ordinary clients, each in a process of its own, talk with a scripted Romeo. A Debian client that is not installed
// is a skip that says so.
const run = promisify(execFile);
const domain = 'localhost';
const folder = new URL('peers/', import.meta.url).pathname;
const hasSlixmpp = spawnSync('/usr/bin/python3', ['-c', 'import slixmpp']).status === 0;
const goSendxmpp = '/usr/bin/go-sendxmpp';
const hasGoSendxmpp = spawnSync(goSendxmpp, ['--version']).status === 0;

let gatekeeper: Awaited<ReturnType<typeof startGatekeeper>>;
let romeo: Client;
let scratch: string;
let ca: string;

beforeAll(async () => {
  gatekeeper = await startGatekeeper({ domain }, [domain, '127.0.0.1']);
  romeo = await gatekeeper.logIn('romeo', { resource: 'orchard' });
  scratch = mkdtempSync(join(tmpdir(), 'narthex-peers-'));
  ca = join(scratch, 'ca.pem');
  writeFileSync(ca, gatekeeper.authority.certificate);
});
afterAll(async () => {
  await gatekeeper.close();
  rmSync(scratch, { recursive: true });
});

/** Romeo answers the next message from this resource; resolves with what it said and who said it. */
async function answerNext(resource: string, answer: string): Promise<{ from: string; body: string }> {
  const { element: message } = await romeo.receive(
    (stanza) => stanza.local === 'message' && attribute(stanza, 'from')!.includes(`/${resource}`),
    20_000,
  );
  const from = attribute(message, 'from')!;
  const attributes = { type: 'chat', to: from, id: answer };
  romeo.send(element(ns.client, 'message', attributes, element(ns.client, 'body', {}, answer)));
  return { from, body: text(child(message, ns.client, 'body')!) };
}

function jsonLines(output: string): unknown[] {
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

describe('@xmpp/client', () => {
  it.each(['starttls', 'direct'] as const)('talks both ways over %s', async (tls) => {
    const scheme = tls === 'starttls' ? 'xmpp' : 'xmpps';
    const service = `${scheme}://127.0.0.1:${gatekeeper.endpoints[tls].port}`;
    const resource = `node-${tls}`;
    const args = [join(folder, 'xmpp-client.mjs'), service, domain, 'juliet', 'balcony', resource, romeo.jid];
    args.push('good night \u{1F319} <&>');
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: ca };
    const [said, { stdout }] = await Promise.all([
      answerNext(resource, 'parting is such sweet sorrow'),
      run(process.execPath, args, { env, timeout: 20_000 }),
    ]);
    const juliet = `juliet@${domain}/${resource}`;
    expect(said).toEqual({ from: juliet, body: 'good night \u{1F319} <&>' });
    expect(jsonLines(stdout)).toEqual([
      { online: juliet },
      { from: romeo.jid, body: 'parting is such sweet sorrow' },
    ]);
  });
});

describe.skipIf(!hasSlixmpp)('slixmpp (python3-slixmpp)', () => {
  it.each([
    ['starttls', 'SCRAM-SHA-256'],
    ['starttls', 'SCRAM-SHA-1'],
    ['starttls', 'PLAIN'],
    ['direct', 'SCRAM-SHA-256'],
  ] as const)('talks both ways over %s with %s', async (tls, mechanism) => {
    const { port } = gatekeeper.endpoints[tls];
    const resource = `python-${tls}-${mechanism}`;
    const juliet = `juliet@${domain}/${resource}`;
    const args = [join(folder, 'slixmpp-client.py'), '127.0.0.1', String(port), tls, ca];
    args.push(juliet, 'balcony', romeo.jid, 'good night', mechanism);
    const [said, { stdout }] = await Promise.all([
      answerNext(resource, 'parting is such sweet sorrow'),
      run('/usr/bin/python3', args, { timeout: 25_000 }),
    ]);
    expect(said).toEqual({ from: juliet, body: 'good night' });
    expect(jsonLines(stdout)).toEqual([
      { online: juliet },
      { from: romeo.jid, body: 'parting is such sweet sorrow' },
    ]);
    expect(gatekeeper.stanzas.some(({ xml }) => xml.includes(`mechanism="${mechanism}"`))).toBe(true);
  });
});

describe.skipIf(!hasGoSendxmpp)('go-sendxmpp', () => {
  it.each(['starttls', 'direct'] as const)('sends over %s', async (tls) => {
    const args = ['-u', `juliet@${domain}`, '-p', 'balcony', '-j'];
    args.push(`127.0.0.1:${gatekeeper.endpoints[tls].port}`, ...(tls === 'direct' ? ['-t'] : []));
    const child = run(goSendxmpp, [...args, `romeo@${domain}/orchard`], {
      env: { ...process.env, SSL_CERT_FILE: ca },
      timeout: 20_000,
    });
    child.child.stdin!.end('good night\n');
    const [said] = await Promise.all([answerNext('', 'too late'), child]);
    expect(said.body.trim()).toBe('good night');
  });
});
