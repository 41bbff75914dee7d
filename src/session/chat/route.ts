/** Routes to the gatekeepers of the configuration that are reached over the chat channel. */
import { hash } from 'node:crypto';
import { accountKey } from '../../chat/account-key.ts';
import { encodeClientPayload, type ClientPayload } from '../../chat/client-payload.ts';
import { ChatError } from '../../chat/error.ts';
import { ChatHandshake } from '../../chat/handshake.ts';
import type { ChatLimits } from '../../chat/limits.ts';
import { generateKeyPair, type KeyPair } from '../../noise/x25519.ts';
import { chatStanzas } from '../../stanza/chat-stanzas.ts';
import { StreamError } from '../../stanza/error.ts';
import { ownBytes } from '../../stanza/own-bytes.ts';
import type { Sensitive } from '../../stanza/sensitive.ts';
import { dialTcp } from '../../transport/dial.ts';
import type { Resolver } from '../../transport/srv.ts';
import type { TokenAuthenticationOptions } from '../authentication/token-exchange.ts';
import type { GatekeeperRoute } from '../machine.ts';
import { verifyToken, type ChannelRequest, type ChatGatekeeper } from '../negotiation/verify-token.ts';
import type { GatekeeperAttestations } from '../signals/attestations.ts';
import { mayBeOtherKey } from './endings.ts';
import { logIn, type LoginAnswer, type LoginLimits } from './login.ts';

export interface ChatRouteOptions extends Pick<ChatGatekeeper, 'codec' | 'output'> {
  /** Name of the gatekeeper in the configuration. */
  readonly name: string;
  readonly address: { readonly host: string; readonly port: number };
  readonly limits: GatekeeperRoute['limits'];
  readonly stages: GatekeeperRoute['stages'];
  readonly authentication: TokenAuthenticationOptions;
  readonly attestations: GatekeeperAttestations | undefined;
  readonly resolver: Resolver;
  /** Time to connect, and again for handshake and answer, in milliseconds. */
  readonly dialTimeoutMs: number;
  /** Root of the gatekeeper's certificates. */
  readonly root: { readonly key: Uint8Array; readonly serial: number };
  /** Returns the secrets of the account keys: one, or the new and the old one. */
  readonly secrets: () => readonly Uint8Array[];
  /** Issuer of the ownership tokens. */
  readonly issuer: string;
  readonly integrator: number;
  /** The part of the payload that is equal for all clients. */
  readonly payload: Omit<ClientPayload, 'token' | 'accountId' | 'username' | 'enableReadReceipts'>;
  /** Returns whether a client shows read receipts; undefined where that is not stated. */
  readonly readReceiptsOf: (client: ChannelRequest['client']) => boolean | undefined;
  /** Field that holds the account's number. */
  readonly accountNumber: 'omit' | 'username' | 'account-id';
  readonly chatLimits: ChatLimits & LoginLimits;
  /** Returns milliseconds since 1970. */
  readonly clock: () => number;
}

/** Makes the route to a gatekeeper. Each session dials its own connection, which is never shared. */
export function createChatRoute(options: ChatRouteOptions): GatekeeperRoute {
  const { name, limits, stages, codec, output, authentication, accountNumber, integrator } = options;
  const negotiation = verifyToken({
    codec,
    output,
    authentication,
    accountNumberOf:
      accountNumber === 'omit' ? undefined : (authorization) => numberOf(authorization, integrator),
    connect: (request) => connect(options, request),
  });
  return { name, channelBinding: 'reauthenticate', protocol: chatStanzas, limits, stages, negotiation };
}

/** Logs in. A login that is refused under the key of the first secret is tried with that of the second. */
async function connect(options: ChatRouteOptions, request: ChannelRequest): Promise<LoginAnswer> {
  const { name: gatekeeper, issuer } = options;
  const integrator = String(options.integrator);
  const subject = request.subject.reveal();
  const clientPayload = payloadOf(options, request);
  let answer: LoginAnswer = { kind: 'refused', reason: undefined };
  for (const secret of options.secrets()) {
    const staticKey = accountKey(secret, { gatekeeper, integrator, issuer, subject });
    answer = await attempt(options, request, { staticKey, clientPayload });
    if (answer.kind === 'accepted' || !mayBeOtherKey(answer.reason)) break;
  }
  return answer;
}

async function attempt(
  { root, clock, resolver, dialTimeoutMs, address, attestations, codec, chatLimits }: ChatRouteOptions,
  { evidence, signal, bytesRead }: ChannelRequest,
  keys: { readonly staticKey: KeyPair; readonly clientPayload: Uint8Array },
): Promise<LoginAnswer> {
  const ephemeralKey = generateKeyPair();
  const sha256 = hash('sha256', ephemeralKey.publicKey, 'buffer');
  const preface = attestations?.proxyHeader(evidence, { kind: 'noise-ephemeral', sha256 });
  const socket = await dialTcp(address, { resolver, preface, dialTimeoutMs, signal });
  const handshake = new ChatHandshake({ ...keys, ephemeralKey, root, now: clock });
  const timeoutMs = dialTimeoutMs;
  return logIn(socket, { handshake, codec, limits: chatLimits, timeoutMs, signal, bytesRead });
}

/** @throws StreamError ERR_CHANNEL_PAYLOAD */
function payloadOf(
  { payload, readReceiptsOf, accountNumber, chatLimits }: ChatRouteOptions,
  { token, accountNumber: number, client }: ChannelRequest,
): Buffer {
  const field = accountNumber === 'username' ? 'username' : 'accountId';
  const identified = number === undefined ? {} : { [field]: number };
  const enableReadReceipts = readReceiptsOf(client);
  const stated = enableReadReceipts === undefined ? {} : { enableReadReceipts };
  try {
    return encodeClientPayload(
      { ...payload, ...identified, ...stated, token: ownBytes(token.reveal()) },
      chatLimits,
    );
  } catch (error) {
    if (error instanceof ChatError)
      throw new StreamError('policy-violation', { code: 'ERR_CHANNEL_PAYLOAD' });
    throw error;
  }
}

const numberEnd = 2n ** 64n;

/** Reads the number in an internal identifier, `integrator-number@interop`. */
function numberOf(authorization: Sensitive<string>, integrator: number): bigint | undefined {
  const [, prefix, digits] = /^([0-9]{1,5})-([1-9][0-9]{0,19})@interop$/.exec(authorization.reveal()) ?? [];
  if (digits === undefined || prefix !== String(integrator)) return undefined;
  const number = BigInt(digits);
  return number < numberEnd ? number : undefined;
}
