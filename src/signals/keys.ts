import { createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { JWK } from 'jose';
import { exportJWK } from 'jose/key/export';
import { readRegularFile } from '../documents/read.ts';
import { ownBytes } from '../stanza/own-bytes.ts';
import { protectedHeader } from './attestation-header.ts';

/** Keys that sign attestations. Each is a PEM file (PKCS #8, Ed25519) in a directory, such as a mounted Kubernetes
 *  secret. The file name has its id and start:
 *
 *      spring.pem                          key id `spring`, valid from the beginning of time
 *      summer@20260601T000000Z.pem         key id `summer`, not used before that second (UTC)
 *
 *  The key with the latest start that has come signs. All are published, future ones included. To rotate: add a file
 *  whose start is at least one JWKS refresh ahead, wait, and remove the old file when the new key has signed for
 *  longer than an attestation lives and a JWKS is cached. No step needs a restart or a coordinated switch. */
export interface SigningKey {
  readonly kid: string;
  /** Seconds since 1970; 0 when the name has no start. */
  readonly notBefore: number;
}

export interface KeyFile {
  readonly name: string;
  readonly pem: string | Buffer;
}

/** Most files in a directory of signing keys; a rotation has two or three. */
const keyFilesMax = 100;

/** - `ERR_KEY_NONE`: no key file, or none whose start has come.
 *  - `ERR_KEY_NAME`: the name of a `.pem` file has another form than above.
 *  - `ERR_KEY_TYPE`: a file is no unencrypted Ed25519 private key in PEM.
 *  - `ERR_KEY_TOO_MANY`: more files than `keyFilesMax`.
 *  - `ERR_KEY_DUPLICATE`: two files have one key id, or one start. */
export type KeyErrorCode =
  'ERR_KEY_TOO_MANY' | 'ERR_KEY_NONE' | 'ERR_KEY_NAME' | 'ERR_KEY_TYPE' | 'ERR_KEY_DUPLICATE';

/** Predicates about a folder, by code; its name precedes them. */
export const keyProblems: Readonly<Record<KeyErrorCode, string>> = {
  ERR_KEY_NONE: 'has no .pem file',
  ERR_KEY_NAME: 'has a .pem file whose name is no key id with or without a start',
  ERR_KEY_TYPE: 'has a .pem file that is no unencrypted Ed25519 private key',
  ERR_KEY_TOO_MANY: `has more than ${keyFilesMax} .pem files`,
  ERR_KEY_DUPLICATE: 'has two keys of one id or of one start',
};

/** @property index of the faulty file in the order given; -1 when no single file has the fault */
export class KeyError extends Error {
  override readonly name = 'KeyError';
  readonly code: KeyErrorCode;
  readonly index: number;

  constructor(code: KeyErrorCode, index: number) {
    super(index < 0 ? code : `${code}: key file ${index}`);
    this.code = code;
    this.index = index;
  }
}

interface LoadedKey extends SigningKey {
  readonly key: KeyObject;
  /** The protected header of every attestation that the key signs. */
  readonly header: string;
  readonly jwk: JWK;
}

/** A set of signing keys. Private keys are `KeyObject`s inside and cannot be read from outside, which gets
 *  signatures and the public JWKS. */
export class SigningKeys {
  /** Sorted by start, latest first. */
  readonly #keys: readonly LoadedKey[];

  private constructor(keys: readonly LoadedKey[]) {
    this.#keys = keys;
  }

  /** Parses key files.
   *  @throws KeyError */
  static async parse(files: readonly KeyFile[]): Promise<SigningKeys> {
    const keys: LoadedKey[] = [];
    for (const [index, file] of files.entries()) {
      const loaded = await loadKey(file, index);
      const clash = keys.some(({ kid, notBefore }) => kid === loaded.kid || notBefore === loaded.notBefore);
      if (clash) throw new KeyError('ERR_KEY_DUPLICATE', index);
      keys.push(loaded);
    }
    if (keys.length === 0) throw new KeyError('ERR_KEY_NONE', -1);
    return new SigningKeys(keys.toSorted((left, right) => right.notBefore - left.notBefore));
  }

  /** Returns the key that signs.
   *  @param now seconds since 1970
   *  @throws KeyError `ERR_KEY_NONE` when every start is still to come */
  active(now: number): SigningKey {
    const { kid, notBefore } = this.#activeKey(now);
    return { kid, notBefore };
  }

  /** Signs with the active key (RFC 8032).
   *  @param payload of an attestation, base64url
   *  @param now seconds since 1970
   *  @returns the JWS (RFC 7515 §7.1)
   *  @throws KeyError `ERR_KEY_NONE` when no key is valid yet */
  sign(payload: string, now: number): string {
    const { header, key } = this.#activeKey(now);
    const signed = `${header}.${payload}`;
    return `${signed}.${sign(null, ownBytes(signed), key).toString('base64url')}`;
  }

  /** Returns the public keys (RFC 7517), for the gatekeeper. */
  jwks(): { readonly keys: readonly JWK[] } {
    return { keys: this.#keys.map(({ jwk }) => ({ ...jwk })) };
  }

  /** Returns ids and starts of the keys, latest start first. */
  starts(): readonly SigningKey[] {
    return this.#keys.map(({ kid, notBefore }) => ({ kid, notBefore }));
  }

  #activeKey(now: number): LoadedKey {
    const key = this.#keys.find(({ notBefore }) => notBefore <= now);
    if (key === undefined) throw new KeyError('ERR_KEY_NONE', -1);
    return key;
  }
}

/** Reads every `.pem` file of a directory, ordered by name.
 *  @throws KeyError ERR_KEY_TOO_MANY; the file system's own error */
export async function readKeyFiles(directory: string): Promise<readonly KeyFile[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.pem')).toSorted();
  if (names.length > keyFilesMax) throw new KeyError('ERR_KEY_TOO_MANY', -1);
  return names.map((name) => ({ name, pem: readRegularFile(join(directory, name)) }));
}

/** Reads and parses every `.pem` file of a directory. To be called again when the directory changes: the new set
 *  replaces the old.
 *  @throws KeyError, or the file system's own error */
export async function readSigningKeys(directory: string): Promise<SigningKeys> {
  return SigningKeys.parse(await readKeyFiles(directory));
}

const nameShape = /^([A-Za-z0-9_-]{1,32})(?:@(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z)?\.pem$/;

async function loadKey({ name, pem }: KeyFile, index: number): Promise<LoadedKey> {
  const [, kid, ...start] = nameShape.exec(name) ?? [];
  const notBefore = start[0] === undefined ? 0 : secondsOf(start.map(Number));
  if (kid === undefined || Number.isNaN(notBefore)) throw new KeyError('ERR_KEY_NAME', index);
  const key = readPrivateKey(pem);
  if (key?.asymmetricKeyType !== 'ed25519') throw new KeyError('ERR_KEY_TYPE', index);
  const jwk = await exportJWK(createPublicKey(key));
  return {
    kid,
    notBefore,
    key,
    header: protectedHeader(kid),
    jwk: { ...jwk, kid, alg: 'EdDSA', use: 'sig' },
  };
}

/** Returns seconds since 1970; NaN for a date that does not exist. */
function secondsOf(parts: readonly number[]): number {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  const milliseconds = Date.UTC(year, month - 1, day, hour, minute, second);
  const date = new Date(milliseconds);
  const kept = [date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes()];
  const same = [month, day, hour, minute].every((part, index) => part === kept[index]);
  return same && second < 60 ? milliseconds / 1000 : Number.NaN;
}

function readPrivateKey(pem: string | Buffer): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}
