/** An end-to-end encrypted message in the envelope of OMEMO (XEP-0384 §4.4, §5.5; XEP-0420). The payload is
 *  encrypted as the specification says, so servers and proxies see a real envelope. Not implemented is the Signal
 *  ratchet: the payload key is wrapped for each device by one X25519 agreement with a fresh key, so there is no
 *  forward secrecy between a device's messages, and identity keys are exchanged out of band. Not for keeping
 *  secrets. */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
  type KeyObject,
} from 'node:crypto';
import { ns } from '../stanza/namespaces.ts';
import { SimulatorError } from './error.ts';
import { decodeBase64 } from './sasl/scram.ts';
import { attribute, child, element, elements, is, text, type Element } from './xml/element.ts';
import { parseElement } from './xml/reader.ts';
import { serialise } from './xml/write.ts';

const sceNamespace = 'urn:xmpp:sce:1';
/** Lengths in bytes: XEP-0384 §4.4 truncates the MAC to 16; a raw X25519 public key is 32. */
const payloadKeyBytes = 32;
const macBytes = 16;
const publicKeyBytes = 32;
const gcmTagBytes = 16;
/** SubjectPublicKeyInfo of an X25519 key up to the key itself (RFC 8410). */
const x25519Prefix = Buffer.from('302a300506032b656e032100', 'hex');

/** The public part of a device. */
export interface DeviceAddress {
  /** Bare JID. */
  readonly jid: string;
  /** 1 to 2^31 - 1. */
  readonly id: number;
  readonly publicKey: KeyObject;
}

export interface Device extends DeviceAddress {
  readonly privateKey: KeyObject;
}

export function createDevice(jid: string, id: number): Device {
  return { jid, id, ...generateKeyPairSync('x25519') };
}

/** Returns `<encrypted/>` for these devices, with a text and attached elements inside. */
export function encrypt(
  sender: DeviceAddress,
  recipients: readonly DeviceAddress[],
  plaintext: string,
  ...attached: readonly Element[]
): Element {
  const payloadKey = randomBytes(payloadKeyBytes);
  const { encryptionKey, authenticationKey, iv } = payloadKeys(payloadKey);
  const cipher = createCipheriv('aes-256-cbc', encryptionKey, iv);
  const content = serialise(contentOf(sender.jid, plaintext, attached), '');
  const ciphertext = Buffer.concat([cipher.update(content, 'utf8'), cipher.final()]);
  const secret = Buffer.concat([payloadKey, macOf(authenticationKey, ciphertext)]);
  const jids = [...new Set(recipients.map(({ jid }) => jid))];
  const keys = jids.map((jid) =>
    element(
      ns.omemo2,
      'keys',
      { jid },
      ...recipients.filter((one) => one.jid === jid).map((device) => wrapFor(device, secret)),
    ),
  );
  return element(
    ns.omemo2,
    'encrypted',
    {},
    element(ns.omemo2, 'header', { sid: String(sender.id) }, ...keys),
    element(ns.omemo2, 'payload', {}, ciphertext.toString('base64')),
  );
}

/** Returns the text that was encrypted.
 *  @throws SimulatorError `ERR_SIMULATOR_EXPECTATION` when the envelope is not for this device, or was changed */
export function decrypt(device: Device, encrypted: Element): string {
  const body = decryptContent(device, encrypted).find((one) => is(one, ns.client, 'body'));
  return text(body ?? noContent());
}

/** Returns the text as `<body/>`, with the attached elements.
 *  @throws SimulatorError as `decrypt` does */
export function decryptContent(device: Device, encrypted: Element): readonly Element[] {
  const wrapped = elements(child(encrypted, ns.omemo2, 'header') ?? encrypted)
    .filter((keys) => is(keys, ns.omemo2, 'keys') && attribute(keys, 'jid') === device.jid)
    .flatMap(elements)
    .find((key) => attribute(key, 'rid') === String(device.id));
  const payload = child(encrypted, ns.omemo2, 'payload');
  const ciphertext = payload === undefined ? undefined : decodeBase64(text(payload));
  if (wrapped === undefined || ciphertext === undefined) throw unreadable('is not for this device');
  const secret = unwrap(device, wrapped);
  const { encryptionKey, authenticationKey, iv } = payloadKeys(secret.subarray(0, payloadKeyBytes));
  const mac = secret.subarray(payloadKeyBytes);
  const expected = macOf(authenticationKey, ciphertext);
  if (mac.length !== expected.length || !timingSafeEqual(mac, expected)) throw unreadable('was altered');
  const decipher = createDecipheriv('aes-256-cbc', encryptionKey, iv);
  return contentElements(Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString());
}

