/** What one connection costs with a shape, against one that sends an honest chat message of 300 bytes: per byte where the
 *  stanza is larger than 1 KiB, per stanza below. What arrives in pieces is compared by the piece, because each is a TLS
 *  record of its own, as the honest message is one. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Direction } from '../../../src/stanza/direction.ts';
import { Sender } from './sender.ts';
import { honestMessage, shapes, type Shape } from './shapes.ts';

/** At most this many times what an honest message costs. */
export const ratioMax = 10;
const largeBytes = 1_024;

export function honest(direction: Direction): Shape {
  return { name: 'an honest message', direction, phase: 'established', xml: honestMessage };
}

/** @returns how many times what the honest message costs, by the byte, the piece or the stanza */
export function ratioOf(shape: Shape, cost: number, honestCost: number): number {
  const bytes = shape.xml(1).length;
  if (shape.pieceBytes !== undefined) return cost / Math.ceil(bytes / shape.pieceBytes) / honestCost;
  return bytes > largeBytes ? cost / bytes / (honestCost / honestMessage(1).length) : cost / honestCost;
}

/** CPU time of the process per stanza in microseconds, over at least `milliseconds` of it. */
export function cpuMicroseconds(sender: Sender, milliseconds: number): number {
  let stanzas = 0;
  let spent = 0;
  while (spent < milliseconds * 1_000) {
    const batch = Array.from({ length: 20 }, () => sender.next());
    const before = process.cpuUsage();
    for (const pieces of batch) sender.send(pieces);
    const { user, system } = process.cpuUsage(before);
    spent += user + system;
    stanzas += batch.length;
  }
  return spent / stanzas;
}

/** Bytes that one connection holds while all of a stanza but its last byte has come, after a garbage collection. */
export function heldBytes(shape: Shape, policy: string, connections = 20): number {
  const collect = collector();
  const senders = Array.from({ length: connections }, () => new Sender(shape, policy));
  // What every connection holds once it has carried a stanza does not count.
  for (const sender of senders) sender.send(sender.next());
  collect();
  const before = occupied();
  for (const sender of senders) sender.begin(sender.next());
  collect();
  const held = Math.max(0, occupied() - before) / connections;
  for (const sender of senders) sender.end();
  return held;
}

function occupied(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

export const measured: readonly (readonly [policy: string, shape: Shape])[] = ['strict', 'balanced'].flatMap(
  (policy) => shapes.map((shape) => [policy, shape] as const),
);
