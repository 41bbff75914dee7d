/** `narthex serve` with everything around it that an operator could look at, and parties on both sides. */
import https from 'node:https';
import { createDevelopmentAuthority } from '../../../src/simulator/certificates.ts';
import { createGatekeeper } from '../../../src/simulator/gatekeeper.ts';
import { jwks, makeKey, sign } from '../../http/support/issuer.ts';
import { startParty } from '../../http/support/party.ts';
import { openCollector } from '../../observability/collector.ts';
import { patientTimeouts } from '../../support/patience.ts';
import { negotiate, startRawServer, type Script } from '../../support/raw-gatekeeper.ts';
import { signingKeyFolder } from '../../support/signing-keys.ts';
import { serveProcess } from '../../support/serve-process.ts';
import type { Canaries } from './canary.ts';

export const publicUrl = 'https://localhost';
export const names = { provider: 'https://id.provider.example', gatekeeper: 'https://gatekeeper.example' };

/** Whom each domain leads to. */
export const domains = {
  /** The simulator. */
  real: 'localhost',
  /** Whatever the test scripts. */
  scripted: 'scripted.example',
  /** The same, and the proxy authenticates there. */
  reauthenticated: 'reauthenticated.example',
  /** A server whose certificate is for a canary. */
  mistaken: 'mistaken.example',
} as const;

export type Scene = Awaited<ReturnType<typeof openScene>>;