/** Returns the content of XEP-0420 §4: the elements, padding that hides their length, and the sender. */
function contentOf(jid: string, plaintext: string, attached: readonly Element[]): Element {
  const padding = randomBytes(64)
    .toString('base64')
    .slice(0, randomBytes(1)[0]! % 64);
  return element(
    sceNamespace,
    'envelope',
    {},
    element(sceNamespace, 'content', {}, element(ns.client, 'body', {}, plaintext), ...attached),
    element(sceNamespace, 'rpad', {}, padding),
    element(sceNamespace, 'from', { jid }),
  );
}

function contentElements(envelope: string): readonly Element[] {
  const content = child(parseElement(envelope) ?? noContent(), sceNamespace, 'content');
  return elements(content ?? noContent());
}

function noContent(): never {
  throw unreadable('holds no message');
}

/** Derives the keys of XEP-0384 §4.4: 80 bytes of HKDF-SHA-256, a salt of 32 zero bytes, info "OMEMO Payload". */
function payloadKeys(payloadKey: Buffer) {
  const keys = derive(payloadKey, 'OMEMO Payload', 80);
  return {
    encryptionKey: keys.subarray(0, 32),
    authenticationKey: keys.subarray(32, 64),
    iv: keys.subarray(64),
  };
}

function macOf(key: Buffer, ciphertext: Buffer): Buffer {
  return createHmac('sha256', key).update(ciphertext).digest().subarray(0, macBytes);
}

/** Wraps a secret for a device, in place of the ratchet: a fresh X25519 key agrees with the device's, and
 *  AES-256-GCM seals the secret. */
function wrapFor(device: DeviceAddress, secret: Buffer): Element {
  const fresh = generateKeyPairSync('x25519');
  const shared = diffieHellman({ privateKey: fresh.privateKey, publicKey: device.publicKey });
  const { key, nonce } = wrappingKeys(shared);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const sealed = Buffer.concat([cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
  const freshPublic = fresh.publicKey.export({ type: 'spki', format: 'der' }).subarray(-publicKeyBytes);
  const value = Buffer.concat([freshPublic, sealed]).toString('base64');
  return element(ns.omemo2, 'key', { rid: String(device.id), kex: 'true' }, value);
}

function unwrap(device: Device, wrapped: Element): Buffer {
  const bytes = decodeBase64(text(wrapped));
  if (bytes?.length !== publicKeyBytes + payloadKeyBytes + macBytes + gcmTagBytes)
    throw unreadable('has a key of the wrong length');
  const spki = Buffer.concat([x25519Prefix, bytes.subarray(0, publicKeyBytes)]);
  const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  const { key, nonce } = wrappingKeys(diffieHellman({ privateKey: device.privateKey, publicKey }));
  const decipher = createDecipheriv('aes-256-gcm', key, nonce);
  decipher.setAuthTag(bytes.subarray(-gcmTagBytes));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(publicKeyBytes, -gcmTagBytes)), decipher.final()]);
  } catch (cause) {
    throw unreadable('has a key that was altered', cause);
  }
}

/** Derives key and nonce, which are used once: the agreement is with a fresh key. */
function wrappingKeys(shared: Buffer) {
  const keys = derive(shared, 'Narthex simulator key wrap', 44);
  return { key: keys.subarray(0, 32), nonce: keys.subarray(32) };
}

function derive(secret: Buffer, info: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(32), info, bytes));
}

function unreadable(why: string, cause?: unknown): SimulatorError {
  return new SimulatorError('ERR_SIMULATOR_EXPECTATION', `the encrypted message ${why}`, { cause });
}
