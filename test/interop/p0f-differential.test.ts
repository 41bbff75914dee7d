import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprintSyn } from '../../src/signals/p0f.ts';
import { readSyn } from '../../src/signals/syn.ts';

/** Real p0f and our reader on the same generated SYNs, most of which no stack ever sent. Where p0f 3.09 slips (see
 *  `TcpFingerprint`), the packets avoid it or the comparison knows it. */

const p0f = '/usr/sbin/p0f';
const required = process.env['NARTHEX_PEERS'] === 'required';
const packets = 2000;

const option = fc.oneof(
  { arbitrary: fc.constantFrom([1], [4, 2], [3, 3, 7], [2, 4, 5, 180], [2, 4, 5, 160]), weight: 6 },
  { arbitrary: fc.tuple(fc.constant(3), fc.constant(3), fc.nat(255)), weight: 1 },
  { arbitrary: fc.tuple(fc.constant(2), fc.nat(8), fc.nat(255), fc.nat(255)), weight: 1 },
  {
    arbitrary: fc
      .tuple(fc.constantFrom(0, 77), fc.constantFrom(0, 0, 5))
      .map(([own, peer]) => [8, 10, 0, 0, 0, own, 0, 0, 0, peer]),
    weight: 3,
  },
  { arbitrary: fc.array(fc.nat(255), { minLength: 1, maxLength: 12 }), weight: 2 },
  {
    arbitrary: fc
      .nat(12)
      .map((bytes) => [5, bytes, ...Array.from({ length: Math.max(0, bytes - 2) }, () => 3)]),
    weight: 1,
  },
  { arbitrary: fc.nat(6).map((bytes) => Array.from({ length: bytes }, () => 0)), weight: 1 },
);

/** Padded to whole words. */
const optionArea = fc.array(option, { maxLength: 8 }).map((options) => {
  const bytes = options.flat().slice(0, 40);
  while (bytes.length % 4 !== 0) bytes.push(1);
  return bytes;
});

const syn = fc.record({
  ipv6: fc.boolean(),
  ttl: fc.integer({ min: 1, max: 255 }),
  service: fc.constantFrom(0, 0, 1, 2, 3, 0xb8),
  flow: fc.constantFrom(0, 0, 0xabcde),
  id: fc.constantFrom(0, 4711),
  flags: fc.constantFrom(0x4000, 0x4000, 0, 0x8000, 0xc000),
  ipOptions: fc.constantFrom(0, 0, 0, 8),
  sequence: fc.constantFrom(0, 0x1234567),
  acknowledgement: fc.constantFrom(0, 0, 0x01000000),
  reserved: fc.constantFrom(0, 0, 1),
  tcpFlags: fc.constantFrom(2, 2, 2, 2 | 8, 2 | 32, 2 | 64 | 128),
  window: fc.oneof(fc.nat(65535), fc.constantFrom(0, 29200, 14480, 64240, 65535, 5840, 57344, 15000, 6000)),
  urgent: fc.constantFrom(0, 0, 5),
  options: optionArea,
  payload: fc.constantFrom(0, 0, 3),
});

type GeneratedSyn = typeof syn extends fc.Arbitrary<infer T> ? T : never;

function packet(made: GeneratedSyn, sourcePort: number): Buffer {
  const tcp = Buffer.alloc(20 + made.options.length + made.payload, 0x2e);
  tcp.writeUInt16BE(sourcePort, 0);
  tcp.writeUInt16BE(5222, 2);
  tcp.writeUInt32BE(made.sequence, 4);
  tcp.writeUInt32BE(made.acknowledgement, 8);
  tcp.writeUInt8((((20 + made.options.length) / 4) << 4) | made.reserved, 12);
  tcp.writeUInt8(made.tcpFlags, 13);
  tcp.writeUInt16BE(made.window, 14);
  tcp.writeUInt16BE(0, 16);
  tcp.writeUInt16BE(made.urgent, 18);
  tcp.set(made.options, 20);
  return Buffer.concat([made.ipv6 ? header6(made, tcp.length) : header4(made, tcp.length), tcp]);
}

function header4(made: GeneratedSyn, payloadBytes: number): Buffer {
  const header = Buffer.alloc(20 + made.ipOptions);
  header.writeUInt8(0x40 | (header.length / 4), 0);
  header.writeUInt8(made.service, 1);
  header.writeUInt16BE(header.length + payloadBytes, 2);
  header.writeUInt16BE(made.id, 4);
  header.writeUInt16BE(made.flags, 6);
  header.writeUInt8(made.ttl, 8);
  header.writeUInt8(6, 9);
  header.set([192, 0, 2, 1, 192, 0, 2, 2], 12);
  return header;
}

function header6(made: GeneratedSyn, payloadBytes: number): Buffer {
  const header = Buffer.alloc(40);
  header.writeUInt32BE(((0x60000000 | (made.service << 20)) >>> 0) + made.flow, 0);
  header.writeUInt16BE(payloadBytes, 4);
  header.writeUInt8(6, 6);
  header.writeUInt8(made.ttl, 7);
  header.set([0x20, 1, 0xd, 0xb8], 8);
  header.set([0x20, 1, 0xd, 0xb8, 1], 24);
  return header;
}

/** A capture file of Ethernet frames. */
function pcap(frames: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65535, 16);
  header.writeUInt32LE(1, 20);
  const records = frames.map((frame, index) => {
    const record = Buffer.alloc(30);
    record.writeUInt32LE(1_700_000_000 + index, 0);
    record.writeUInt32LE(frame.length + 14, 8);
    record.writeUInt32LE(frame.length + 14, 12);
    record.writeUInt16BE(frame[0]! >> 4 === 6 ? 0x86dd : 0x0800, 28);
    return Buffer.concat([record, frame]);
  });
  return Buffer.concat([header, ...records]);
}

function p0fSignatures(frames: readonly Buffer[]): Map<number, string> {
  const directory = mkdtempSync(join(tmpdir(), 'narthex-p0f-'));
  try {
    writeFileSync(join(directory, 'in.pcap'), pcap(frames));
    execFileSync(p0f, ['-r', join(directory, 'in.pcap'), '-o', join(directory, 'log')], { stdio: 'ignore' });
    const text = readFileSync(join(directory, 'log'), 'utf8');
    const lines = text.matchAll(/\] mod=syn\|cli=[^/|]+\/(\d+)\|.*\|raw_sig=(\S+)$/gm);
    return new Map([...lines].map(([, port, signature]) => [Number(port), signature!]));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** p0f overlooks a byte after the end of options when it is the very last one. */
function isKnownSlip(ours: string, theirs: string, made: GeneratedSyn): boolean {
  return made.options.at(-1) !== 0 && ours.replace(/,?opt\+/, '').replace(':,', ':') === theirs;
}

describe.skipIf(!existsSync(p0f) && !required)('p0f and our reader (needs p0f: apt-get install p0f)', () => {
  it(`agree on ${packets} generated SYNs`, () => {
    const made = fc.sample(syn, { numRuns: packets, seed: 20261123 });
    const frames = made.map((each, index) => packet(each, 1024 + index));
    const theirs = p0fSignatures(frames);
    expect(theirs.size).toBeGreaterThan(packets * 0.95);
    const differing = [...theirs].flatMap(([port, signature]) => {
      const answer = readSyn(frames[port - 1024]!);
      const ours = answer.kind === 'syn' ? fingerprintSyn(answer.syn).p0f : answer.kind;
      const agree = ours === signature || isKnownSlip(ours, signature, made[port - 1024]!);
      return agree ? [] : [{ ours, theirs: signature }];
    });
    expect(differing).toEqual([]);
  });
});
