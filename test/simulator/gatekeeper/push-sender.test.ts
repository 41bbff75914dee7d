import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPushSender } from '../../../src/simulator/gatekeeper/push-sender.ts';
import { answer, header, jsonBody, type HttpAnswer } from '../../../src/simulator/http/message.ts';
import { createTokenIssuer } from '../../../src/simulator/token/issuer.ts';
import { startHttps } from '../support/https.ts';

const notification = { recipient: 'n-1', sender: 'romeo@capulet.example', body: 'a message', count: 2 };

describe('a push of the gatekeeper', () => {
  let answers: HttpAnswer[];
  let server: Awaited<ReturnType<typeof startHttps>>;
  beforeEach(async () => {
    answers = [];
    server = await startHttps(() => answers.shift() ?? answer(202));
  });
  afterEach(() => server.close());

  const push = async (more: { url?: string } = {}) => {
    const url = more.url ?? `${server.url}/push/gk`;
    const issuer = await createTokenIssuer('gatekeeper.example');
    const sender = createPushSender({ url, issuer, caller: server.caller, attemptsMax: 3, pauseMaxMs: 10 });
    return sender.push(notification);
  };

  it('sends its notification, signed for the intermediary', async () => {
    expect(await push()).toEqual({ kind: 'taken', attempts: 1 });
    const [{ request } = { request: undefined }] = server.exchanges;
    expect(jsonBody(request!)).toEqual({ id: expect.any(String) as string, ...notification });
    const [, payload] = header(request!, 'authorization')!.split('.');
    expect(JSON.parse(Buffer.from(payload!, 'base64url').toString())).toMatchObject({
      iss: 'gatekeeper.example',
      aud: `${server.url}/push/gk`,
    });
  });

  it('is repeated under the same id while it cannot be accepted', async () => {
    answers = [answer(503, undefined, [['Retry-After', '5']]), answer(500)];
    expect(await push()).toEqual({ kind: 'taken', attempts: 3 });
    const ids = server.exchanges.map(({ request }) => jsonBody(request)?.['id']);
    expect(new Set(ids).size).toBe(1);
  });

  it('is given up after so many attempts', async () => {
    answers = [answer(503), answer(429), answer(502)];
    expect(await push()).toEqual({ kind: 'given-up', attempts: 3 });
    expect(await push({ url: 'https://127.0.0.1:1/push/gk' })).toEqual({ kind: 'given-up', attempts: 3 });
  });

  it.each([
    [410, { kind: 'gone', attempts: 1 }],
    [403, { kind: 'refused', status: 403, attempts: 1 }],
  ])('ends at once when the answer is %d', async (status, outcome) => {
    answers = [answer(status)];
    expect(await push()).toEqual(outcome);
  });
});
