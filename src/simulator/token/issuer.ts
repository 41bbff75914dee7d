/** Signs tokens (JWT, RFC 7519) with a key made here, ES256 by default: the provider's ownership tokens, the gatekeeper's
 *  calls. The key can be rotated; earlier keys stay published for as long as their tokens may live. */
import { randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';

export interface TokenOptions {
  /** None by default. */
  readonly subject?: string;
  readonly audience: string;
  /** Lifetime in seconds. Default: 300. */
  readonly lifetimeS?: number;
  /** Further claims, such as `nonce`, or unneeded ones of a provider. */
  readonly claims?: Readonly<Record<string, string | number | boolean>>;
}

export interface TokenIssuer {
  /** `iss` of every token. */
  readonly issuer: string;
  sign(options: TokenOptions): Promise<string>;
  /** Public keys (RFC 7517), the one in use first. */
  jwks(): { readonly keys: readonly JWK[] };
  /** Signs with a new key from now on. */
  rotate(): Promise<void>;
}

export type TokenAlgorithm = 'ES256' | 'RS256';

interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

/** Makes an issuer.
 *  @param now returns milliseconds since 1970 */
export async function createTokenIssuer(
  issuer: string,
  {
    now = Date.now,
    algorithm = 'ES256',
  }: { readonly now?: () => number; readonly algorithm?: TokenAlgorithm } = {},
): Promise<TokenIssuer> {
  let keys = [await createKey(algorithm)];
  return {
    issuer,
    sign({ subject, audience, lifetimeS = 300, claims = {} }) {
      const { kid, privateKey } = keys[0]!;
      const iat = Math.floor(now() / 1000);
      const token = new SignJWT({ jti: randomBytes(12).toString('base64url'), ...claims })
        .setProtectedHeader({ alg: algorithm, typ: 'JWT', kid })
        .setIssuer(issuer)
        .setAudience(audience)
        .setIssuedAt(iat)
        .setExpirationTime(iat + lifetimeS);
      return (subject === undefined ? token : token.setSubject(subject)).sign(privateKey);
    },
    jwks: () => ({ keys: keys.map(({ jwk }) => jwk) }),
    async rotate() {
      keys = [await createKey(algorithm), ...keys];
    },
  };
}

async function createKey(algorithm: TokenAlgorithm): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm);
  const kid = randomBytes(6).toString('base64url');
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' } };
}
