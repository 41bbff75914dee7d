import { connect, type TLSSocket } from 'node:tls';
import { connect as connectPlain } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { crlf, head, json, smuggled, statuses, unclear, wrong } from '../support/malformed.ts';
import { startServed, type ServedProxy } from '../support/served.ts';

const limits = { headersTimeoutMs: 500, requestTimeoutMs: 1_000, bodyTimeoutMs: 600, connectionsMax: 20 };

/** The public port as it is served: over TLS, with everything configured. */
describe('hostile HTTP to the served port', () => {
  let served: ServedProxy;

  beforeAll(async () => {
    served = await startServed({ limits, proxy: { timeouts: { handshakeMs: 500 } } });
  });
  afterAll(async () => {
    expect((await served.ask('/.well-known/jwks.json')).status).toBe(200);
    expect(served.gatekeeper.received).toEqual([]);
    await served.close();
  });

  const secured = (): Promise<TLSSocket> =>
    new Promise((resolve, reject) => {
      const socket = connect(
        { port: served.port, host: '127.0.0.1', servername: 'proxy.example', rejectUnauthorized: false },
        () => resolve(socket),
      );
      socket.on('error', reject);
    });

  /** Sends pieces with pauses between, and gives all that came back when the connection ended. */
  const exchange = async (pieces: readonly string[], pauseMs = 0): Promise<string> => {
    const socket = await secured();
    const { promise, resolve } = Promise.withResolvers<void>();
    let answer = '';
    const timer = setTimeout(() => socket.destroy(), 2_500);
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    for (const piece of pieces) {
      socket.write(piece, 'latin1');
      if (pauseMs > 0) await sleep(pauseMs);
    }
    await promise;
    clearTimeout(timer);
    return answer;
  };

  it.each(unclear)('%s: 400, and nothing after it is read', async (_, request) => {
    const found = statuses(await exchange([request + smuggled]));
    // A route may answer before the fault in the body comes; what is smuggled would be one more.
    expect(found.at(-1)).toBe('400');
    expect(found.length).toBeLessThanOrEqual(2);
    expect(found.filter((status) => status === '404').length).toBeLessThanOrEqual(1);
  });

  it.each(wrong)('%s: 400', async (_, request) => {
    expect(statuses(await exchange([request.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')]))).toEqual([
      '400',
    ]);
  });

  it('each is counted, also one that no route saw', () => {
    const counted = served.events.filter(
      (event) => event.event === 'answered' && event.route === '*' && event.code === 'ERR_HTTP_MALFORMED',
    );
    expect(counted.length).toBeGreaterThanOrEqual(unclear.length);
  });

  it('headers too large, or too many: 431', async () => {
    expect(statuses(await exchange([head(`X: ${'a'.repeat(16_384)}`)]))).toEqual(['431']);
    const many = Array.from({ length: 70 }, (_, index) => `X${index}: a`);
    expect(statuses(await exchange([head(...many, 'Content-Length: 0', 'Connection: close')]))).toEqual([
      '431',
    ]);
  });

  it('headers that arrive too slowly: 408', async () => {
    expect(statuses(await exchange(head('X: slow').split(/(?=[^])/), 50))).toEqual(['408']);
  });

  it('a body that arrives too slowly: 408, and one that is too large: 413', async () => {
    const enlist = (...lines: string[]): string =>
      crlf(
        'POST /enlistments HTTP/1.1',
        'Host: a',
        json,
        'Idempotency-Key: 8e03978e-40d5-43dd-bc93-6894a57f9324',
        'Connection: close',
        ...lines,
        '',
        '',
      );
    expect(statuses(await exchange([enlist('Content-Length: 7'), '{', '"'], 400))).toEqual(['408']);
    expect(statuses(await exchange([enlist('Content-Length: 9999999')]))).toEqual(['413']);
  });

  it('no TLS, or half of it: closed within the limit of handshakes, without an answer', async () => {
    served.refusals.length = 0;
    for (const bytes of ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', '\x16\x03\x01\x02\x00', '']) {
      const { promise, resolve } = Promise.withResolvers<string>();
      let answer = '';
      const socket = connectPlain(served.port, '127.0.0.1', () => socket.write(bytes, 'latin1'));
      socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
      socket.on('error', () => {});
      socket.on('close', () => resolve(answer));
      expect(await promise).not.toContain('HTTP/');
    }
    // The operator learns what was wrong, by a word.
    expect(served.refusals).toEqual(['not-tls', 'timeout', 'timeout']);
  });

  it('another protocol inside TLS: no handshake', async () => {
    served.refusals.length = 0;
    const { promise, resolve } = Promise.withResolvers<string>();
    const socket = connect({
      port: served.port,
      host: '127.0.0.1',
      ALPNProtocols: ['spdy/3', 'xmpp-client'],
      rejectUnauthorized: false,
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    expect(await promise).toBe('ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL');
    expect(served.refusals).toEqual(['alpn']);
  });

  it('more connections than there is room for: closed, and room again afterwards', async () => {
    served.refusals.length = 0;
    const sockets = await Promise.allSettled(Array.from({ length: 40 }, secured));
    const open = sockets.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    await sleep(50);
    expect(open.filter(({ destroyed }) => !destroyed).length).toBeLessThanOrEqual(limits.connectionsMax);
    expect(sockets.some(({ status }) => status === 'rejected')).toBe(true);
    expect(new Set(served.refusals)).toContain('limit');
    for (const socket of open) socket.destroy();
    await sleep(50);
    expect((await served.ask('/nothing')).status).toBe(404);
  });
});
