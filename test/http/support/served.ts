/** The public HTTP plane of a whole proxy, with a provider and a gatekeeper as parties on the loopback. */
import { createAuthority, type Issued } from '../../support/certificates.ts';
import { startTestProxy, type TestProxy, type TestProxyOptions } from '../../support/proxy.ts';
import type { HttpEvent } from '../../../src/http/events.ts';
import type { ConnectionRefusal } from '../../../src/observability/http-words.ts';
import { jwks, makeKey, sign } from './issuer.ts';
import { startParty, type Answer, type Party } from './party.ts';
import {
  openRequester,
  type Got,
  type HttpVersion,
  type Incoming,
  type Requester,
  type Sent,
} from './versions.ts';

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
  /** Resolves with the headers of the answer. A client with a certificate has a connection of its own. */
  readonly start: (path: string, request?: Ask) => Promise<Incoming>;
  readonly close: () => Promise<void>;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  /** A body in place of JSON. */
  readonly rawBody?: string | undefined;
  readonly client?: Issued;
}

export interface ServedOptions {
  /** Of the requests that `ask` sends. Default HTTP/1.1. */
  readonly version?: HttpVersion;
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
  version = 'HTTP/1.1',
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
  const target = { host: '127.0.0.1', port, servername: 'proxy.example', ca: authority.cert };
  const requester = openRequester(version, target);
  const opened = [requester];
  const sendingOf = ({ client }: Ask): Requester => {
    if (client === undefined) return requester;
    const own = openRequester(version, { ...target, ...client });
    opened.push(own);
    return own;
  };
  return {
    test,
    port,
    events,
    refusals,
    provider,
    gatekeeper,
    start: (path, request = {}) => sendingOf(request).start(sentOf(path, request)),
    async ask(path, request = {}) {
      const sending = sendingOf(request);
      const got = await sending.request(sentOf(path, request));
      if (request.client !== undefined) sending.close();
      return got;
    },
    async close() {
      for (const each of opened) each.close();
      await test.close();
      await Promise.all([provider.close(), gatekeeper.close()]);
    },
  };
}

function sentOf(path: string, { body, rawBody, method = 'GET', headers = {} }: Ask): Sent {
  const text = body === undefined ? rawBody : JSON.stringify(body);
  const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
  return { path, method, headers: { host: 'proxy.example:8443', ...type, ...headers }, body: text };
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