export async function openScene(policy: string, canaries: Canaries) {
  const authority = createDevelopmentAuthority();
  const pair = authority.issue(['127.0.0.1', ...Object.values(domains)]);
  const signingKeys = await signingKeyFolder();
  const foreign = authority.issue([`${canaries.at('gatekeeper certificate')}.example`]);
  const password = canaries.at('password');
  let received = '';
  const gatekeeper = createGatekeeper({
    domain: domains.real,
    users: ['username', 'contact'].map((place) => ({ username: canaries.at(place), password })),
    certificate: pair,
    listeners: [{ tls: 'direct', host: '127.0.0.1', port: 0 }],
    mechanisms: ['PLAIN'],
    onStanza: ({ direction, xml }) => {
      if (direction === 'received') received += xml;
    },
  });
  const [bound] = await gatekeeper.start();
  let script: Script = () => {};
  const scripted = await startRawServer(pair.certificate, pair.key, (socket, tcp) => script(socket, tcp));
  const mistaken = await startRawServer(foreign.certificate, foreign.key, () => {});
  const providerKey = makeKey('p1');
  const gatekeeperKey = makeKey('g1', 'EdDSA');
  const provider = await startParty(() => ({ status: 204 }));
  const partner = await startParty(() => ({ status: 204 }));
  const at = (party: typeof provider, path: string): string => new URL(path, party.url).href;
  provider.answer = ({ path }) =>
    path === '/jwks' ? { status: 200, body: JSON.stringify(jwks(providerKey)) } : { status: 204 };
  partner.answer = ({ path }) =>
    path === '/jwks'
      ? { status: 200, body: JSON.stringify(jwks(gatekeeperKey)) }
      : { status: 201, body: JSON.stringify({ id: canaries.at('enlistment'), status: 'active' }) };
  const collector = await openCollector();
  const connect = (port: number) => ({ address: `127.0.0.1:${port}`, tls: 'direct' });
  const proxy = await serveProcess({
    files: {
      'a.crt': pair.certificate,
      'a.key': pair.key,
      'ca.crt': authority.certificate,
      'balancer.key': 'b'.repeat(32),
      'upload-token': uploadToken(canaries),
      'media.key': 'm'.repeat(32),
    },
    config: {
      listeners: [
        { name: 'clients', host: '127.0.0.1', port: 0, tls: 'direct' },
        { name: 'plain-first', host: '127.0.0.1', port: 0, tls: 'starttls' },
        {
          name: 'balanced',
          host: '127.0.0.1',
          port: 0,
          tls: 'direct',
          proxyProtocol: {
            trusted: ['127.0.0.0/8'],
            authentication: { keyFiles: ['balancer.key'] },
          },
        },
      ],
      certificates: [{ certFile: 'a.crt', keyFile: 'a.key' }],
      domains: [
        { domain: domains.real, gatekeeper: 'real' },
        { domain: domains.scripted, gatekeeper: 'scripted' },
        { domain: domains.reauthenticated, gatekeeper: 'reauthenticated' },
        { domain: domains.mistaken, gatekeeper: 'mistaken' },
      ],
      gatekeepers: [
        {
          name: 'real',
          connect: connect(bound!.port),
          caFile: 'ca.crt',
          enlistment: { url: at(partner, '/enlistments'), answerMembers: ['status'] },
          push: { issuer: names.gatekeeper, jwksUri: at(partner, '/jwks') },
          media: { addresses: ['127.0.0.0/8'] },
        },
        {
          name: 'scripted',
          connect: connect(scripted.port),
          caFile: 'ca.crt',
          attestation: { audience: names.gatekeeper, carriers: { stream: {} } },
        },
        {
          name: 'reauthenticated',
          connect: connect(scripted.port),
          caFile: 'ca.crt',
          channelBinding: 'reauthenticate',
        },
        { name: 'mistaken', connect: connect(mistaken.port), caFile: 'ca.crt' },
      ],
      policy: { file: policy },
      signals: { issuer: 'proxy.example', keysFolder: signingKeys.folder },
      log: { level: 'debug' },
      tracing: { otlpEndpoint: collector.endpoint },
      timeouts: { ...patientTimeouts, drainMs: 500, closeGraceMs: 1_000 },
      http: { host: '127.0.0.1', port: 0, publicUrl },
      provider: {
        issuer: names.provider,
        jwksUri: at(provider, '/jwks'),
        audiences: [names.gatekeeper],
        push: { url: at(provider, '/push') },
        media: {
          hosts: [provider.url.origin],
          allowAddresses: ['127.0.0.1/32'],
          keyFiles: ['media.key'],
          references: { bearerTokenFiles: ['upload-token'] },
        },
      },
    },
  });
  const ports = proxy.log.filter(({ event }) => event === 'listener.opened').map(({ port }) => Number(port));
  const watched: string[] = [];
  const watch = async (path: string, init: RequestInit = {}): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${proxy.adminPort}${path}`, init);
    const text = [...answer.headers].join('\n') + (await answer.text());
    watched.push(text);
    return text;
  };
  return {
    canaries,
    ca: authority.certificate,
    ports: { direct: ports[0]!, starttls: ports[1]!, behindBalancer: ports[2]! },
    proxy,
    provider,
    partner,
    /** Everything that reached the real gatekeeper. */
    received: () => received,
    providerKey,
    gatekeeperKey,
    collector,
    /** What the scripted gatekeeper does with connections from now on, from their start. */
    fromStart: (next: Script) => (script = next),
    /** The same, once it has let the client in. */
    established: (next: Script) => (script = (socket, tcp) => negotiate(socket, tcp, next, '')),
    /** One request of the operator's. @returns headers and body of the answer. */
    watch,
    /** All that an operator looks at from time to time. */
    poll: () =>
      Promise.all(['/metrics', '/readyz', '/livez', '/startupz', '/api/sessions', '/api/policy', '/api/exposure', '/audit'].map((path) => watch(path))), // prettier-ignore
    /** Everything that came of that. */
    watched: () => watched.join('\n'),
    ask: (path: string, request: https.RequestOptions = {}, body?: string) =>
      ask({ port: proxy.httpPort, ca: authority.certificate, path, ...request }, body),
    async close() {
      const exit = await proxy.stop();
      await collector.close();
      await signingKeys.close();
      await Promise.all([gatekeeper.close(), provider.close(), partner.close()]);
      scripted.close();
      mistaken.close();
      return exit;
    },
  };
}

/** The bearer token by which the provider asks for references. */
export function uploadToken(canaries: Canaries): string {
  return canaries.at('HTTP: token of the upload server').padEnd(32, '0');
}

/** An ownership token of the provider's, for the gatekeeper, now. */
export function ownershipToken({ providerKey }: Pick<Scene, 'providerKey'>, claims: object): Promise<string> {
  const iat = Math.floor(Date.now() / 1_000);
  const usual = { iss: names.provider, aud: names.gatekeeper, iat, exp: iat + 300 };
  return sign({ key: providerKey, claims: { ...usual, ...claims } });
}

/** @returns status and body */
function ask(options: https.RequestOptions, body?: string): Promise<{ status: number; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const outgoing = https.request(
    { host: '127.0.0.1', servername: 'localhost', agent: false, ...options },
    (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      incoming.on('end', () => resolve({ status: incoming.statusCode!, text }));
      incoming.on('error', reject);
    },
  );
  outgoing.on('error', reject);
  outgoing.end(body);
  return promise;
}
