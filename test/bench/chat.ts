/** The chat channel's codec, encryption and handshake, against TLS of the same process. */
import { randomBytes } from 'node:crypto';
import { type Duplex, duplexPair } from 'node:stream';
import { connect, createSecureContext, TLSSocket } from 'node:tls';
import { Decoder } from '../../src/chat/decoder.ts';
import { Encoder } from '../../src/chat/encoder.ts';
import { defaultChatLimits } from '../../src/chat/limits.ts';
import { LineCodec } from '../../src/chat/line-codec.ts';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { createNames } from '../../src/stanza/names.ts';
import { ns } from '../../src/stanza/namespaces.ts';
import { Scanner } from '../../src/stream/scanner.ts';
import { defaultLimits } from '../../src/stream/limits.ts';
import { SimdStructure } from '../../src/stream/structure/simd.ts';
import { Workspace } from '../../src/stream/workspace.ts';
import type { Stanza } from '../../src/stanza/stanza.ts';
import { newParties, now, play, samplePayload } from '../chat/chat-pair.ts';
import { ratioOf, roundsByDefault, type Samples } from './measure.ts';
import type { Bench, Row } from './row.ts';
import { spreadOf } from './statistics.ts';

/** Plaintext of a frame, in bytes. */
const sizes = [300, 2560, 8192];
const roundMs = 8;

/** A piece of work that may wait. */
interface AsyncWork {
  run(): void | Promise<void>;
  /** Makes what the next `calls` need. Not measured. */
  prepare?(calls: number): void;
}

const codec = new LineCodec({ interopServer: { read: 'either', write: 'omit' } });
const names = createNames([ns.streams, ns.chat, ns.chatMarks, ns.xml, ns.xmlns], []);

export const chatBench: Bench = {
  name: 'chat',
  summary:
    "The chat channel in process. Reading and writing a frame's node, and sealing and opening a frame, are compared with a TLS record of the same size, written by one socket and read by another. The handshake of both parties is compared with TLS 1.3 of both.",
  async run({ rounds = roundsByDefault }) {
    const rows: Row[] = [];
    for (const byteLength of sizes) rows.push(...(await frameRows(byteLength, rounds)));
    rows.push(await handshakeRow(rounds));
    return rows;
  },
};

async function frameRows(byteLength: number, rounds: number): Promise<Row[]> {
  const frame = frameOf(byteLength);
  const decoder = new Decoder({ limits: defaultChatLimits, interopServer: 'either' });
  const encoder = new Encoder({ names, limits: defaultChatLimits, interopServer: 'omit' });
  const stanza = stanzaOf(Buffer.from(decoder.decode(frame)));
  const { sending } = play(newParties()).transport;
  const works: Readonly<Record<string, AsyncWork>> = {
    decode: { run: () => void decoder.decode(frame) },
    encode: { run: () => void encoder.encode(stanza) },
    encrypt: { run: () => void sending.seal(frame) },
    decrypt: openingOf(frame, play(newParties())),
  };
  const samples = await timeAsyncInTurns([...Object.values(works), await tlsRecord(frame)], rounds);
  const record = samples.pop()!;
  return Object.keys(works).map((name, index) => ({
    name: `chat: ${name}`,
    byteLength,
    figure: spreadOf(samples[index]!.map((nanoseconds) => nanoseconds / 1000)),
    unit: 'µs',
    ratio: ratioOf(samples[index]!, record),
    yardstick: 'a TLS record, written and read',
  }));
}

/** Opens frames that were sealed before: each counter is used once. */
function openingOf(frame: Buffer, { transport, encryption }: ReturnType<typeof play>): AsyncWork {
  let sealed: Buffer[] = [];
  return {
    prepare: (calls) => {
      sealed = [
        ...sealed.toReversed(),
        ...Array.from({ length: calls }, () => encryption.seal(frame)),
      ].toReversed();
    },
    run: () => void transport.receiving.open(sealed.pop()!),
  };
}

/** A message to one device, as the wire has it. */
function frameOf(byteLength: number): Buffer {
  const ciphertext = randomBytes(byteLength - 70);
  const node = {
    tag: 'message',
    attrs: { id: '3EB0C431D26A1916E07E', to: '391234567890:12@s.whatsapp.net', type: 'text' },
    content: [{ tag: 'enc', attrs: { v: '2', type: 'msg' }, content: ciphertext.toString('base64') }],
  };
  return Buffer.from(codec.encode(JSON.stringify(node), 'json'), 'hex');
}

