/** How connections and bodies of HTTP/2 end: without losing a request, and without passing a part for the whole. */
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { createMediaTokens } from '../../../src/http/media/token.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { startMediaOrigin } from '../support/media-origin.ts';
import {
  connectRaw,
  endHeaders,
  endStream,
  frame,
  get,
  headers,
  post,
  type RawHttp2,
} from '../support/raw-http2.ts';
import { publicUrl, startServed, type ServedProxy } from '../support/served.ts';
import { openRequester } from '../support/versions.ts';

const highestStream = 2 ** 31 - 1;
let served: ServedProxy;
let client: RawHttp2 | undefined;
afterEach(async () => {
  client?.close();
  client = undefined;
  await served.close();
});

describe('a proxy that drains', () => {
  it('announces it, serves what still comes, and says which request was the last', async () => {
    served = await startServed({ version: 'HTTP/2' });
    client = await connectRaw(served.port);
    client.send(headers(1, get()));
    await client.until(() => client!.ended(1));
    const closed = served.test.proxy.close(10_000);
    await client.until(() => client!.lastStreams().length === 1);
    client.send(headers(3, get()));
    await client.until(() => client!.ended(3));
    expect(client.answered(3)).toBe(0x88);
    await client.until(client.closed);
    expect(client.lastStreams()).toEqual([highestStream, 3]);
    expect(client.goaways()).toEqual(['NO_ERROR', 'NO_ERROR']);
    await closed;
  });

  it('lets a request that is under way end', async () => {
    served = await startServed({ version: 'HTTP/2', limits: { bodyTimeoutMs: 10_000 } });
    client = await connectRaw(served.port);
    const fields = post('/enlistments', ['authorization', 'Bearer x'], ['idempotency-key', '8e03978e-40d5-43dd-bc93-6894a57f9324']); // prettier-ignore
    // The second is answered, so the first has begun.
    client.send(headers(1, fields, endHeaders), headers(3, get()));
    await client.until(() => client!.ended(3));
    const closed = served.test.proxy.close(10_000);
    await client.until(() => client!.lastStreams().length === 2);
    expect(client.closed()).toBe(false);
    client.send(frame('DATA', 1, 1, Buffer.from('{"gatekeeper":"test"}')));
    await client.until(client.closed);
    expect([client.ended(1), client.reset(1)]).toEqual([true, undefined]);
    await closed;
  });

  it('loses no request of a client that sends all the time, and goes on elsewhere', async () => {
    served = await startServed({ version: 'HTTP/2' });
    const target = { host: '127.0.0.1', port: served.port, rejectUnauthorized: false };
    const requester = openRequester('HTTP/2', target);
    const sent = { method: 'GET', path: '/.well-known/jwks.json', headers: {}, body: undefined };
    let closed: Promise<unknown> | undefined;
    const outcomes: unknown[] = [];
    const waiting: Promise<void>[] = [];
    // A request that was not processed is repeated on a new connection, which then is refused: that one goes elsewhere.
    const outcomeOf = (error: Error): unknown =>
      ((error.cause ?? error) as NodeJS.ErrnoException).code === 'ECONNREFUSED' ? 'elsewhere' : error;
    for (let index = 0; !outcomes.includes('elsewhere') && index < 2_000; index += 1) {
      if (index === 50) closed = served.test.proxy.close(10_000);
      waiting.push(
        requester
          .request(sent)
          .then(({ status }) => status, outcomeOf)
          .then((outcome) => void outcomes.push(outcome)),
      );
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await Promise.all([...waiting, closed]);
    requester.close();
    expect(new Set(outcomes)).toEqual(new Set([200, 'elsewhere']));
    expect(outcomes.filter((outcome) => outcome === 200).length).toBeGreaterThan(50);
  });

  it('does not wait for a client that does not end', async () => {
    served = await startServed({ version: 'HTTP/2', limits: { bodyTimeoutMs: 60_000 } });
    client = await connectRaw(served.port);
    client.send(headers(1, post('/enlistments', ['idempotency-key', '8e03978e-40d5-43dd-bc93-6894a57f9324']), endHeaders)); // prettier-ignore
    await served.test.proxy.close(200);
    await client.until(client.closed);
    expect(client.ended(1)).toBe(false);
  });
});

describe('a connection', () => {
  it('takes no more requests when it is old', async () => {
    served = await startServed({ version: 'HTTP/2', limits: { http2ConnectionAgeMs: 1_000, headersTimeoutMs: 300, bodyTimeoutMs: 20_000 } }); // prettier-ignore
    client = await connectRaw(served.port);
    for (let stream = 1; !client.closed(); stream += 2) {
      client.send(headers(stream, get()));
      await client.until(() => client!.ended(stream) || client!.closed());
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(client.lastStreams()[0]).toBe(highestStream);
    expect(client.goaways()).toEqual(['NO_ERROR', 'NO_ERROR']);
  });

  it('takes so many requests; those that were too many may be sent again', async () => {
    served = await startServed({ version: 'HTTP/2', limits: { requestsPerConnectionMax: 3 } });
    client = await connectRaw(served.port);
    client.send(...[1, 3, 5, 7, 9].map((stream) => headers(stream, get())));
    await client.until(client.closed);
    expect([1, 3, 5].map((stream) => client!.answered(stream))).toEqual([0x88, 0x88, 0x88]);
    expect([7, 9].map((stream) => client!.reset(stream))).toEqual(['REFUSED_STREAM', 'REFUSED_STREAM']);
  });

  it('is not HTTP/2 where that is switched off', async () => {
    served = await startServed({ proxy: { http: { publicUrl, http2: false } } });
    const socket = connect({
      port: served.port,
      host: '127.0.0.1',
      ALPNProtocols: ['h2', 'http/1.1'],
      rejectUnauthorized: false,
    });
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
  });
});

it('a download that breaks off is reset, so that a part is not mistaken for the whole', async () => {
  const secret = 'm'.repeat(32);
  const origin = await startMediaOrigin(10);
  await using folder = await temporaryFolder();
  served = await startServed({
    provider: {
      media: {
        hosts: [origin.url.origin],
        allowAddresses: ['127.0.0.1/32'],
        keyFiles: [await folder.write('key', secret)],
      },
    },
    gatekeeper: () => ({ media: {} }),
  });
  const tokens = createMediaTokens({ secrets: [Buffer.from(secret)], lifetimeMs: 60_000, now: () => Date.now() }); // prettier-ignore
  origin.override = (_, response) => {
    // Without a length: only the end says that it is whole.
    response.writeHead(200).write('a part');
    setTimeout(() => response.destroy(), 50);
  };
  client = await connectRaw(served.port);
  client.send(headers(1, get(`/media/${tokens.seal(origin.url.href, 'test')}`)));
  await client.until(() => client!.reset(1) !== undefined);
  expect([client.reset(1), client.ended(1), client.body(1).toString()]).toEqual(['INTERNAL_ERROR', false, 'a part']); // prettier-ignore
  expect(served.events).toContainEqual(expect.objectContaining({ end: 'source-broke' }));
  // Nor is one that is cut when the proxy stops.
  origin.override = (_, response) => void response.writeHead(200).write('a part');
  client.send(headers(3, get(`/media/${tokens.seal(origin.url.href, 'test')}`)));
  await client.until(() => client!.body(3).length > 0);
  await served.test.proxy.close(100);
  await client.until(client.closed);
  expect(client.ended(3)).toBe(false);
  // It is no fault of the caller.
  expect(served.events.filter(({ event }) => event === 'http2-refused')).toEqual([]);
  await origin.close();
});

describe('a body that no route reads', () => {
  it('ends its request with the answer: the connection does not end for requests that wait', async () => {
    served = await startServed({ version: 'HTTP/2', limits: { http2WaitingMax: 1 } });
    client = await connectRaw(served.port);
    for (const stream of [1, 3, 5]) {
      client.send(headers(stream, get(), endHeaders), frame('DATA', endStream, stream, Buffer.from('{}')));
      await client.until(() => client!.ended(stream));
    }
    // Requests that wait are looked for each second, and have waited for one then.
    await sleep(2_500);
    client.send(headers(7, get()));
    await client.until(() => client!.ended(7));
    expect([client.goaways(), client.closed()]).toEqual([[], false]);
  });
});
