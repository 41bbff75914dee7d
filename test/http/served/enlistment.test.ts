import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownershipToken, startServed, type ServedProxy } from '../support/served.ts';
import { httpVersions, type Got } from '../support/versions.ts';

describe.each(httpVersions)('enlisting through the proxy over %s', (version) => {
  let served: ServedProxy;

  beforeAll(async () => {
    served = await startServed({ version });
  });
  afterAll(() => served.close());

  const enlist = async (headers: Record<string, string> = {}): Promise<Got> =>
    served.ask('/enlistments', {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await ownershipToken()}`,
        'ownership-nonce': 'n-1',
        'idempotency-key': crypto.randomUUID(),
        'user-agent': 'JulietPhone/1',
        'accept-language': 'de-AT',
        cookie: 'sid=marker',
        origin: 'https://web.example',
        referer: 'https://web.example/chats/17',
        'x-forwarded-for': '198.51.100.23',
        forwarded: 'for=198.51.100.23',
        ...headers,
      },
      body: { gatekeeper: 'test' },
    });

  it('sends the gatekeeper the proof, and of the client the fields that `balanced` keeps', async () => {
    const answer = await enlist();
    expect([answer.status, answer.json()['status']]).toEqual([201, 'active']);
    const [seen] = served.gatekeeper.received;
    expect(Object.keys(seen!.headers).toSorted()).toEqual([
      'accept',
      'connection',
      'content-length',
      'content-type',
      'host',
      'idempotency-key',
    ]);
    expect(JSON.stringify(seen!.headers)).not.toMatch(/Juliet|de-AT|marker|web\.example|198\.51/);
  });

  it('counts each decision by field', () => {
    const decided = served.test.decisions
      .totals()
      .filter(({ field }) => field.startsWith('http.'))
      .map(({ audience, field, treatment }) => `${audience} ${field} ${treatment}`);
    expect(decided).toContain('gatekeeper http.user-agent drop');
    expect(decided).toContain('gatekeeper http.forwarded drop');
  });
});
