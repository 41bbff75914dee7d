import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect, type ConnectionOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { streamHeader } from '../simulator/support/raw.ts';
import { startAttested, type Attested } from '../support/attested.ts';
import { inRecords, startCutter, type Cut } from '../support/cutter.ts';
import { eventually } from '../support/wait.ts';

/** ClientHellos cut in every way, through the real listeners: what the gatekeeper learns is the same. */

let scene: Attested;
let cutter: Awaited<ReturnType<typeof startCutter>>;
let cut: Cut = (flight) => [flight];
let flightBytes = 0;
beforeAll(async () => {
  scene = await startAttested({
    carriers: { stream: {} },
    required: true,
    proxy: { limits: { connectionsPerAddressMax: 0 } },
  });
  cutter = await startCutter(scene.proxy.direct, () => (flight) => {
    flightBytes = flight.length;
    return cut(flight);
  });
});
afterAll(async () => {
  cutter.close();
  await scene.close();
});

const small: ConnectionOptions = {
  ecdhCurve: 'X25519',
  ciphers: 'TLS_AES_128_GCM_SHA256',
  minVersion: 'TLSv1.3',
};

/** Connects through the cutter and opens a stream; what the gatekeeper learned of TLS. */
async function told(how: Cut, options: ConnectionOptions = small): Promise<unknown> {
  cut = how;
  scene.attestations.length = 0;
  const socket = connect({
    port: cutter.port,
    host: '127.0.0.1',
    ca: scene.authority.certificate,
    servername: 'localhost',
    ALPNProtocols: ['xmpp-client'],
    ...options,
  });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  socket.write(streamHeader('localhost'));
  await eventually(() => scene.attestations.length === 1);
  socket.destroy();
  const [{ verification } = { verification: undefined }] = scene.attestations;
  if (verification?.kind !== 'accepted') throw new Error(JSON.stringify(verification));
  return verification.claims.signals.tls;
}

const whole: Cut = (flight) => [flight];
const everyByte: Cut = (flight) => [...flight].map((byte) => Uint8Array.of(byte));

describe('a ClientHello', () => {
  it('is the same wherever it is split', async () => {
    const expected = await told(whole);
    expect(expected).toMatchObject({ ja4: expect.stringMatching(/^t13d0/), observed_by: 'edge' });
    for (let at = 1; at < flightBytes; at += 1)
      expect(await told((flight) => [flight.subarray(0, at), flight.subarray(at)])).toEqual(expected);
  });

  it('is the same one byte at a time', async () => {
    expect(await told(everyByte)).toEqual(await told(whole));
  });

  it.each([1, 3, 4, 5, 17, 100])('is the same over records of %i bytes', async (bytes) => {
    const expected = await told(whole);
    expect(await told((flight) => [inRecords(flight, bytes)])).toEqual(expected);
    expect(await told((flight) => everyByte(inRecords(flight, bytes)))).toEqual(expected);
  });

  it('is the same when it is larger than a segment', async () => {
    const large: ConnectionOptions = { ecdhCurve: 'X25519MLKEM768:X25519' };
    const expected = await told(whole, large);
    expect(flightBytes).toBeGreaterThan(1_460);
    expect(await told((flight) => [flight.subarray(0, 1_460), flight.subarray(1_460)], large)).toEqual(
      expected,
    );
    expect(await told(everyByte, large)).toEqual(expected);
  });

  it('of more than 16 KiB is not read, and TLS continues', async () => {
    const names = Array.from({ length: 120 }, (_, index) => `${index}`.padEnd(200, 'x'));
    const huge: ConnectionOptions = { ...small, ALPNProtocols: ['xmpp-client', ...names] };
    expect(await told(whole, huge)).toEqual({ absent: 'parse-error' });
    expect(flightBytes).toBeGreaterThan(16_384);
    expect(await told(everyByte, huge)).toEqual({ absent: 'parse-error' });
  });
});

describe('bytes that are no ClientHello in time', () => {
  let hasty: Attested;
  beforeAll(async () => {
    hasty = await startAttested({
      carriers: { stream: {} },
      proxy: { timeouts: { handshakeMs: 1_000 } },
    });
  });
  afterAll(() => hasty.close());

  const ending = async (send: (socket: ReturnType<typeof connectTcp>) => unknown): Promise<unknown> => {
    hasty.proxy.closed.length = 0;
    const socket = connectTcp(hasty.proxy.direct, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    void send(socket);
    const refusals = (): unknown[] => hasty.proxy.closed.filter((reason) => reason !== 'client-closed');
    await eventually(() => refusals().length === 1);
    socket.destroy();
    return refusals()[0];
  };

  it.each([
    ['is a stream in clear text', Buffer.from("<?xml version='1.0'?><stream:stream>")],
    ['is HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['is another record', Buffer.from('1503030002022f', 'hex')],
    ['is another handshake message', Buffer.from('160301000402000000', 'hex')],
  ])('%s: refused at once', async (_, bytes) => {
    expect(await ending((socket) => socket.write(bytes))).toBe('ERR_TLS_HANDSHAKE');
  });

  it('stops halfway: refused when its time is over', async () => {
    expect(await ending((socket) => socket.write(Buffer.from('1603010100010000fc0303', 'hex')))).toBe(
      'ERR_HANDSHAKE_TIMEOUT',
    );
  });

  it('is a record without content, for which TLS waits: refused when its time is over', async () => {
    expect(await ending((socket) => socket.write(Buffer.from('1603010000', 'hex')))).toBe(
      'ERR_HANDSHAKE_TIMEOUT',
    );
  });

  it('never begins: refused when its time is over', async () => {
    expect(await ending(() => {})).toBe('ERR_HANDSHAKE_TIMEOUT');
  });

  it('dribbles in too slowly: each byte does not win more time', async () => {
    const drip = async (socket: ReturnType<typeof connectTcp>): Promise<void> => {
      for (const byte of Buffer.from('1603010100010000fc0303'.padEnd(400, '0'), 'hex')) {
        if (socket.destroyed) return;
        socket.write(Uint8Array.of(byte));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    expect(await ending(drip)).toBe('ERR_HANDSHAKE_TIMEOUT');
  });

  it('leaves halfway: over at once', async () => {
    expect(await ending((socket) => socket.end(Buffer.from('160301010001', 'hex')))).toBe(
      'ERR_TLS_HANDSHAKE',
    );
  });
});
