/** An encrypted picture on third parties' servers (XEP-0448). Its key is inside the end-to-end encrypted message;
 *  the address of the ciphertext is outside, where an intermediary can see it. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { SimulatorError } from './error.ts';
import { namespaces } from './namespaces.ts';
import { decodeBase64 } from './sasl/scram.ts';
import { attribute, child, element, elements, is, text, type Element } from './xml/element.ts';

/** XEP-0448 §4: the tag follows the ciphertext. */
const cipherName = 'urn:xmpp:ciphers:aes-256-gcm-nopadding:0';
const keyBytes = 32;
const ivBytes = 12;
const tagBytes = 16;

/** The part of a picture that only the recipient may have. */
export interface PictureKey {
  readonly key: Buffer;
  readonly iv: Buffer;
  /** SHA-256 of the picture. */
  readonly digest: Buffer;
  readonly bytes: number;
}

export function encryptPicture(picture: Buffer): {
  readonly ciphertext: Buffer;
  readonly secret: PictureKey;
} {
  const key = randomBytes(keyBytes);
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  const ciphertext = Buffer.concat([cipher.update(picture), cipher.final(), cipher.getAuthTag()]);
  return { ciphertext, secret: { key, iv, digest: sha256(picture), bytes: picture.length } };
}

/** Decrypts a picture.
 *  @throws SimulatorError `ERR_SIMULATOR_EXPECTATION` when the ciphertext was changed */
export function decryptPicture(ciphertext: Buffer, { key, iv, digest }: PictureKey): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: tagBytes });
  try {
    decipher.setAuthTag(ciphertext.subarray(-tagBytes));
    const picture = Buffer.concat([decipher.update(ciphertext.subarray(0, -tagBytes)), decipher.final()]);
    if (sha256(picture).equals(digest)) return picture;
  } catch {
    // Thrown below.
  }
  throw new SimulatorError('ERR_SIMULATOR_EXPECTATION', 'the picture was altered');
}

/** Returns the element with the key, for the inside of the envelope. */
export function pictureKeyElement({ key, iv, digest, bytes }: PictureKey): Element {
  return element(
    namespaces.encryptedFile,
    'encrypted',
    { cipher: cipherName },
    element(namespaces.encryptedFile, 'key', {}, key.toString('base64')),
    element(namespaces.encryptedFile, 'iv', {}, iv.toString('base64')),
    element(
      namespaces.fileMetadata,
      'file',
      {},
      element(namespaces.fileMetadata, 'media-type', {}, 'image/png'),
      element(namespaces.fileMetadata, 'size', {}, String(bytes)),
      element(namespaces.hashes, 'hash', { algo: 'sha-256' }, digest.toString('base64')),
    ),
  );
}

/** Reads the key from an envelope's content.
 *  @throws SimulatorError `ERR_SIMULATOR_EXPECTATION` when it is missing or incomplete */
export function pictureKeyOf(content: readonly Element[]): PictureKey {
  const sealed = content.find((one) => is(one, namespaces.encryptedFile, 'encrypted'));
  const file = sealed && child(sealed, namespaces.fileMetadata, 'file');
  const key = bytesOf(sealed && child(sealed, namespaces.encryptedFile, 'key'), keyBytes);
  const iv = bytesOf(sealed && child(sealed, namespaces.encryptedFile, 'iv'), ivBytes);
  const digest = bytesOf(file && child(file, namespaces.hashes, 'hash'), 32);
  const size = file && child(file, namespaces.fileMetadata, 'size');
  const isOurs = sealed !== undefined && attribute(sealed, 'cipher') === cipherName;
  if (!isOurs || key === undefined || iv === undefined || digest === undefined || size === undefined)
    throw new SimulatorError('ERR_SIMULATOR_EXPECTATION', 'the message holds no key of a picture');
  return { key, iv, digest, bytes: Number(text(size)) };
}

function bytesOf(source: Element | undefined, length: number): Buffer | undefined {
  const bytes = source === undefined ? undefined : decodeBase64(text(source));
  return bytes?.length === length ? bytes : undefined;
}

/** Returns the element with the address, for the outside (XEP-0066 §3). */
export function pictureAddress(url: string): Element {
  return element(namespaces.outOfBand, 'x', {}, element(namespaces.outOfBand, 'url', {}, url));
}

/** Returns the address in a message; undefined without one. */
export function pictureAddressOf(message: Element): string | undefined {
  const outOfBand = child(message, namespaces.outOfBand, 'x');
  const url = outOfBand && elements(outOfBand).find((one) => is(one, namespaces.outOfBand, 'url'));
  return url === undefined ? undefined : text(url);
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
