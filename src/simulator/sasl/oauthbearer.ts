/** OAUTHBEARER (RFC 7628): the client presents a token; the server accepts it, or states the reason in JSON. */
import type { Accounts } from '../server/accounts.ts';
import { decodeUtf8, failure, type SaslExchange, type SaslStep } from './mechanism.ts';

/** `status` of the server's error challenge (RFC 7628 §3.2.2, RFC 6750 §3.1). */
type BearerStatus = 'invalid_request' | 'invalid_token' | 'insufficient_scope';

/** A server's verdict on a token. `not-enlisted`: it is genuine, but its user may not connect. */
export type BearerVerdict =
  | { readonly kind: 'accepted'; readonly username: string }
  | { readonly kind: 'refused'; readonly because: 'invalid' | 'not-enlisted' };

export interface BearerRules {
  readonly verify: (token: string) => Promise<BearerVerdict>;
  /** Address where a refused client finds out how to get a token (§3.2.2). */
  readonly openidConfiguration: string;
}

const kvsep = '\x01';

/** Returns the client's only message (§3.1). `authzid` is left out where it is the token's subject. */
export function bearerMessage(token: string, { authzid = '', host = '', port = 0 } = {}): Buffer {
  const pairs = [...(host === '' ? [] : [`host=${host}`, `port=${port}`]), `auth=Bearer ${token}`];
  const gs2Header = `n,${authzid === '' ? '' : `a=${authzid}`},`;
  return Buffer.from(`${gs2Header}${kvsep}${pairs.map((pair) => pair + kvsep).join('')}${kvsep}`);
}

/** The client's answer to an error challenge (§3.2.3). */
export const bearerAbort = Buffer.from(kvsep);

/** Makes the server's exchange. A refusal is a challenge with the reason, and a failure after the client's
 *  acknowledgement. */
export function bearerExchange(
  accounts: Accounts,
  { verify, openidConfiguration }: BearerRules,
): SaslExchange {
  let refused = false;
  const refuse = (status: BearerStatus): SaslStep => {
    refused = true;
    const reason = { status, 'openid-configuration': openidConfiguration };
    return { kind: 'challenge', data: Buffer.from(JSON.stringify(reason)) };
  };
  return {
    async step(message) {
      if (refused) return failure(message.equals(bearerAbort) ? 'not-authorized' : 'malformed-request');
      const request = parse(message);
      if (request === undefined) return refuse('invalid_request');
      const verdict = await verify(request.token);
      if (verdict.kind === 'refused')
        return refuse(verdict.because === 'invalid' ? 'invalid_token' : 'insufficient_scope');
      const account = accounts.find(verdict.username);
      if (account === undefined) return refuse('insufficient_scope');
      return accounts.mayActAs(account, request.authzid)
        ? { kind: 'success', account }
        : failure('invalid-authzid');
    },
  };
}

interface BearerRequest {
  readonly authzid: string;
  readonly token: string;
}

/** Parses `gs2-header kvsep *(key "=" value kvsep) kvsep`; undefined for other bytes, and for one that binds a
 *  channel. */
function parse(message: Buffer): BearerRequest | undefined {
  const [gs2Header = '', ...pairs] = decodeUtf8(message)?.split(kvsep) ?? [];
  const [isUnbound, authzid = ''] = /^n,(?:a=([^,]*))?,$/.exec(gs2Header) ?? [];
  if (isUnbound === undefined || pairs.pop() !== '' || pairs.pop() !== '') return undefined;
  if (!pairs.every((pair) => /^[A-Za-z]+=/.test(pair))) return undefined;
  const tokens = pairs.flatMap((pair) => /^auth=Bearer +([\w.~+/-]+=*)$/i.exec(pair)?.[1] ?? []);
  const [token] = tokens;
  return token === undefined || tokens.length > 1 ? undefined : { authzid, token };
}
