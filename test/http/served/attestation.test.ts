import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refreshingKeys } from '../../../src/signals/jwks.ts';
import { createVerifier, type Verification } from '../../../src/signals/verify.ts';
import { createAuthority } from '../../support/certificates.ts';
import { signingKeyFolder } from '../../support/signing-keys.ts';
import { ownershipToken, publicUrl, startServed, type ServedProxy } from '../support/served.ts';
import { httpVersions, openRequester } from '../support/versions.ts';

/** A gatekeeper's own HTTPS interface, verifying what it is sent with the keys that the proxy publishes. */
describe.each(httpVersions)('the attestation of a client that enlists over %s', (version) => {
  const authority = createAuthority();
  const { cert, key } = authority.issue({ ipv4: ['127.0.0.1'] });
  let served: ServedProxy;
  let keys: Awaited<ReturnType<typeof signingKeyFolder>>;
  let folder: string;
  const verifications: Verification[] = [];

  const verifier = createVerifier({
    keys: refreshingKeys({
      load: async () => (await served.ask('/.well-known/jwks.json')).json(),
      clock: () => performance.now(),
    }),
    issuer: 'proxy.example',
    audience: 'gatekeeper.example',
  });
  const verify = async (request: IncomingMessage): Promise<void> => {
    const socket = request.socket as TLSSocket;
    const value = socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
    const jws = request.headers['connection-signals'] as string | undefined;
    verifications.push(await verifier.verify(jws, { kind: 'tls-exporter', value }));
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    await verify(request);
    response.writeHead(201, { 'content-type': 'application/json' }).end('{"id":"u/42","status":"active"}');
  };
  const gatekeeper = createServer({ cert, key }, (request, response) => void answer(request, response));

  beforeAll(async () => {
    keys = await signingKeyFolder();
    folder = await mkdtemp(join(tmpdir(), 'narthex-attestation-'));
    const caFile = join(folder, 'ca.crt');
    await writeFile(caFile, authority.cert);
    gatekeeper.listen(0, '127.0.0.1');
    await once(gatekeeper, 'listening');
    const { port } = gatekeeper.address() as AddressInfo;
    served = await startServed({
      version,
      gatekeeper: () => ({ enlistment: { url: `https://127.0.0.1:${port}/enlistments`, caFile } }),
      proxy: {
        http: { publicUrl, proxyProtocol: { trusted: ['127.0.0.2/32'] } },
        signals: {
          section: { issuer: 'proxy.example', keysFolder: keys.folder },
          attestation: { audience: 'gatekeeper.example', carriers: { http: {} }, required: true },
        },
      },
    });
  });
  afterAll(async () => {
    await served.close();
    gatekeeper.close();
    await keys.close();
    await rm(folder, { recursive: true });
  });

  const enlist = async (): Promise<number> => {
    const nonce = crypto.randomUUID();
    const answer = await served.ask('/enlistments', {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await ownershipToken({ nonce })}`,
        'ownership-nonce': nonce,
        'idempotency-key': crypto.randomUUID(),
      },
      body: { gatekeeper: 'test' },
    });
    return answer.status;
  };

  it('is verified with the published keys, each time anew, also over one connection', async () => {
    expect(await enlist()).toBe(201);
    expect(verifications[0]).toMatchObject({
      kind: 'accepted',
      bindingChecked: true,
      claims: {
        signals: {
          client_ip: { address: '127.0.0.1', observed_by: 'edge', necessity: 'obligation' },
          tcp: { p0f: expect.stringMatching(/^4:64\+0:/) },
          tls: { ja4: expect.stringMatching(/^t13d/), observed_by: 'edge' },
        },
      },
    });
    expect(await enlist()).toBe(201);
    expect(verifications.map(({ kind }) => kind)).toEqual(['accepted', 'accepted']);
  });

  it('is of the client that a trusted load balancer names', async () => {
    const tcp = connect({ port: served.port, host: '127.0.0.1', localAddress: '127.0.0.2' });
    tcp.write('PROXY TCP4 192.0.2.77 198.51.100.2 40000 443\r\n');
    const requester = openRequester(version, {
      host: '127.0.0.1',
      port: served.port,
      servername: 'proxy.example',
      socket: tcp,
      rejectUnauthorized: false,
    });
    const nonce = crypto.randomUUID();
    const answer = await requester.request({
      method: 'POST',
      path: '/enlistments',
      headers: {
        host: 'proxy.example:8443',
        authorization: `Bearer ${await ownershipToken({ nonce })}`,
        'ownership-nonce': nonce,
        'idempotency-key': crypto.randomUUID(),
        'content-type': 'application/json',
      },
      body: JSON.stringify({ gatekeeper: 'test' }),
    });
    requester.close();
    expect(answer.status).toBe(201);
    expect(verifications.at(-1)).toMatchObject({
      claims: {
        signals: {
          client_ip: { address: '192.0.2.77', observed_by: 'balancer' },
          tcp: { absent: 'behind-lb' },
          tls: { observed_by: 'edge' },
        },
      },
    });
  });

  it('is required: without a key that may sign nothing leaves', async () => {
    await keys.add('autumn@20991001T000000Z');
    await keys.remove('spring');
    let status = 201;
    for (let attempt = 0; status === 201 && attempt < 50; attempt += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      status = await enlist();
    }
    expect(status).toBeGreaterThanOrEqual(500);
    expect(verifications.every(({ kind }) => kind === 'accepted')).toBe(true);
  });
});
