/** Runs inside the server's namespace: a whole proxy on all addresses, before a simulated gatekeeper for streams and a
 *  gatekeeper's HTTPS interface for enlistments. Prints one JSON line per verified attestation: the signature in it.
 *  The first line tells the ports, and ownership tokens with their nonces for those who enlist. */
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { parseJwks, staticKeys } from '../../../src/signals/jwks.ts';
import { readSigningKeys } from '../../../src/signals/keys.ts';
import { createVerifier, type Verification } from '../../../src/signals/verify.ts';
import { createDevelopmentAuthority } from '../../../src/simulator/certificates.ts';
import { createGatekeeper } from '../../../src/simulator/gatekeeper.ts';
import { ownershipToken, startServed } from '../../http/support/served.ts';
import { signingKeyFolder } from '../../support/signing-keys.ts';

const say = (line: object): void => console.log(JSON.stringify(line));
const attested = (verification: Verification): void => {
  const tcp = verification.kind === 'accepted' ? verification.claims.signals.tcp : undefined;
  say(verification.kind === 'accepted' ? { attested: tcp } : { refused: verification.code });
};

const signing = await signingKeyFolder();
const keys = staticKeys(parseJwks((await readSigningKeys(signing.folder)).jwks())!);
const [issuer, audience] = ['proxy.example', 'gatekeeper.example'];
const authority = createDevelopmentAuthority();
const pair = authority.issue(['localhost', '127.0.0.1']);

const gatekeeper = createGatekeeper({
  domain: 'localhost',
  users: [],
  certificate: pair,
  listeners: [{ tls: 'direct', host: '127.0.0.1', port: 0 }],
  connectionSignals: { keys, issuer, audience, required: true },
  onAttestation: ({ verification }) => attested(verification),
});
const [bound] = await gatekeeper.start();

const verifier = createVerifier({ keys, issuer, audience });
const enlistments = createServer({ cert: pair.certificate, key: pair.key }, (request, response) => {
  const socket = request.socket as TLSSocket;
  const value = socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
  const jws = request.headers['connection-signals'] as string | undefined;
  void verifier.verify(jws, { kind: 'tls-exporter', value }).then(attested);
  response.writeHead(201, { 'content-type': 'application/json' }).end('{"id":"u/42","status":"active"}');
});
enlistments.listen(0, '127.0.0.1');
await once(enlistments, 'listening');
const { port } = enlistments.address() as AddressInfo;
const caFile = join(await mkdtemp(join(tmpdir(), 'narthex-p0f-')), 'ca.crt');
await writeFile(caFile, authority.certificate);

const served = await startServed({
  gatekeeper: () => ({ enlistment: { url: `https://127.0.0.1:${port}/enlistments`, caFile } }),
  proxy: {
    domain: 'localhost',
    gatekeeper: { port: bound!.port, tls: 'direct' },
    certificate: pair.certificate,
    key: pair.key,
    ca: authority.certificate,
    listener: { host: '::' },
    http: { publicUrl: 'https://proxy.example:8443', host: '::' },
    signals: {
      section: { issuer, keysFolder: signing.folder },
      attestation: { audience, carriers: { stream: {}, http: {} }, required: true },
    },
  },
});
const tokens = Array.from({ length: 8 }, async (_, index) => ({
  nonce: `n${index}`,
  token: await ownershipToken({ nonce: `n${index}` }),
}));
say({ stream: served.test.direct, http: served.port, tokens: await Promise.all(tokens) });
