import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createDevice, decryptContent, encrypt } from '../../src/simulator/envelope.ts';
import {
  decryptPicture,
  encryptPicture,
  pictureAddress,
  pictureAddressOf,
  pictureKeyElement,
  pictureKeyOf,
} from '../../src/simulator/picture.ts';
import { element } from '../../src/simulator/xml/element.ts';
import { parseElement } from '../../src/simulator/xml/reader.ts';
import { serialise } from '../../src/simulator/xml/write.ts';

const juliet = createDevice('juliet@capulet.example', 1);
const romeo = createDevice('romeo@montague.example', 2);
const picture = randomBytes(5_000);

describe('a picture', () => {
  it('is decrypted with the key inside the message, from the address outside', () => {
    const { ciphertext, secret } = encryptPicture(picture);
    const sealed = encrypt(juliet, [romeo], 'look', pictureKeyElement(secret));
    const url = 'https://media.example/a?b=1&c=2';
    const wire = serialise(element('jabber:client', 'message', {}, sealed, pictureAddress(url)));
    const message = parseElement(wire)!;
    const content = decryptContent(romeo, message.children[0] as typeof sealed);
    expect(pictureAddressOf(message)).toBe(url);
    expect(decryptPicture(ciphertext, pictureKeyOf(content))).toEqual(picture);
    expect(wire).not.toContain(secret.key.toString('base64'));
    expect(ciphertext.includes(picture.subarray(0, 16))).toBe(false);
  });

  it.each([
    ['a changed byte', (bytes: Buffer) => Buffer.concat([Buffer.from([bytes[0]! ^ 1]), bytes.subarray(1)])],
    ['a missing end', (bytes: Buffer) => bytes.subarray(0, -1)],
    ['nothing at all', () => Buffer.alloc(0)],
  ])('with %s is refused', (_, change) => {
    const { ciphertext, secret } = encryptPicture(picture);
    expect(() => decryptPicture(change(ciphertext), secret)).toThrow('the picture was altered');
  });

  it('of another one is refused though its key fits', () => {
    const { ciphertext, secret } = encryptPicture(picture);
    expect(() => decryptPicture(ciphertext, { ...secret, digest: Buffer.alloc(32) })).toThrow('altered');
  });

  it.each([
    ['no key', []],
    ['a key of another cipher', [element('urn:xmpp:esfs:0', 'encrypted', { cipher: 'other' })]],
  ])('cannot be read with %s', (_, content) => {
    expect(() => pictureKeyOf(content)).toThrow('holds no key of a picture');
  });
});
