import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Account, Accounts } from '../server/accounts.ts';
import { decodeUtf8, failure, type ImmediateExchange, type SaslStep } from './mechanism.ts';
import {
  channelBindingType,
  decodeBase64,
  digest,
  hmac,
  parseAttributes,
  unescapeName,
  xor,
  type ScramCredentials,
  type ScramHash,
} from './scram.ts';

/** The server's side of channel binding on this connection (RFC 5802 §6). */
export interface ChannelBinding {
  /** Whether the `-PLUS` variant was chosen, so that the client must bind. */
  readonly required: boolean;
  /** Whether the server offered a `-PLUS` mechanism. A client that saw none has met an attacker. */
  readonly advertised: boolean;
  /** Bytes that both ends of this TLS session can export. */
  readonly data: Buffer | undefined;
}

interface ClientFirst {
  readonly gs2Header: string;
  readonly bindingFlag: string;
  readonly authzid: string;
  readonly username: string;
  readonly nonce: string;
  readonly bare: string;
}

/** Makes the server's exchange of SCRAM (RFC 5802, RFC 7677). An unknown user gets a generated salt, the same each
 *  time, so that the exchange does not reveal which users exist. */
export function scramExchange(
  hash: ScramHash,
  accounts: Accounts,
  binding: ChannelBinding,
  nonce: () => string = () => randomBytes(18).toString('base64'),
): ImmediateExchange {
  let expectsFinal: ((message: string) => SaslStep) | undefined;

  function first(message: string): SaslStep {
    const client = parseClientFirst(message);
    if (client === undefined) return failure('malformed-request');
    const refusal = checkBindingFlag(client.bindingFlag, binding);
    if (refusal !== undefined) return refusal;
    const account = accounts.find(client.username);
    const credentials = (account ?? accounts.decoy(client.username)).credentials[hash];
    const combined = client.nonce + nonce();
    const serverFirst = `r=${combined},s=${credentials.salt.toString('base64')},i=${credentials.iterations}`;
    expectsFinal = (final) => finish({ client, account, credentials, combined, serverFirst }, final);
    return { kind: 'challenge', data: Buffer.from(serverFirst) };
  }

  function finish(exchange: Exchange, message: string): SaslStep {
    const final = parseClientFinal(message);
    if (final === undefined) return failure('malformed-request');
    const { client, account, credentials, combined, serverFirst } = exchange;
    if (final.nonce !== combined) return failure('not-authorized');
    const data = client.bindingFlag.startsWith('p=') ? binding.data! : Buffer.alloc(0);
    if (!final.channel.equals(Buffer.concat([Buffer.from(client.gs2Header), data])))
      return failure('not-authorized');
    const signed = `${client.bare},${serverFirst},${final.withoutProof}`;
    if (!provesPassword(hash, credentials, signed, final.proof) || account === undefined)
      return failure('not-authorized');
    if (!accounts.mayActAs(account, client.authzid)) return failure('invalid-authzid');
    const verifier = hmac(hash, credentials.serverKey, signed).toString('base64');
    return { kind: 'success', account, data: Buffer.from(`v=${verifier}`) };
  }

  return {
    step(message): SaslStep {
      const text = decodeUtf8(message);
      if (text === undefined) return failure('malformed-request');
      return expectsFinal === undefined ? first(text) : expectsFinal(text);
    },
  };
}

interface Exchange {
  readonly client: ClientFirst;
  readonly account: Account | undefined;
  readonly credentials: ScramCredentials;
  readonly combined: string;
  readonly serverFirst: string;
}

/** Parses `n,a=authzid,n=user,r=nonce`. The reserved `m`, and any unknown mandatory extension, make it invalid
 *  (§5.1). */
function parseClientFirst(message: string): ClientFirst | undefined {
  const match = /^((n|y|p=[A-Za-z0-9.-]+),(?:a=([^,]+))?,)(n=.*)$/s.exec(message);
  if (match === null) return undefined;
  const [, gs2Header, bindingFlag, authzid, bare] = match as unknown as [
    string,
    string,
    string,
    string?,
    string?,
  ];
  const attributes = parseAttributes(bare!);
  if (attributes?.[0]?.[0] !== 'n' || attributes[1]?.[0] !== 'r') return undefined;
  const username = unescapeName(attributes[0][1]);
  const decodedAuthzid = unescapeName(authzid ?? '');
  const nonce = attributes[1][1];
  if (username === undefined || username === '' || decodedAuthzid === undefined || !isNonce(nonce))
    return undefined;
  return { gs2Header, bindingFlag, authzid: decodedAuthzid, username, nonce, bare: bare! };
}

function isNonce(text: string): boolean {
  return /^[\x21-\x2b\x2d-\x7e]+$/.test(text);
}

/** Parses `c=…,r=…,p=…` with the proof last (§7). */
function parseClientFinal(message: string) {
  const attributes = parseAttributes(message);
  if (attributes?.[0]?.[0] !== 'c' || attributes[1]?.[0] !== 'r' || attributes.at(-1)![0] !== 'p')
    return undefined;
  const channel = decodeBase64(attributes[0][1]);
  const proof = decodeBase64(attributes.at(-1)![1]);
  if (channel === undefined || proof === undefined) return undefined;
  const withoutProof = message.slice(0, message.lastIndexOf(',p='));
  return { channel, proof, nonce: attributes[1][1], withoutProof };
}

/** Checks the rules of RFC 5802 §6. A client that saw no `-PLUS` although it was offered has met a downgrade attack.
 *  @returns the failure; undefined when the flag is allowed */
function checkBindingFlag(flag: string, binding: ChannelBinding): SaslStep | undefined {
  if (flag === 'y' && binding.advertised)
    return failure('not-authorized', 'server-does-support-channel-binding');
  if (!flag.startsWith('p=')) {
    return binding.required ? failure('not-authorized', 'channel-bindings-dont-match') : undefined;
  }
  if (!binding.required || binding.data === undefined)
    return failure('not-authorized', 'channel-binding-not-supported');
  if (flag !== `p=${channelBindingType}`)
    return failure('not-authorized', 'unsupported-channel-binding-type');
  return undefined;
}

function provesPassword(hash: ScramHash, { storedKey }: ScramCredentials, signed: string, proof: Buffer) {
  const signature = hmac(hash, storedKey, signed);
  if (proof.length !== signature.length) return false;
  return timingSafeEqual(digest(hash, xor(proof, signature)), storedKey);
}
