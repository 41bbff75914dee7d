/** A message of 5,000 prefixed elements, which once cost a hundred honest messages of its size under `strict`: every
 *  element gets a declaration of its own in the normal form. Work, output and elements are counted. */
import { countWork } from '../../support/linear.ts';
import { expect, it } from 'vitest';
import { honest, ratioMax } from './measure.ts';
import { Sender } from './sender.ts';
import { shapes, type Shape } from './shapes.ts';

const direction = 'to-gatekeeper';
const prefixed = shapes.find(
  (shape) => shape.direction === direction && shape.name === 'one prefix used over and over',
)!;

interface Cost {
  /** Steps of code, and bytes visited by native functions, which cost far less. */
  readonly work: number;
  /** Bytes that left, padding included. */
  readonly written: number;
  readonly bytes: number;
  readonly elements: number;
}

function costOf(shape: Shape): Cost {
  const sender = new Sender(shape, 'strict');
  try {
    // The first one compiles the code and fills caches.
    sender.send(sender.next());
    const pieces = sender.next();
    const text = Buffer.concat(pieces).toString();
    sender.written = 0;
    const { steps, visited } = countWork(() => sender.send(pieces));
    return {
      work: steps + visited / 16,
      written: sender.written,
      bytes: text.length,
      elements: text.match(/<[a-z]/g)!.length,
    };
  } finally {
    sender.end();
  }
}

it('5,000 prefixed elements cost and write little more per byte and element than an honest message', () => {
  const attack = costOf(prefixed);
  const peer = costOf(honest(direction));
  expect(attack.elements).toBe(5_001);
  expect(attack.bytes).toBeGreaterThan(30_000);
  expect(attack.work / attack.bytes).toBeLessThanOrEqual((ratioMax * peer.work) / peer.bytes);
  expect(attack.work / attack.elements).toBeLessThanOrEqual((ratioMax * peer.work) / peer.elements);
  // Padding of an honest message makes more of it than this.
  expect(attack.written).toBeLessThanOrEqual(ratioMax * attack.bytes);
  expect(attack.written).toBeGreaterThan(attack.bytes);
});
