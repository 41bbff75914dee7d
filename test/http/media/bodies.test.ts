import http, { type IncomingMessage, type RequestListener } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { selfSigned } from '../support/certificate.ts';
import { bytesAt, startMediaOrigin } from '../support/media-origin.ts';
import { serveMedia, type MediaRelayUnderTest } from '../support/media.ts';
import { eventually } from '../../support/wait.ts';
import { listen, stop } from '../support/party.ts';

/** From here on the relay reads the body from the socket itself. */
const tapBytes = 4 * 1024 * 1024;
const large = bytesAt(0, 3 * tapBytes + 17);

function open(url: URL): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    http.get(url, { agent: false }, resolve).on('error', reject);
  });
}

async function bytesOf(answer: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const resolve = async () => [{ address: '127.0.0.1', family: 4 }];

describe('a body through the relay', () => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  const relayTo = async (listener: RequestListener): Promise<{ relay: MediaRelayUnderTest; url: URL }> => {
    const origin = await listen(listener);
    const relay = await serveMedia([origin.url.origin]);
    closing.push(origin.close, relay.close);
    return { relay, url: relay.through(origin.url) };
  };

  it.each([0, 1, tapBytes - 1, tapBytes, tapBytes + 1, 3 * tapBytes + 17])(
    'of %i bytes arrives as it is, twice on one connection or not',
    async (fileBytes) => {
      const origin = await startMediaOrigin(fileBytes);
      const relay = await serveMedia([origin.url.origin]);
      closing.push(origin.close, relay.close);
      for (let round = 0; round < 2; round += 1) {
        const answer = await fetch(relay.through(origin.url));
        const body = Buffer.from(await answer.arrayBuffer());
        expect(body.equals(bytesAt(0, fileBytes))).toBe(true);
      }
      await eventually(() => relay.ends.length === 2);
      expect(relay.ends).toEqual(['complete', 'complete']);
    },
  );

  it('arrives unchanged at a reader that pauses, however it was split', async () => {
    const { relay, url } = await relayTo((_, response) => {
      response.writeHead(200, { 'content-length': large.length });
      let at = 0;
      const next = (): void => {
        if (at >= large.length) {
          response.end();
          return;
        }
        const length = 1 + ((at * 7919) % 200_000);
        response.write(large.subarray(at, at + length));
        at += length;
        setImmediate(next);
      };
      next();
    });
    const answer = await open(url);
    let reads = 0;
    const slow = async function* (): AsyncGenerator {
      for await (const chunk of answer) {
        reads += 1;
        if (reads % 20 === 0) await sleep(2);
        yield chunk;
      }
    };
    expect((await bytesOf(slow())).equals(large)).toBe(true);
    await eventually(() => relay.ends.length === 1);
  });

  it('of many readers at once is not mixed up', async () => {
    const { url } = await relayTo((_, response) =>
      response.writeHead(200, { 'content-length': large.length }).end(large),
    );
    const bodies = await Promise.all(Array.from({ length: 6 }, async () => bytesOf(await open(url))));
    expect(bodies.map((body) => body.equals(large))).toEqual(Array(6).fill(true));
  });

  it('in chunks, without a length, arrives as it is', async () => {
    const { url } = await relayTo((_, response) => {
      response.write(large.subarray(0, 100_001));
      response.end(large.subarray(100_001));
    });
    const answer = await open(url);
    expect(answer.headers['content-length']).toBeUndefined();
    expect((await bytesOf(answer)).equals(large)).toBe(true);
  });

  it('that breaks off is cut', async () => {
    const { relay, url } = await relayTo((_, response) => {
      response.writeHead(200, { 'content-length': large.length });
      response.write(large.subarray(0, tapBytes), () => response.destroy());
    });
    await expect(bytesOf(await open(url))).rejects.toThrow('aborted');
    expect(relay.ends).toEqual(['source-broke']);
  });

  it('that exceeds its length is cut at the length', async () => {
    const { url } = await relayTo(({ socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${large.length}\r\n\r\n`);
      socket.write(large);
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled');
    });
    const got = await bytesOf(await open(url)).catch(() => Buffer.alloc(0));
    expect(got.includes('smuggled')).toBe(false);
    const after = await bytesOf(await open(url)).catch(() => Buffer.alloc(0));
    expect(after.includes('smuggled')).toBe(false);
  });

  it('is fetched from a media server over TLS, verified by the given authority', async () => {
    const { cert, key } = selfSigned('media.test');
    const server = https.createServer({ cert, key }, (_, response) => {
      response.writeHead(200, { 'content-length': large.length }).end(large);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => stop(server));
    const origin = `https://media.test:${(server.address() as AddressInfo).port}`;
    const trusting = await serveMedia([origin], { guard: { resolve }, ca: cert });
    const wary = await serveMedia([origin], { guard: { resolve } });
    closing.push(trusting.close, wary.close);
    expect((await bytesOf(await open(trusting.through(origin)))).equals(large)).toBe(true);
    expect((await open(wary.through(origin))).statusCode).toBe(502);
  });
});
