/** The public HTTP plane of a whole proxy, with a provider and a gatekeeper as parties on the loopback. */
import https from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import { createAuthority, type Issued } from '../../support/certificates.ts';
import { startTestProxy, type TestProxy, type TestProxyOptions } from '../../support/proxy.ts';
import type { HttpEvent } from '../../../src/http/events.ts';
import type { ConnectionRefusal } from '../../../src/observability/http-words.ts';
import { jwks, makeKey, sign } from './issuer.ts';
import { startParty, type Answer, type Party } from './party.ts';

export const publicUrl = 'https://proxy.example:8443';
export const issuer = 'https://id.provider.example';

const authority = createAuthority();
const server = authority.issue({ dns: ['proxy.example'] });
export const providerKey = makeKey('2026-11');

export interface ServedProxy {
  readonly test: TestProxy;
  readonly port: number;
  readonly events: HttpEvent[];
  /** Of connections that came to no request. */
  readonly refusals: ConnectionRefusal[];
  /** The provider's key set and push endpoint. */
  readonly provider: Party;
  readonly gatekeeper: Party;
  readonly ask: (path: string, request?: Ask) => Promise<Got>;
  readonly close: () => Promise<void>;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  readonly client?: Issued;
}

export interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly json: () => Record<string, unknown>;
}

export interface ServedOptions {
  readonly proxy?: Partial<TestProxyOptions>;
  readonly provider?: Record<string, unknown>;
  /** Sections of the gatekeeper over the usual ones. */
  readonly gatekeeper?: (party: Party) => Record<string, unknown>;
  readonly limits?: Record<string, number>;
}

export const document: Answer = {
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(jwks(providerKey)),
};

/** Starts all of it. The provider serves its keys at /jwks and takes what is posted to /push. */
export async function startServed({
  proxy = {},
  provider: section = {},
  gatekeeper: sections = () => ({}),
  limits = {},
}: ServedOptions = {}): Promise<ServedProxy> {
  const provider = await startParty(({ path }) => (path === '/jwks' ? document : { status: 204 }));
  const gatekeeper = await startParty(() => ({ status: 201, body: '{"id":"u/42","status":"active"}' }));
  const events: HttpEvent[] = [];
  const refusals: ConnectionRefusal[] = [];
  const test = await startTestProxy({
    domain: 'chat.example',
    gatekeeper: { port: 9, tls: 'direct' },
    certificate: server.cert,
    key: server.key,
    ca: authority.cert,
    policy: 'balanced',
    http: { publicUrl, limits },
    provider: {
      issuer,
      jwksUri: new URL('/jwks', provider.url).href,
      audiences: ['https://gatekeeper.example'],
      push: { url: new URL('/push', provider.url).href },
      ...section,
    },
    gatekeeperHttp: {
      enlistment: { url: new URL('/enlistments', gatekeeper.url).href, answerMembers: ['status'] },
      ...sections(gatekeeper),
    },
    httpObserver: { report: (event) => void events.push(event), refused: (why) => void refusals.push(why) },
    ...proxy,
  });
  const port = test.proxy.httpPort!;
  const agent = new https.Agent({ keepAlive: true, maxSockets: 64 });
  return {
    test,
    port,
    events,
    refusals,
    provider,
    gatekeeper,
    ask: (path, request = {}) => ask(port, agent, path, request),
    async close() {
      agent.destroy();
      await test.close();
      await Promise.all([provider.close(), gatekeeper.close()]);
    },
  };
}

function ask(
  port: number,
  agent: https.Agent,
  path: string,
  { body, client, ...request }: Ask,
): Promise<Got> {
  const { promise, resolve, reject } = Promise.withResolvers<Got>();
  const text = body === undefined ? undefined : JSON.stringify(body);
  const outgoing = https.request(
    {
      host: '127.0.0.1',
      port,
      path,
      servername: 'proxy.example',
      ca: authority.cert,
      ...(client === undefined ? { agent } : { ...client, agent: false }),
      ...request,
      headers: {
        host: 'proxy.example:8443',
        ...(text !== undefined && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(text),
        }),
        ...request.headers,
      },
    },
    (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const whole = Buffer.concat(chunks).toString();
        resolve({
          status: incoming.statusCode!,
          headers: incoming.headers,
          body: whole,
          json: () => JSON.parse(whole) as Record<string, unknown>,
        });
      });
    },
  );
  outgoing.on('error', reject);
  outgoing.end(text);
  return promise;
}

/** An ownership token of the provider. */
export function ownershipToken(claims: Record<string, unknown> = {}): Promise<string> {
  const iat = Math.floor(Date.now() / 1000);
  const usual = {
    iss: issuer,
    aud: 'https://gatekeeper.example',
    sub: 'juliet@provider.example',
    iat,
    exp: iat + 300,
    nonce: 'n-1',
  };
  return sign({ key: providerKey, claims: { ...usual, ...claims } });
}
