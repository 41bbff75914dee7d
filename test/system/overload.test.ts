/** Rates of a session, its age, and new work while the process does not keep up. */
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { startTestProxy, type TestProxy, type TestProxyOptions } from '../support/proxy.ts';
import { connectRaw, logInRaw, streamHeader, type RawClient } from '../support/raw-client.ts';
import { startRawGatekeeper, type RawGatekeeper, type Script } from '../support/raw-gatekeeper.ts';
import { eventually } from '../support/wait.ts';

const authority = createDevelopmentAuthority();
const pair = authority.issue(['localhost', '127.0.0.1']);

let proxy: TestProxy;
let gatekeeper: RawGatekeeper;
afterEach(async () => {
  await proxy.close();
  gatekeeper.close();
});

async function start(script: Script, options: Partial<TestProxyOptions> = {}): Promise<void> {
  gatekeeper = await startRawGatekeeper(pair.certificate, pair.key, script);
  proxy = await startTestProxy({
    domain: 'localhost',
    gatekeeper: { port: gatekeeper.port, tls: 'direct' },
    certificate: pair.certificate,
    key: pair.key,
    ca: authority.certificate,
    ...options,
  });
}

const logIn = (): Promise<RawClient> => logInRaw(proxy.direct, authority.certificate);

/** Counts stanzas per connection, and sends back each that asks for it. */
function echo(counts: number[]): Script {
  return (socket) => {
    const index = counts.push(0) - 1;
    socket.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1');
      counts[index]! += text.split('<message').length - 1;
      for (const [, id] of text.matchAll(/ id='(ping[0-9]+)'/g)) socket.write(`<message id='${id}'/>`);
    });
  };
}

/** Sends stanzas one by one, each after the answer to the one before. */
async function roundTrips(client: RawClient, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    client.socket.write(`<message id='ping${index}'/>`);
    await client.until(`id='ping${index}'`);
    client.forget();
  }
}

describe('a client that sends as fast as it can', () => {
  const burst = 100;
  const rate = 50;
  const limits = { stanzasPerSecondMax: rate, stanzaBurstMax: burst };
  const floodStanzas = 20_000;
  const flood = "<message to='romeo@localhost'><body>spam</body></message>".repeat(floodStanzas);

  it('is read at its rate, while others keep their round trips', async () => {
    const counts: number[] = [];
    await start(echo(counts), { limits, policy: 'strict' });
    const honest = await logIn();
    const noisy = await logIn();
    const started = performance.now();
    noisy.socket.write(flood);
    await eventually(() => counts[1]! >= burst);
    // Without the rate, the flood passes in a few of these round trips.
    await roundTrips(honest, 80);
    const seconds = (performance.now() - started) / 1_000;
    expect(counts[1]!).toBeLessThanOrEqual(burst + rate * seconds + 1);
    expect(counts[1]!).toBeLessThan(floodStanzas / 2);
    noisy.socket.destroy();
    honest.socket.destroy();
  });

  it('loses nothing, in order, when it stops in time', async () => {
    const heard: string[] = [];
    await start(
      (socket) => socket.on('data', (chunk: Buffer) => heard.push(...chunk.toString().match(/ id='\d+'/g)!)),
      { limits: { stanzasPerSecondMax: 200, stanzaBurstMax: burst } },
    );
    const client = await logIn();
    const sent = Array.from({ length: 300 }, (_, id) => ` id='${id}'`);
    client.socket.write(sent.map((id) => `<message${id}/>`).join(''));
    await eventually(() => heard.length >= sent.length);
    expect(heard).toEqual(sent);
    client.socket.destroy();
  });

  it('loses its stream when it continues for too long, with the reason', async () => {
    await start(echo([]), { limits, timeouts: { overRateMs: 1_000 } });
    const noisy = await logIn();
    noisy.socket.write(flood);
    await noisy.until('</stream:error>', 20_000);
    expect(noisy.received()).toContain('<policy-violation ');
    await noisy.closed;
    await eventually(() => proxy.closed.length > 0);
    expect(proxy.closed).toEqual(['ERR_STANZA_RATE']);
  });

  it('loses it by the bytes too, where they are limited', async () => {
    const timeouts = { overRateMs: 1_000 };
    await start(echo([]), { limits: { stanzasPerSecondMax: 0, bytesPerSecondMax: 1_000 }, timeouts });
    const noisy = await logIn();
    const pump = setInterval(() => noisy.socket.write(flood.slice(0, 57 * 100)), 20);
    try {
      await noisy.until('</stream:error>', 20_000);
      await noisy.closed;
    } finally {
      clearInterval(pump);
    }
    await eventually(() => proxy.closed.length > 0);
    expect(proxy.closed).toEqual(['ERR_BYTE_RATE']);
  });
});

it('padding: a client that sends tiny stanzas is read no faster than their padding may be written', async () => {
  const perSecond = 20_000;
  let bytes = 0;
  await start((socket) => socket.on('data', (chunk: Buffer) => (bytes += chunk.length)), {
    policy: 'strict',
    limits: { stanzasPerSecondMax: 0, paddingBytesPerSecondMax: perSecond },
  });
  const client = await logIn();
  const started = performance.now();
  client.socket.write("<message to='romeo@localhost'/>".repeat(10_000));
  await eventually(() => bytes > 9 * perSecond);
  await new Promise((resume) => setTimeout(resume, 1_500));
  // Ten seconds' worth at once, then the rate; without a budget it is 40 MB.
  expect(bytes).toBeLessThan((11 + (performance.now() - started) / 1_000) * perSecond + 8_192);
  client.socket.destroy();
});

it('an element before authentication has few children, however small they are', async () => {
  await start(echo([]));
  const client = connectRaw(proxy.direct, authority.certificate);
  client.socket.write(streamHeader());
  await client.until('</stream:features>');
  client.socket.write(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>${'<a/>'.repeat(256)}`);
  await client.until('</stream:error>');
  expect(client.received()).toContain('<policy-violation ');
  await eventually(() => proxy.closed.length > 0);
  expect(proxy.closed).toEqual(['ERR_ELEMENT_COUNT']);
});

it('a session of its age is asked to connect again', async () => {
  await start(echo([]), { timeouts: { sessionAgeMs: 200, sessionAgeJitterMs: 100 } });
  const client = await logIn();
  await client.until('</stream:error>');
  expect(client.received()).toContain('<reset ');
  await client.closed;
  await eventually(() => proxy.closed.length > 0);
  expect(proxy.closed).toEqual(['ERR_SESSION_AGE']);
});

/** What a client without TLS hears within 100 ms. */
async function ask(text: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: proxy.starttls });
  let heard = '';
  socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
  socket.on('error', () => {});
  socket.write(text);
  socket.setTimeout(100, () => socket.destroy());
  await new Promise((resume) => socket.once('close', resume));
  return heard;
}

describe('while the process holds more memory than it may', () => {
  const overload = { memoryBytesMax: 1 };

  it('old sessions go on, new ones are refused with the right condition', async () => {
    await start(echo([]), { overload });
    const old = await logIn();
    let answer = '';
    for (let attempt = 0; attempt < 100 && !answer.includes('<resource-constraint '); attempt += 1)
      answer = await ask(streamHeader());
    expect(answer).toContain('<resource-constraint ');
    expect(answer.endsWith('</stream:stream>')).toBe(true);
    await expect(logIn()).rejects.toThrow();
    await roundTrips(old, 3);
    expect(new Set(proxy.closed)).toEqual(new Set(['client-closed', 'ERR_OVERLOAD']));
    old.socket.destroy();
  });
});