function stanzaOf(xml: Buffer): Stanza {
  let kept: Stanza | undefined;
  const scanner = new Scanner({
    names,
    limits: defaultLimits,
    workspace: new Workspace(new SimdStructure(), defaultLimits),
    sink: {
      header: () => {},
      stanza: (stanza) => void (kept = stanza.retain()),
      whitespace: () => {},
      end: () => {},
    },
  });
  scanner.push(
    Buffer.from(`<stream:stream xmlns:stream='${ns.streams}' xmlns='${ns.chat}' xmlns:n='${ns.chatMarks}'>`),
  );
  scanner.push(xml);
  return kept!;
}

/** Writes a record on one TLS socket and waits until the other has read it. */
async function tlsRecord(bytes: Buffer): Promise<AsyncWork> {
  const [client, server] = await tlsPair();
  let missing = 0;
  let done: () => void = () => {};
  server.on('data', (chunk: Buffer) => {
    missing -= chunk.length;
    if (missing === 0) done();
  });
  const run = (): Promise<void> =>
    new Promise<void>((resolve) => {
      done = resolve;
      missing = bytes.length;
      client.write(bytes);
    });
  return { run };
}

const authority = createDevelopmentAuthority();
const { certificate, key } = authority.issue(['localhost']);
const serverContext = createSecureContext({ cert: certificate, key, minVersion: 'TLSv1.3' });
const clientContext = createSecureContext({ ca: authority.certificate, minVersion: 'TLSv1.3' });

/** Two TLS sockets in memory that have shaken hands. */
async function tlsPair(): Promise<[Duplex, Duplex]> {
  const [near, far] = duplexPair();
  const server = new TLSSocket(far as never, { isServer: true, secureContext: serverContext });
  const client = connect({ socket: near as never, secureContext: clientContext, servername: 'localhost' });
  await new Promise<void>((resolve, reject) => {
    client.once('secureConnect', resolve).once('error', reject);
  });
  return [client, server];
}

async function handshakeRow(rounds: number): Promise<Row> {
  const { authority: chatAuthority, serverKey } = newParties();
  const chain = chatAuthority.chain(serverKey.publicKey, now);
  const noise: AsyncWork = {
    run: () => void play(newParties(samplePayload, chatAuthority, serverKey), chain),
  };
  const tls: AsyncWork = {
    run: async () => {
      for (const socket of await tlsPair()) socket.destroy();
    },
  };
  const [ours, theirs] = (await timeAsyncInTurns([noise, tls], rounds)) as [Samples, Samples];
  return {
    name: 'chat: handshake, both parties',
    byteLength: 0,
    figure: spreadOf(ours.map((nanoseconds) => nanoseconds / 1000)),
    unit: 'µs',
    ratio: ratioOf(ours, theirs),
    yardstick: 'a TLS 1.3 handshake, both parties',
  };
}

/** Times pieces of work in rounds that take turns. Returns nanoseconds of CPU time of one call, by round, of each. */
async function timeAsyncInTurns(works: readonly AsyncWork[], rounds: number): Promise<Samples[]> {
  const turns = [];
  for (const work of works) turns.push({ work, calls: await callsPerRound(work), samples: [] as number[] });
  for (let round = 0; round < rounds; round += 1) {
    for (const turn of round % 2 === 0 ? turns : turns.toReversed())
      turn.samples.push((await cpuTime(turn.work, turn.calls)) / turn.calls);
  }
  return turns.map(({ samples }) => samples);
}

/** Calls that fill a round, found when the compiler has settled. */
async function callsPerRound(work: AsyncWork): Promise<number> {
  await cpuTime(work, 200);
  const nanoseconds = (await cpuTime(work, 200)) / 200;
  return Math.max(1, Math.round((roundMs * 1e6) / nanoseconds));
}

/** Nanoseconds of CPU time of all threads. */
async function cpuTime(work: AsyncWork, calls: number): Promise<number> {
  work.prepare?.(calls);
  const from = process.cpuUsage();
  for (let call = 0; call < calls; call += 1) {
    const pending = work.run();
    if (pending !== undefined) await pending;
  }
  const { user, system } = process.cpuUsage(from);
  return (user + system) * 1000;
}
