import { expectLinear } from '../support/linear.ts';
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClientHelloReader, type ClientHelloProgress } from '../../src/signals/client-hello-reader.ts';
import { cut, handshake, paddedHandshake, records, u16 } from './hello.ts';

const vectors = JSON.parse(readFileSync(new URL('vectors/client-hello.json', import.meta.url), 'utf8')) as {
  client: string;
  hello: string;
}[];

/** The first final answer, or the last one. */
function feed(chunks: readonly Uint8Array[], bytesMax?: number): ClientHelloProgress {
  const reader = new ClientHelloReader(bytesMax === undefined ? {} : { bytesMax });
  for (const chunk of chunks) {
    const progress = reader.push(chunk);
    if (progress.kind !== 'incomplete') return progress;
  }
  return { kind: 'incomplete' };
}

const bytewise = (bytes: Uint8Array): Uint8Array[] =>
  Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));

describe('a ClientHello from a connection’s first bytes', () => {
  it.each(vectors)('$client: whole, and cut at every byte', ({ hello }) => {
    const wire = Buffer.from(hello, 'hex');
    const whole = feed([wire]);
    expect(whole.kind).toBe('hello');
    for (let at = 1; at < wire.length; at += 1) {
      const reader = new ClientHelloReader();
      expect(reader.push(wire.subarray(0, at)).kind).toBe('incomplete');
      expect(reader.push(wire.subarray(at))).toEqual(whole);
      expect(Buffer.compare(reader.taken(), wire)).toBe(0);
    }
    expect(feed(bytewise(wire))).toEqual(whole);
  });

  it.each([1, 2, 3, 4, 5, 6, 100])('over records of %i bytes, byte by byte', (payloadBytes) => {
    const message = handshake();
    const whole = feed([records(message)]);
    const wire = records(message, payloadBytes);
    expect(feed([wire])).toEqual(whole);
    expect(feed(bytewise(wire))).toEqual(whole);
  });

  it('does not depend on records or segments', () => {
    const message = Buffer.from(vectors.at(-3)!.hello, 'hex').subarray(5);
    const whole = feed([records(message)]);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3000 }),
        fc.array(fc.nat(4000), { maxLength: 40 }),
        (payloadBytes, places) => {
          expect(feed(cut(records(message, payloadBytes), places))).toEqual(whole);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('passes on all bytes, also those pushed after the answer', () => {
    const reader = new ClientHelloReader();
    const wire = records(handshake());
    expect(reader.push(Buffer.concat([wire, Buffer.from('early')])).kind).toBe('hello');
    expect(reader.push(Buffer.from('later')).kind).toBe('hello');
    expect(Buffer.from(reader.taken()).toString('latin1')).toBe(`${wire.toString('latin1')}earlylater`);
  });

  it('accepts a hello of up to 16 KiB on the wire and no more', () => {
    const fits = records(paddedHandshake(16 * 1024 - 5));
    const exceeds = records(paddedHandshake(16 * 1024 - 4));
    expect(fits).toHaveLength(16 * 1024);
    for (const split of [(wire: Uint8Array) => [wire], bytewise]) {
      expect(feed(split(fits)).kind).toBe('hello');
      expect(feed(split(exceeds)).kind).toBe('too-large');
    }
  });

  it('answers too large from the length alone', () => {
    expect(feed([Buffer.from([22, 3, 1, 0, 4, 1, 0, 64, 0])]).kind).toBe('too-large');
  });

  it('counts the overhead of tiny records against the limit', () => {
    expect(feed([records(paddedHandshake(4000), 1)]).kind).toBe('too-large');
    expect(feed(bytewise(records(paddedHandshake(4000), 1))).kind).toBe('too-large');
  });

  it.each([
    ['an XMPP stream', "<?xml version='1.0'?>"],
    ['HTTP', 'GET / HTTP/1.1\r\n'],
    ['an SSL 2 hello', '\x80\x2e\x01\x03\x01'],
    ['a TLS alert', '\x15\x03\x01\x00\x02'],
    ['another major version', '\x16\x02\x00\x00\x10'],
    ['a record longer than any', '\x16\x03\x01\x40\x01'],
  ])('%s is not TLS', (_, text) => {
    expect(feed(bytewise(Buffer.from(text, 'latin1'))).kind).toBe('not-tls');
  });

  it('recognises plain text from its first byte', () => {
    expect(new ClientHelloReader().push(Buffer.from('<')).kind).toBe('not-tls');
  });

  const message = handshake();
  it.each<[string, Buffer]>([
    ['an empty record', Buffer.from([22, 3, 1, 0, 0])],
    ['a ServerHello', records(Buffer.concat([Buffer.from([2]), message.subarray(1)]))],
    [
      'another record type in between',
      Buffer.concat([records(message.subarray(0, 20)), Buffer.from([21, 3, 3, 0, 2])]),
    ],
    ['something after the hello in its record', records(Buffer.concat([message, Buffer.from([0])]))],
    [
      'a body that is cut off',
      records(Buffer.concat([Buffer.from([1, 0, ...u16(40)]), message.subarray(4, 44)])),
    ],
  ])('%s is malformed, however it is cut', (_, wire) => {
    expect(feed([wire]).kind).toBe('malformed');
    expect(feed(bytewise(wire)).kind).toBe('malformed');
  });

  it('gives one answer for one sequence of bytes, whatever they are and however they are cut', () => {
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.constant(new Uint8Array(records(message))),
      fc.constant(new Uint8Array(records(message, 9))),
      fc.constant(new Uint8Array([22, 3, 1, 0, 80, 1, 0, 0, 76])),
    );
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 4 }), fc.array(fc.nat(400)), (parts, places) => {
        const wire = Buffer.concat(parts);
        const whole = feed([wire], 256);
        expect(feed(cut(wire, places), 256)).toEqual(whole);
        expect(feed(bytewise(wire), 256)).toEqual(whole);
      }),
      { numRuns: 1000 },
    );
  });

  it('visits each byte once, also when bytes come one at a time', () => {
    const reading = (size: number): (() => void) => {
      const chunks = bytewise(records(paddedHandshake(size), 300));
      return () => expect(feed(chunks, 1 << 20).kind).toBe('hello');
    };
    expectLinear('a ClientHello', reading(8_000), reading(16_000));
  });
});
