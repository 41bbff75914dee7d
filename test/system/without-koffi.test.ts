import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { parseJwks, staticKeys } from '../../src/signals/jwks.ts';
import { readSigningKeys } from '../../src/signals/keys.ts';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { connectClient } from '../../src/simulator/client.ts';
import { createGatekeeper, type Gatekeeper } from '../../src/simulator/gatekeeper.ts';
import type { AttestationRecord } from '../../src/simulator/server/options.ts';
import { root } from '../cli/narthex.ts';
import { signingKeyFolder } from '../support/signing-keys.ts';
import { temporaryFolder } from '../support/temporary.ts';

/** Makes `import('koffi')` fail, as where the optional dependency is not installed. */
const noKoffi = `import { registerHooks } from 'node:module';
registerHooks({ resolve(specifier, context, next) {
  if (specifier === 'koffi') throw Object.assign(new Error('no koffi'), { code: 'ERR_MODULE_NOT_FOUND' });
  return next(specifier, context);
} });`;

type Line = Readonly<Record<string, unknown>>;

describe.each([
  ['with koffi', [], process.platform === 'linux' ? 'edge' : 'unsupported'],
  ['without koffi', ['--import', `data:text/javascript,${encodeURIComponent(noKoffi)}`], 'unsupported'],
])('narthex serve %s', (_, node, sight) => {
  const authority = createDevelopmentAuthority();
  const pair = authority.issue(['localhost', '127.0.0.1']);
  const attestations: AttestationRecord[] = [];
  const lines: Line[] = [];
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let keys: Awaited<ReturnType<typeof signingKeyFolder>>;
  let gatekeeper: Gatekeeper;
  let child: ChildProcess;

  beforeAll(async () => {
    folder = await temporaryFolder();
    keys = await signingKeyFolder();
    const file = async (name: string, text: string): Promise<string> => {
      await writeFile(join(folder.path, name), text, { mode: 0o600 });
      return name;
    };
    gatekeeper = createGatekeeper({
      domain: 'localhost',
      users: [{ username: 'juliet', password: 'balcony' }],
      certificate: pair,
      listeners: [{ tls: 'direct', host: '127.0.0.1', port: 0 }],
      connectionSignals: {
        keys: staticKeys(parseJwks((await readSigningKeys(keys.folder)).jwks())!),
        issuer: 'proxy.example',
        required: true,
      },
      onAttestation: (record) => attestations.push(record),
    });
    const [bound] = await gatekeeper.start();
    const configuration = {
      apiVersion: 'narthex/v1',
      kind: 'Proxy',
      listeners: [
        { name: 'clients', host: '127.0.0.1', port: 0, tls: 'direct' },
        {
          name: 'balanced',
          host: '127.0.0.1',
          port: 0,
          tls: 'direct',
          proxyProtocol: { trusted: ['10.0.0.0/8'] },
        },
      ],
      certificates: [
        {
          certFile: await file('tls.crt', pair.certificate),
          keyFile: await file('tls.key', pair.key),
        },
      ],
      domains: [{ domain: 'localhost', gatekeeper: 'main' }],
      gatekeepers: [
        {
          name: 'main',
          connect: { address: `127.0.0.1:${bound!.port}`, tls: 'direct' },
          caFile: await file('ca.crt', authority.certificate),
          attestation: { audience: 'localhost', carriers: { stream: {} }, required: true },
        },
      ],
      signals: { issuer: 'proxy.example', keysFolder: keys.folder },
      admin: { port: 0 },
    };
    const config = join(folder.path, await file('narthex.yaml', stringify(configuration)));
    child = spawn(process.execPath, [...node, join(root, 'src/cli/narthex.js'), 'serve', config], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const started = Promise.withResolvers<void>();
    createInterface({ input: child.stdout! }).on('line', (text) => {
      lines.push(JSON.parse(text) as Line);
      if (text.includes('proxy.started')) started.resolve();
    });
    await started.promise;
  });
  afterAll(async () => {
    child.kill();
    await once(child, 'exit');
    await gatekeeper.close();
    await keys.close();
    await folder[Symbol.asyncDispose]();
  });

  const named = (event: string): Line[] => lines.filter((line) => Object.values(line).includes(event));

  it('reports at the start which packets each listener sees', () => {
    expect(named('listener.signals')).toMatchObject([
      { listener: 'clients', syn: sight },
      { listener: 'balanced', syn: 'behind-balancer' },
    ]);
  });

  it('serves, and attests the available signals', async () => {
    const port = named('listener.opened')[0]!['port'] as number;
    const juliet = await connectClient({
      endpoint: { host: '127.0.0.1', port, tls: 'direct', ca: authority.certificate, domain: 'localhost' },
      username: 'juliet',
      password: 'balcony',
    });
    await juliet.close();
    const [record] = attestations;
    if (record?.verification.kind !== 'accepted') throw new Error(JSON.stringify(record));
    const { client_ip, tcp, tls, round_trip } = record.verification.claims.signals;
    expect(client_ip).toMatchObject({ address: '127.0.0.1' });
    expect(tls).toMatchObject({ observed_by: 'edge' });
    const absent = { absent: 'unsupported' };
    expect(tcp).toMatchObject(sight === 'edge' ? { p0f: expect.any(String) } : absent);
    expect(round_trip).toMatchObject(sight === 'edge' ? { tcp_ms: 0 } : absent);
    const admin = named('admin.opened')[0]!['port'] as number;
    const metrics = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
    expect(metrics).toContain(
      'narthex_attestations_total{gatekeeper="main",carrier="stream",outcome="sent"} 1',
    );
    expect(metrics).toContain(
      `narthex_signal_captures_total{field="conn.tcp-fingerprint",outcome="${sight}"} 1`,
    );
    expect(metrics).toContain('narthex_signal_captures_total{field="conn.tls-fingerprint",outcome="edge"} 1');
  });
});
