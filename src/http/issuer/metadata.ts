/** GET /.well-known/openid-configuration and /.well-known/jwks.json: the provider's issuer metadata (OpenID Connect
 *  Discovery §4) and keys. Gatekeepers fetch them here regularly, so that they need not reach the provider's
 *  servers. The key set has the provider's keys, and the proxy's attestation keys with `use: attestation`. Verifiers
 *  of ownership tokens take only keys with `use: sig`, so neither kind can sign for the other. */
import { CachedDocument, type CacheTimes } from '../calls/cached-document.ts';
import type { HttpContext } from '../env.ts';
import type { Exchange } from '../calls/exchange.ts';
import { HttpProblem } from '../problem.ts';
import type { JsonObject, JsonValue } from '../strict-json.ts';
import { fetchJson, type RemoteKeys } from '../tokens/verification-keys.ts';

/** The `use` (RFC 7517 §4.2) of attestation keys. */
const attestationUse = 'attestation';

export interface IssuerMetadataOptions {
  /** The provider's issuer identifier; a document with another one is refused. */
  readonly issuer: string;
  /** URL of the provider's own document. */
  readonly configurationUrl: URL;
  /** URL of the keys here, as gatekeepers reach it. */
  readonly publicJwksUrl: URL;
  readonly providerKeys: RemoteKeys;
  /** Returns the attestation keys: public members only, each with its `kid`. */
  readonly attestationKeys: () => readonly JsonObject[];
  readonly exchange: Exchange;
  readonly now: () => number;
  readonly limits: CacheTimes & {
    readonly documentBytesMax: number;
    readonly documentTimeoutMs: number;
    readonly jsonDepthMax: number;
  };
}

export interface IssuerMetadata {
  readonly configuration: (context: HttpContext) => Promise<Response>;
  readonly keys: (context: HttpContext) => Promise<Response>;
}

/** Members that a verifier of tokens needs. Those about login are left out. */
const publishedMembers = [
  'id_token_signing_alg_values_supported',
  'response_types_supported',
  'scopes_supported',
  'subject_types_supported',
  'claims_supported',
];

const ownMembers = ['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'alg'];

export function createIssuerMetadata(options: IssuerMetadataOptions): IssuerMetadata {
  const { providerKeys, attestationKeys, limits, now } = options;
  const document = new CachedDocument(() => loadConfiguration(options), limits, now);
  return {
    configuration: async () => {
      const cached = await document.read();
      if (cached.kind === 'value') return render(cached.value, cached.stale, limits);
      throw new HttpProblem('ERR_METADATA_UNAVAILABLE', {
        retryAfterS: Math.ceil(limits.documentCooldownMs / 1000),
      });
    },
    keys: async () => {
      const { keys, stale } = await providerKeys.all();
      const own = attestationKeys().map(publishOwn);
      // A verifier would take either key of an ambiguous id, so neither set is published.
      if (own.some(({ kid }) => typeof kid !== 'string' || keys.has(kid)))
        throw new HttpProblem('ERR_KEYS_UNAVAILABLE');
      const theirs = [...keys.values()].map(({ jwk }) => ({ ...jwk, use: 'sig' }));
      return render({ keys: [...theirs, ...own] }, stale, limits);
    },
  };
}

function publishOwn(jwk: JsonObject): JsonObject {
  const members = Object.entries(jwk).filter(([name]) => ownMembers.includes(name));
  return { ...Object.fromEntries(members), use: attestationUse };
}

async function loadConfiguration(options: IssuerMetadataOptions): Promise<JsonObject> {
  const { issuer, configurationUrl, publicJwksUrl, exchange, limits } = options;
  const document = await fetchJson(exchange, configurationUrl, limits);
  if (document['issuer'] !== issuer) throw new Error('metadata of another issuer');
  const kept = publishedMembers.flatMap((name): [string, JsonValue][] => {
    const value = document[name];
    return Array.isArray(value) && value.every((item) => typeof item === 'string') ? [[name, value]] : [];
  });
  return { issuer, jwks_uri: publicJwksUrl.href, ...Object.fromEntries(kept) };
}

/** Renders a document. A stale one gets a shorter cache time than a fresh one. */
function render(
  body: JsonObject,
  stale: boolean,
  { documentFreshMs, documentCooldownMs }: CacheTimes,
): Response {
  const maxAgeS = Math.floor(
    (stale ? Math.min(documentCooldownMs, documentFreshMs) : documentFreshMs) / 1000,
  );
  return new Response(JSON.stringify(body), {
    headers: { 'content-type': 'application/json', 'cache-control': `public, max-age=${maxAgeS}` },
  });
}
