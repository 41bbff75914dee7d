/** A load balancer that shares a secret with the proxy, and one that does not, at listeners of a whole proxy. */
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRaw, streamHeader } from '../simulator/support/raw.ts';
import { accepted, startAttested, type Attested } from '../support/attested.ts';
import { field, signedHeader, unsignedHeader } from '../support/proxy-hmac.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

const auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldABiYWxjb255</auth>";
const secrets = { current: 'a'.repeat(32), next: 'b'.repeat(32) };
const ja4 = 't13d1516h2_8daaf6152771_e5627efa2ab1';
const p0f = '4:60+4:0:1460:mss*44,7:mss,sok,ts,nop,ws:df,id+:0';
const reported = [field(0x20, Buffer.of(1, 0, 0, 0, 1)), field(0xe2, ja4), field(0xe3, p0f)];

let folder: TemporaryFolder;
let scene: Attested;
let ignored: [string, number][];
let reloads: string[];
let keyFiles: string[];

beforeEach(async () => {
  folder = await temporaryFolder();
  ignored = [];
  reloads = [];
  keyFiles = await Promise.all(
    [secrets.current, 'c'.repeat(32)].map(async (secret, index) => {
      const file = `${folder.path}/balancer-${index}`;
      await writeFile(file, secret, { mode: 0o600 });
      return file;
    }),
  );
  scene = await startAttested({
    carriers: { stream: {} },
    required: true,
    proxy: {
      listener: { proxyProtocol: { trusted: ['127.0.0.0/8'], authentication: { keyFiles } } },
      signalsObserver: {
        fieldsIgnored: (listener, count) => ignored.push([listener, count]),
      },
      filesObserver: ({ kind }) => {
        if (kind === 'reloaded' || kind === 'rejected') reloads.push(kind);
      },
    },
  });
});

afterEach(async () => {
  await scene.close();
  await folder[Symbol.asyncDispose]();
});

async function logIn(header: Buffer): Promise<void> {
  const raw = await openRaw(scene.endpoint, header);
  raw.write(streamHeader('localhost') + auth);
  await raw.until(/<success/);
  raw.destroy();
}

describe('the fields of a load balancer', () => {
  it('reach the attestation when an HMAC vouches for them', async () => {
    await logIn(signedHeader({ key: secrets.current, before: reported }));
    expect(accepted(scene).signals).toMatchObject({
      client_ip: { address: '192.0.2.77', observed_by: 'balancer' },
      tcp: { p0f, observed_by: 'balancer' },
      tls: { ja4, observed_by: 'balancer' },
    });
    expect(ignored).toEqual([]);
  });

  it('are ignored and counted when none does; the session goes on with the address', async () => {
    await logIn(unsignedHeader(reported));
    expect(accepted(scene).signals).toMatchObject({
      client_ip: { address: '192.0.2.77', observed_by: 'balancer' },
      tcp: { absent: 'behind-lb' },
      tls: { absent: 'behind-lb' },
    });
    expect(ignored).toEqual([['direct', 3]]);
  });

  it('end the connection under a wrong HMAC, before its first byte is read', async () => {
    await expect(logIn(signedHeader({ key: secrets.next, before: reported }))).rejects.toThrow();
    await eventually(() => scene.refused.length === 1);
    expect(scene.refused).toEqual(['ERR_PROXY_AUTHENTICATION']);
    expect(scene.attestations).toEqual([]);
  });

  it('are believed under the new secret once it is in one of the files, and the old one still', async () => {
    await writeFile(keyFiles[1]!, secrets.next, { mode: 0o600 });
    // Each of the two listeners reads them.
    await eventually(() => reloads.length === 2);
    for (const key of Object.values(secrets)) await logIn(signedHeader({ key, before: reported }));
    expect(reloads).toEqual(['reloaded', 'reloaded']);
    expect(scene.attestations).toHaveLength(2);
    expect(scene.refused).toEqual([]);
  });

  it('are believed under the secrets in use when a file becomes too short', async () => {
    await writeFile(keyFiles[1]!, 'short');
    // Each of the two listeners reads them.
    await eventually(() => reloads.length === 2);
    expect(reloads).toEqual(['rejected', 'rejected']);
    await logIn(signedHeader({ key: secrets.current, before: reported }));
    expect(scene.attestations).toHaveLength(1);
  });
});
