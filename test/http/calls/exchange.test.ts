import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { createSecureContext, type TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { createExchange, type ExchangeRequest } from '../../../src/http/calls/exchange.ts';
import { selfSigned } from '../support/certificate.ts';
import { listen, startParty, stop } from '../support/party.ts';

const ask = (url: URL): ExchangeRequest => ({
  method: 'POST',
  url,
  headers: { 'content-type': 'text/plain' },
  body: 'ä',
  timeoutMs: 1_000,
  answerBytesMax: 10,
});

describe('an exchange', () => {
  it('gives the whole answer, and sends the headers named and no other', async () => {
    const party = await startParty(() => ({ status: 418, body: 'short' }));
    const { exchange, close } = createExchange();
    expect(await exchange(ask(party.url))).toMatchObject({
      kind: 'answer',
      status: 418,
      body: Buffer.from('short'),
    });
    expect(party.received).toEqual([
      {
        method: 'POST',
        path: '/',
        body: 'ä',
        headers: {
          'content-type': 'text/plain',
          'content-length': '2',
          host: party.url.host,
          connection: 'keep-alive',
        },
      },
    ]);
    close();
    await party.close();
  });

  it('ends with a closed word for each fault', async () => {
    const party = await startParty(() => ({ status: 200, body: 'x'.repeat(11) }));
    const { exchange, close } = createExchange();
    expect(await exchange(ask(party.url))).toEqual({ kind: 'too-large' });
    party.answer = () => ({ status: 200, delayMs: 1_500 });
    expect(await exchange(ask(party.url))).toEqual({ kind: 'timeout' });
    expect(await exchange(ask(new URL('http://127.0.0.1:1/')))).toEqual({ kind: 'unreachable' });
    close();
    await party.close();
  });

  it('times out on an answer that stops half way', async () => {
    const party = await listen((_, response) => response.writeHead(200).write('x'));
    const { exchange, close } = createExchange();
    expect(await exchange({ ...ask(party.url), timeoutMs: 300 })).toEqual({ kind: 'timeout' });
    close();
    await party.close();
  });

  it('tries again, once, when a kept connection was closed before the answer, and not when a new one was', async () => {
    const asked = new Map<unknown, number>();
    let connections = 0;
    const party = await listen(({ socket }, response) => {
      const before = asked.get(socket) ?? 0;
      asked.set(socket, before + 1);
      if (before === 0 && connections < 3) response.end('ok');
      else socket.destroy();
    });
    party.server.on('connection', () => (connections += 1));
    const { exchange, close } = createExchange();
    expect((await exchange(ask(party.url))).kind).toBe('answer');
    expect((await exchange(ask(party.url))).kind).toBe('answer');
    expect([...asked.values()]).toEqual([2, 1]);
    close();
    connections = 3;
    expect(await exchange(ask(party.url))).toEqual({ kind: 'unreachable' });
    expect([...asked.values()]).toEqual([2, 1, 1]);
    await party.close();
  });

  it('shows its certificate, and verifies the other side’s', async () => {
    const [server, client] = [selfSigned('localhost'), selfSigned('proxy.example')];
    const names: unknown[] = [];
    const options = { ...server, ca: client.cert, requestCert: true, rejectUnauthorized: true };
    const party = https.createServer(options, ({ socket }, response) => {
      names.push((socket as TLSSocket).getPeerCertificate().subject.CN);
      response.end('ok');
    });
    await new Promise<void>((resolve) => party.listen(0, '127.0.0.1', resolve));
    const { port } = party.address() as AddressInfo;
    const mutual = createExchange({
      secureContext: () => createSecureContext({ ca: server.cert, ...client }),
    });
    expect((await mutual.exchange(ask(new URL(`https://localhost:${port}/`)))).kind).toBe('answer');
    expect((await mutual.exchange(ask(new URL(`https://127.0.0.1:${port}/`)))).kind).toBe('unreachable');
    const wary = createExchange({ secureContext: () => createSecureContext(client) });
    expect((await wary.exchange(ask(new URL(`https://localhost:${port}/`)))).kind).toBe('unreachable');
    expect(names).toEqual(['proxy.example']);
    mutual.close();
    await stop(party);
  });
});
