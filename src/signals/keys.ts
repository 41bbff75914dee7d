import { createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { exportJWK, type JWK } from 'jose';
import { readRegularFile } from '../documents/read.ts';
import { protectedHeader } from './attestation-header.ts';

/** The keys that attestations are signed with: one PEM file (PKCS #8, Ed25519) each in a directory, such as a mounted
 *  Kubernetes secret. The file name says the rest:
 *
 *      spring.pem                          key id `spring`, valid from the beginning of time
 *      summer@20260601T000000Z.pem         key id `summer`, not used before that second (UTC)
 *
 *  The key with the latest start that has come signs. All are published, those of the future too, so a rotation is:
 *  add a file with a start at least one JWKS refresh ahead, wait, and remove the old file once the new key has signed
 *  for longer than an attestation lives and a JWKS is cached. No moment of it needs a restart or a coordinated switch. */
export interface SigningKey {
  readonly kid: string;
  /** Seconds since the epoch; 0 when the name states none. */
  readonly notBefore: number;
}

export interface KeyFile {
  readonly name: string;
  readonly pem: string | Buffer;
}

/** Files that a directory of signing keys may hold; a rotation has two or three. */
const keyFilesMax = 100;

/** - `ERR_KEY_NONE`: no key file, or none whose start has come. Put one into the directory.
 *  - `ERR_KEY_NAME`: a `.pem` file's name has another form than above.
 *  - `ERR_KEY_TYPE`: a file is no unencrypted Ed25519 private key in PEM.
 *  - `ERR_KEY_TOO_MANY`: more files than `keyFilesMax`.
 *  - `ERR_KEY_DUPLICATE`: two files have one key id, or one start. */
export type KeyErrorCode =
  'ERR_KEY_TOO_MANY' | 'ERR_KEY_NONE' | 'ERR_KEY_NAME' | 'ERR_KEY_TYPE' | 'ERR_KEY_DUPLICATE';

/** What is wrong with a folder, to follow its name. */
export const keyProblems: Readonly<Record<KeyErrorCode, string>> = {
  ERR_KEY_NONE: 'has no .pem file',
  ERR_KEY_NAME: 'has a .pem file whose name is no key id with or without a start',
  ERR_KEY_TYPE: 'has a .pem file that is no unencrypted Ed25519 private key',
  ERR_KEY_TOO_MANY: `has more than ${keyFilesMax} .pem files`,
  ERR_KEY_DUPLICATE: 'has two keys of one id or of one start',
};

/** @property index of the offending file in the order given; -1 when none is to blame. */
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
  /** Of every attestation that the key signs. */
  readonly header: string;
  readonly jwk: JWK;
}

/** A set of signing keys. The private halves live in here as `KeyObject`s and cannot be read from outside: there is a signature
 *  and there is the public JWKS. */
export class SigningKeys {
  /** Latest start first. */
  readonly #keys: readonly LoadedKey[];

  private constructor(keys: readonly LoadedKey[]) {
    this.#keys = keys;
  }

  /** @throws KeyError */
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

  /** The key that signs at `now`, seconds since the epoch.
   *  @throws KeyError `ERR_KEY_NONE` when every start is still to come. */
  active(now: number): SigningKey {
    const { kid, notBefore } = this.#activeKey(now);
    return { kid, notBefore };
  }

  /** Signs with the active key (RFC 8032).
   *  @param payload of an attestation, base64url
   *  @returns the JWS (RFC 7515 §7.1) */
  sign(payload: string, now: number): string {
    const { header, key } = this.#activeKey(now);
    const signed = `${header}.${payload}`;
    return `${signed}.${sign(null, Buffer.from(signed, 'latin1'), key).toString('base64url')}`;
  }

  /** The public halves (RFC 7517), to be served to the gatekeeper. */
  jwks(): { readonly keys: readonly JWK[] } {
    return { keys: this.#keys.map(({ jwk }) => ({ ...jwk })) };
  }

  /** What the names of the files say, latest start first. */
  starts(): readonly SigningKey[] {
    return this.#keys.map(({ kid, notBefore }) => ({ kid, notBefore }));
  }

  #activeKey(now: number): LoadedKey {
    const key = this.#keys.find(({ notBefore }) => notBefore <= now);
    if (key === undefined) throw new KeyError('ERR_KEY_NONE', -1);
    return key;
  }
}

/** Reads every `.pem` file of a directory, in the order of their names.
 *  @throws KeyError ERR_KEY_TOO_MANY; the file system's own error */
export async function readKeyFiles(directory: string): Promise<readonly KeyFile[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.pem')).toSorted();
  if (names.length > keyFilesMax) throw new KeyError('ERR_KEY_TOO_MANY', -1);
  return names.map((name) => ({ name, pem: readRegularFile(join(directory, name)) }));
}

/** Parses every `.pem` file of a directory. Call it again when the directory changes: the new set replaces the old.
 *  @throws KeyError, or the file system's own error. */
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

/** NaN for a date that does not exist. */
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
