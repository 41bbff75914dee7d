import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultHttpLimits } from '../../src/http/limits.ts';
import { readJsonBody } from '../../src/http/request-body.ts';
import { head, json, smuggled, statuses, unclear, wrong } from './support/malformed.ts';
import { serve, type Served } from './support/serve.ts';

const limits = {
  ...defaultHttpLimits,
  headersTimeoutMs: 500,
  requestTimeoutMs: 3_000,
  bodyTimeoutMs: 600,
  keepAliveTimeoutMs: 500,
  requestsPerConnectionMax: 3,
  connectionsMax: 20,
};

const lines = (count: number): string[] => Array.from({ length: count }, (_, index) => `X${index}: a`);

describe('HTTP on the wire', () => {
  let served: Served;
  let bodies: unknown[];

  beforeEach(async () => {
    bodies = [];
    const push = async ({ req }: { req: { raw: Request } }): Promise<Response> => {
      bodies.push(await readJsonBody(req.raw, limits));
      return new Response('taken');
    };
    served = await serve({ push }, limits);
  });
  afterEach(async () => {
    // Whatever was sent, the next one is served.
    const answer = await fetch(new URL('/push/gk', served.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"healthy":true}',
    });
    expect(answer.status).toBe(200);
    await served.close();
  });

  /** Sends pieces with pauses between, and gives all that came back when the connection ended. */
  const exchange = (pieces: readonly string[], { pauseMs = 0, waitMs = 2_000 } = {}): Promise<string> =>
    new Promise((resolve) => {
      let answer = '';
      const socket = connect(served.port, '127.0.0.1');
      const timer = setTimeout(() => socket.destroy(), waitMs);
      socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
      socket.on('error', () => {});
      socket.on('close', () => {
        clearTimeout(timer);
        resolve(answer);
      });
      void (async () => {
        for (const piece of pieces) {
          socket.write(piece, 'latin1');
          if (pauseMs > 0) await sleep(pauseMs);
        }
      })();
    });

  it('accepts a valid request, whole or byte by byte', async () => {
    const request = head(json, 'Content-Length: 7', 'Connection: close') + '{"a":1}';
    expect(statuses(await exchange([request]))).toEqual(['200']);
    expect(statuses(await exchange([...Buffer.from(request).toString('latin1').match(/[^]/g)!]))).toEqual([
      '200',
    ]);
    expect(bodies).toEqual([{ a: 1 }, { a: 1 }]);
  });

  it.each(unclear)('refuses %s with 400 and reads nothing after it', async (_, request) => {
    const answer = await exchange([request + smuggled]);
    expect(statuses(answer)[0]).toBe('400');
    expect(bodies).not.toContainEqual({ smuggled: 1 });
  });

  it.each(wrong)('refuses %s with 400', async (_, request) => {
    const answer = await exchange([request]);
    expect(statuses(answer)).toEqual(['400']);
    expect(bodies).toEqual([]);
  });

  it('refuses malformed HTTP with a problem document in its own words', async () => {
    const answer = await exchange(['JULIET / HTTP/1.1\r\nHost: a\r\n\r\n']);
    expect(answer).toMatch(/content-type: application\/problem\+json/);
    expect(answer).toMatch(/connection: close/i);
    expect(answer).toContain('"code":"ERR_HTTP_MALFORMED"');
    expect(answer).not.toContain('JULIET');
  });

  it('refuses headers that are too large, or too many', async () => {
    const large = await exchange([head(`X: ${'a'.repeat(limits.headerBytesMax)}`)]);
    expect([statuses(large)[0], large.includes('ERR_HTTP_HEADERS')]).toEqual(['431', true]);
    const rest = ['Content-Length: 2', json, 'Connection: close'];
    const many = await exchange([head(...lines(limits.headersMax - 3), ...rest) + '{}']);
    expect([statuses(many)[0], many.includes('ERR_HTTP_HEADERS')]).toEqual(['431', true]);
    expect(statuses(await exchange([head(...lines(limits.headersMax - 4), ...rest) + '{}']))).toEqual([
      '200',
    ]);
  });

  it('refuses a body that is too large by its length at once, in chunks as it grows', async () => {
    const announced = await exchange([head(json, 'Content-Length: 9999999', 'Connection: close')]);
    expect(statuses(announced)).toEqual(['413']);
    const chunk = `1000\r\n${' '.repeat(4_096)}\r\n`;
    const grown = await exchange([
      head(json, 'Transfer-Encoding: chunked', 'Connection: close'),
      ...Array<string>(8).fill(chunk),
    ]);
    expect(statuses(grown)).toEqual(['413']);
    expect(bodies).toEqual([]);
  });

  it('refuses headers that arrive too slowly', async () => {
    const answer = await exchange(head('X: slow').split(/(?=[^])/), { pauseMs: 50 });
    expect([statuses(answer)[0], answer.includes('ERR_HTTP_TIMEOUT')]).toEqual(['408', true]);
  });

  it('refuses a body that arrives too slowly', async () => {
    const answer = await exchange([head(json, 'Content-Length: 7', 'Connection: close'), '{', '"'], {
      pauseMs: 400,
    });
    expect([statuses(answer)[0], answer.includes('ERR_HTTP_BODY_TIMEOUT')]).toEqual(['408', true]);
  });

  it('closes an idle connection', async () => {
    await exchange([]);
  });

  it('closes after so many requests', async () => {
    const request = head(json, 'Content-Length: 2') + '{}';
    const answer = await exchange(Array<string>(5).fill(request), { pauseMs: 60 });
    expect(answer.match(/connection: close/gi)).not.toBeNull();
    expect(statuses(answer).slice(0, 4)).toEqual(['200', '200', '200', '503']);
    expect(bodies).toHaveLength(3);
  });

  it('accepts a limited number of connections', async () => {
    const open = await Promise.all(
      Array.from({ length: 30 }, () => {
        const socket = connect(served.port, '127.0.0.1');
        socket.on('error', () => {});
        return new Promise<typeof socket>((resolve) => socket.once('connect', () => resolve(socket)));
      }),
    );
    await sleep(100);
    const alive = open.filter((socket) => !socket.destroyed && !socket.readableEnded);
    expect(alive.length).toBeLessThanOrEqual(limits.connectionsMax);
    for (const socket of open) socket.destroy();
    await sleep(50);
  });
});
