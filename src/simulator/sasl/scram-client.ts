/** The client of SCRAM (RFC 5802, RFC 7677). */
import { timingSafeEqual } from 'node:crypto';
import { SimulatorError } from '../error.ts';
import {
  channelBindingType,
  decodeBase64,
  deriveKeys,
  digest,
  escapeName,
  hmac,
  iterationsMin,
  parseAttributes,
  xor,
  type ScramHash,
} from './scram.ts';

export interface ScramClientOptions {
  readonly hash: ScramHash;
  readonly username: string;
  readonly password: string;
  /** Printable ASCII without commas, new for each exchange. */
  readonly nonce: string;
  /** `absent`: the client cannot bind (`n`). `not-offered`: it could, but the server offered none (`y`). Bytes:
   *  bind. */
  readonly channelBinding: 'absent' | 'not-offered' | Buffer;
}

/** Most PBKDF2 rounds that a server may require: a hostile one could otherwise cost minutes of CPU. */
const iterationsMax = 1_000_000;

/** Makes the client's exchange. It checks nonce, iteration count and final signature.
 *  @throws SimulatorError `ERR_SIMULATOR_AUTHENTICATION` when one is wrong */
export function scramClient(options: ScramClientOptions) {
  const { hash, channelBinding } = options;
  const gs2Header = `${bindingFlag(channelBinding)},,`;
  const bare = `n=${escapeName(options.username)},r=${options.nonce}`;
  const bound = Buffer.isBuffer(channelBinding) ? channelBinding : Buffer.alloc(0);
  let expected: Buffer | undefined;

  return {
    first(): Buffer {
      return Buffer.from(gs2Header + bare);
    },

    final(serverFirst: Buffer): Buffer {
      const { nonce, salt, iterations } = parseServerFirst(serverFirst.toString(), options.nonce);
      const { clientKey, serverKey } = deriveKeys(hash, options.password, salt, iterations);
      const channel = Buffer.concat([Buffer.from(gs2Header), bound]).toString('base64');
      const withoutProof = `c=${channel},r=${nonce}`;
      const signed = `${bare},${serverFirst.toString()},${withoutProof}`;
      expected = hmac(hash, serverKey, signed);
      const proof = xor(clientKey, hmac(hash, digest(hash, clientKey), signed));
      return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`);
    },

    /** Verifies the server's proof that it has the password.
     *  @throws SimulatorError `ERR_SIMULATOR_AUTHENTICATION` */
    verify(serverFinal: Buffer): void {
      const verifier = decodeBase64(serverFinal.toString().replace(/^v=/, ''));
      const matches =
        expected !== undefined && verifier?.length === expected.length && timingSafeEqual(verifier, expected);
      if (!matches) throw refused('the server did not prove that it knows the password');
    },
  };
}

function bindingFlag(binding: ScramClientOptions['channelBinding']): string {
  if (binding === 'absent') return 'n';
  return binding === 'not-offered' ? 'y' : `p=${channelBindingType}`;
}

function parseServerFirst(message: string, clientNonce: string) {
  const attributes = parseAttributes(message);
  const names = attributes?.map(([name]) => name).join('');
  if (!names?.startsWith('rsi')) throw refused('the server sent no valid challenge');
  const [nonce, saltText, count] = attributes!.map(([, value]) => value) as [string, string, string];
  if (!nonce.startsWith(clientNonce) || nonce.length === clientNonce.length)
    throw refused("the server's nonce does not continue the client's");
  const salt = decodeBase64(saltText);
  const iterations = /^[1-9][0-9]{0,8}$/.test(count) ? Number(count) : 0;
  if (salt === undefined || salt.length === 0) throw refused('the server sent no valid salt');
  if (iterations < iterationsMin || iterations > iterationsMax)
    throw refused(`the server asks for ${iterations} rounds, not ${iterationsMin} to ${iterationsMax}`);
  return { nonce, salt, iterations };
}

function refused(message: string): SimulatorError {
  return new SimulatorError('ERR_SIMULATOR_AUTHENTICATION', message);
}
