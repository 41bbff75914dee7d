/** ClientPayload: the description of the client in the last message of the handshake. The fields are a closed list.
 *  Any other field would be metadata of a device, and is not sent. */
import { ownCopy } from '../stanza/own-bytes.ts';
import { ChatError } from './error.ts';
import type { ChatLimits } from './limits.ts';
import { writeFields, type Field } from './protobuf.ts';

export interface ClientPayload {
  /** The ownership token, as the provider signed it. */
  readonly token: Uint8Array;
  /** The number of the internal identifier, where the gatekeeper requires it next to the token. */
  readonly accountId?: bigint;
  /** The same number, where the gatekeeper requires it as user name. */
  readonly username?: bigint;
  /** Whether the client shows read receipts. */
  readonly enableReadReceipts?: boolean;
  /** The proxy's own platform and version, equal for all clients. */
  readonly platform: number;
  readonly appVersion: readonly number[];
  readonly passive?: boolean;
  readonly pull?: boolean;
  /** The payload's length is padded to a multiple of this many bytes, so that it reveals less of the token's length;
   *  0 for no padding. */
  readonly padToBytes: number;
}

/** Field numbers (published names, reverse-engineered numbers). */
const field = {
  username: 1,
  passive: 3,
  userAgent: 5,
  product: 20,
  pull: 33,
  paddingBytes: 34,
  interopData: 38,
} as const;
const interopField = { accountId: 1, token: 2, enableReadReceipts: 3 } as const;
const userAgentField = { platform: 1, appVersion: 2 } as const;

/** Value of `product` for a third party's client. */
const productInterop = 2;

/** Returns the payload's bytes. @throws ChatError ERR_CHAT_PAYLOAD_SIZE when the token or the payload is too large */
export function encodeClientPayload(payload: ClientPayload, limits: ChatLimits): Buffer {
  if (payload.token.length === 0 || payload.token.length > limits.tokenBytesMax)
    throw new ChatError('ERR_CHAT_PAYLOAD_SIZE');
  const fields: Field[] = [
    ...present(field.username, payload.username),
    ...present(field.passive, payload.passive),
    [field.userAgent, userAgent(payload)],
    [field.product, productInterop],
    ...present(field.pull, payload.pull),
    [field.interopData, interopData(payload)],
  ];
  const plain = writeFields(fields);
  const padded = payload.padToBytes === 0 ? plain : pad(plain, payload.padToBytes);
  if (padded.length > limits.handshakeBytesMax) throw new ChatError('ERR_CHAT_PAYLOAD_SIZE');
  return padded;
}

function userAgent({ platform, appVersion }: ClientPayload): Buffer {
  const version = writeFields(appVersion.map((part, index): Field => [index + 1, part]));
  return writeFields([
    [userAgentField.platform, platform],
    [userAgentField.appVersion, version],
  ]);
}

function interopData({ accountId, token, enableReadReceipts }: ClientPayload): Buffer {
  return writeFields([
    ...present(interopField.accountId, accountId),
    [interopField.token, token],
    ...present(interopField.enableReadReceipts, enableReadReceipts),
  ]);
}

/** Appends a padding field so that the length is a multiple of `bytes`. */
function pad(plain: Buffer, bytes: number): Buffer {
  // A padding field has two bytes of number and one or two of length.
  for (let count = 0; ; count += 1) {
    const padded = ownCopy(plain, writeFields([[field.paddingBytes, Buffer.alloc(count)]]));
    const missing = (bytes - (padded.length % bytes)) % bytes;
    if (missing === 0) return padded;
    // Jumps to the fitting length, unless the length's own length changes on the way.
    count += Math.max(0, missing - 2);
  }
}

function present(number: number, value: bigint | boolean | undefined): Field[] {
  return value === undefined ? [] : [[number, value]];
}
