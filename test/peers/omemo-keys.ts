/** Keys for OMEMO (XEP-0384 0.3, `eu.siacs.conversations.axolotl`) that a contact publishes, so that others can encrypt to
 *  it. The keys are valid and their private halves are forgotten: what is sent to them stays closed. */
import { generateKeyPairSync, randomInt, sign, type KeyObject } from 'node:crypto';
import type { StanzaClient } from './stanza-client.ts';

const namespace = 'eu.siacs.conversations.axolotl';
const oneTimeKeys = 20;

/** Publishes one device and its bundle, for all to read. @throws Error when the server refuses */
export async function publishOmemoKeys(contact: StanzaClient): Promise<void> {
  const device = randomInt(1, 2 ** 31);
  await publish(contact, `${namespace}.bundles:${device}`, bundle());
  await publish(
    contact,
    `${namespace}.devicelist`,
    `<list xmlns='${namespace}'><device id='${device}'/></list>`,
  );
}

async function publish(contact: StanzaClient, node: string, payload: string): Promise<void> {
  const id = `keys-${node}`;
  contact.send(
    `<iq xmlns='jabber:client' type='set' id='${id}'><pubsub xmlns='http://jabber.org/protocol/pubsub'>` +
      `<publish node='${node}'><item id='current'>${payload}</item></publish>` +
      `<publish-options>${openToAll}</publish-options></pubsub></iq>`,
  );
  const answer = await contact.until((xml) => xml.startsWith('<iq') && xml.includes(id));
  if (!/type=["']result["']/.test(answer)) throw new Error(`keys were not published: ${answer}`);
}

const openToAll =
  "<x xmlns='jabber:x:data' type='submit'>" +
  "<field var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub#publish-options</value></field>" +
  "<field var='pubsub#access_model'><value>open</value></field></x>";

function bundle(): string {
  const identity = generateKeyPairSync('ed25519');
  const signedKey = newAgreementKey();
  const keys = Array.from(
    { length: oneTimeKeys },
    (_, at) => `<preKeyPublic preKeyId='${at + 1}'>${newAgreementKey().toString('base64')}</preKeyPublic>`,
  );
  return (
    `<bundle xmlns='${namespace}'>` +
    `<signedPreKeyPublic signedPreKeyId='1'>${signedKey.toString('base64')}</signedPreKeyPublic>` +
    `<signedPreKeySignature>${signature(identity, signedKey).toString('base64')}</signedPreKeySignature>` +
    `<identityKey>${typed(montgomery(rawPublic(identity.publicKey))).toString('base64')}</identityKey>` +
    `<prekeys>${keys.join('')}</prekeys></bundle>`
  );
}

function newAgreementKey(): Buffer {
  return typed(rawPublic(generateKeyPairSync('x25519').publicKey));
}

/** The type of the curve, and the key. */
function typed(key: Buffer): Buffer {
  return Buffer.concat([Buffer.of(5), key]);
}

function rawPublic(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: 'jwk' }).x!, 'base64url');
}

/** XEdDSA: the verifier has the Montgomery form of the key, which has no sign; the signature carries it in its last bit. */
function signature(identity: { publicKey: KeyObject; privateKey: KeyObject }, message: Buffer): Buffer {
  const signed = sign(null, message, identity.privateKey);
  signed[63]! |= rawPublic(identity.publicKey)[31]! & 0x80;
  return signed;
}

const prime = 2n ** 255n - 19n;

/** Ed25519's y as X25519's u = (1 + y) / (1 - y) (RFC 7748 §4.1). Both are little-endian. */
function montgomery(point: Buffer): Buffer {
  const y = BigInt(`0x${Buffer.from(point).reverse().toString('hex')}`) & (2n ** 255n - 1n);
  const u = ((1n + y) * inverse((1n - y + prime) % prime)) % prime;
  return Buffer.from(u.toString(16).padStart(64, '0'), 'hex').reverse();
}

/** By Fermat's little theorem. */
function inverse(value: bigint): bigint {
  let power = 1n;
  for (let exponent = prime - 2n, base = value; exponent > 0n; exponent >>= 1n, base = (base * base) % prime)
    if (exponent & 1n) power = (power * base) % prime;
  return power;
}
