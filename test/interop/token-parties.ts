/** A provider that signs ownership tokens and publishes its keys, and a gatekeeper that takes them (the simulator's),
 *  for real clients with the proxy in between. */
import { createLocalJWKSet, type JWK } from 'jose';
import { createDevelopmentAuthority, type CertificatePair } from '../../src/simulator/certificates.ts';
import { createGatekeeper } from '../../src/simulator/gatekeeper.ts';
import { answer } from '../../src/simulator/http/message.ts';
import { serveHttps } from '../../src/simulator/http/server.ts';
import type { BearerRules } from '../../src/simulator/sasl/oauthbearer.ts';
import type { StanzaRecord } from '../../src/simulator/server/options.ts';
import { createOwnershipCheck, type OwnershipCheck } from '../../src/simulator/token/ownership-check.ts';
import { createTokenIssuer, type TokenOptions } from '../../src/simulator/token/issuer.ts';
import { startTestProxy, type TestProxy, type TestProxyOptions } from '../support/proxy.ts';
import { temporaryFolder } from '../support/temporary.ts';

export const audience = 'https://gatekeeper.example';

export interface TokenParties {
  readonly proxy: TestProxy;
  readonly ca: string;
  /** What the gatekeeper received and sent, as on the wire. */
  readonly records: StanzaRecord[];
  /** A token of the provider for a user of the gatekeeper. */
  token(subject: string, lifetimeS?: number, claims?: TokenOptions['claims']): Promise<string>;
  /** From now on the provider's keys cannot be had. They have not been fetched before unless needed. */
  hideKeys(): void;
  /** From now on a request for the keys waits. */
  holdKeys(): void;
  close(): Promise<void>;
}

/** What another gatekeeper may be built from: the certificate that the proxy shows, and tokens. */
export interface OtherSite extends CertificatePair {
  readonly token: TokenParties['token'];
}

export interface OtherGatekeeper {
  /** With direct TLS. */
  readonly port: number;
  /** Who vouches for it; the parties' own authority by default. */
  readonly ca?: string;
  close(): void | Promise<void>;
}

export async function startTokenParties(
  options: Partial<TestProxyOptions> & {
    /** In the simulator's place. */
    readonly otherGatekeeper?: (site: OtherSite) => Promise<OtherGatekeeper>;
  } = {},
  { takesTokens = true }: { readonly takesTokens?: boolean } = {},
): Promise<TokenParties> {
  const folder = await temporaryFolder();
  const authority = createDevelopmentAuthority();
  const certificate = authority.issue(['localhost', '127.0.0.1']);
  const caFile = await folder.write('ca.pem', authority.certificate);
  const issuer = await createTokenIssuer('https://provider.example');
  let keys: 'served' | 'hidden' | 'held' = 'served';
  const provider = await serveHttps({
    certificate,
    host: '127.0.0.1',
    handle: () =>
      keys === 'held' ? new Promise(() => {}) : keys === 'hidden' ? answer(503) : answer(200, issuer.jwks()),
  });
  const records: StanzaRecord[] = [];
  const check = createOwnershipCheck({
    keys: { tokens: currentKeys(() => [...issuer.jwks().keys]) },
    issuer: issuer.issuer,
    audience,
  });
  const gatekeeper = createGatekeeper({
    domain: 'localhost',
    users: [{ username: 'juliet' }, { username: 'romeo' }],
    certificate,
    listeners: [{ tls: 'direct', host: '127.0.0.1', port: 0 }],
    onStanza: (record) => records.push(record),
    ...(takesTokens ? { bearer: bearerRules(check) } : {}),
  });
  const [listener] = await gatekeeper.start();
  const { otherGatekeeper, ...proxyOptions } = options;
  const token: TokenParties['token'] = (subject, lifetimeS, claims = {}) =>
    issuer.sign({ subject, audience, claims, ...(lifetimeS === undefined ? {} : { lifetimeS }) });
  const other = await otherGatekeeper?.({ ...certificate, token });
  const proxy = await startTestProxy({
    domain: 'localhost',
    gatekeeper: { port: other?.port ?? listener!.port, tls: 'direct' },
    certificate: certificate.certificate,
    key: certificate.key,
    ca: other?.ca ?? authority.certificate,
    channelBinding: 'reauthenticate',
    policy: 'balanced',
    provider: {
      issuer: issuer.issuer,
      jwksUri: `${provider.url}/jwks.json`,
      audiences: [audience],
      caFile,
      nonce: 'optional',
      claims: { allowed: ['plan'] },
    },
    ...proxyOptions,
  });
  return {
    proxy,
    ca: authority.certificate,
    records,
    token,
    hideKeys: () => {
      keys = 'hidden';
    },
    holdKeys: () => {
      keys = 'held';
    },
    async close() {
      await proxy.close();
      await other?.close();
      await gatekeeper.close();
      await provider.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function bearerRules(check: OwnershipCheck): BearerRules {
  return {
    openidConfiguration: 'https://provider.example/.well-known/openid-configuration',
    async verify(token) {
      const checked = await check.check(token);
      if (checked.kind === 'refused') return { kind: 'refused', because: 'invalid' };
      return { kind: 'accepted', username: checked.subject.split('@', 1)[0]! };
    },
  };
}

/** The gatekeeper knows the provider's keys as they are. */
function currentKeys(keys: () => JWK[]): ReturnType<typeof createLocalJWKSet> {
  return ((...asked) => createLocalJWKSet({ keys: keys() })(...asked)) as ReturnType<
    typeof createLocalJWKSet
  >;
}
