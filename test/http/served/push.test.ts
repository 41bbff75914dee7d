import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAuthority } from '../../support/certificates.ts';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary.ts';
import { jwks, makeKey, sign } from '../support/issuer.ts';
import { document, publicUrl, startServed, type Ask, type ServedProxy } from '../support/served.ts';
import { httpVersions, type Got } from '../support/versions.ts';

const key = makeKey('gk-1', 'EdDSA');
const authority = createAuthority('gatekeeper');
const known = authority.issue({ dns: ['push.gatekeeper.example'], usage: 'client' });
const stranger = authority.issue({ dns: ['push.gatekeeper.example'], usage: 'client' });

const token = (claims: Record<string, unknown> = {}): Promise<string> => {
  const iat = Math.floor(Date.now() / 1000);
  const usual = { iss: 'gk', sub: 'gk', aud: `${publicUrl}/push/test`, iat, exp: iat + 60 };
  return sign({ key, claims: { ...usual, ...claims } });
};

const notification = (id: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  id,
  recipient: 'node-17',
  sender: 'romeo@montague.example',
  body: 'Wherefore art thou',
  count: 7,
  ...more,
});

describe.each(httpVersions)('push through the proxy over %s', (version) => {
  let served: ServedProxy;
  let folder: TemporaryFolder;

  const start = async (policy: string, push: Record<string, unknown>, limits = {}): Promise<void> => {
    served = await startServed({
      version,
      limits,
      proxy: { policy },
      gatekeeper: (party) => {
        party.answer = ({ path }) =>
          path === '/jwks' ? { ...document, body: JSON.stringify(jwks(key)) } : { status: 500 };
        const byToken = { issuer: 'gk', jwksUri: new URL('/jwks', party.url).href };
        return { push: push['certFile'] === undefined ? { ...byToken, ...push } : push };
      },
    });
  };

  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(async () => {
    await served.close();
    await folder[Symbol.asyncDispose]();
  });

  const send = async (body: unknown, more: Ask = {}): Promise<Got> =>
    served.ask('/push/test', {
      method: 'POST',
      body,
      ...more,
      headers: {
        authorization: `Bearer ${await token()}`,
        'user-agent': 'GatekeeperPush/2',
        cookie: 'gk=1',
        'x-request-id': 'r-1',
        ...more.headers,
      },
    });

  const pushed = (): unknown[] =>
    served.provider.received.filter(({ path }) => path === '/push').map(({ body }) => JSON.parse(body));

  it('sends the provider the fields that `balanced` allows, and counts each decision', async () => {
    await start('balanced', {});
    expect((await send(notification('1'))).status).toBe(202);
    expect(pushed()).toEqual([{ count: 7, recipient: 'node-17' }]);
    const { headers } = served.provider.received.find(({ path }) => path === '/push')!;
    expect(Object.keys(headers).toSorted()).toEqual(['connection', 'content-length', 'content-type', 'host']);
    const decided = served.test.decisions
      .totals()
      .filter(({ audience }) => audience === 'provider')
      .map(({ field, treatment, mode, count }) => `${field} ${treatment} ${mode} ${count}`);
    expect(decided.toSorted()).toEqual([
      'push.body drop enforced 1',
      'push.count keep enforced 1',
      'push.id drop enforced 1',
      'push.recipient keep enforced 1',
      'push.sender drop enforced 1',
    ]);
  });

  it('gives it less under `strict`, and all under `passthrough`', async () => {
    await start('strict', {});
    await send(notification('1'));
    expect(pushed()).toEqual([{ recipient: 'node-17' }]);
    await served.close();
    await start('passthrough', {});
    await send(notification('1'));
    expect(pushed()).toEqual([notification('1')]);
  });

  it('counts a member that the catalogue does not have without its name', async () => {
    await start('balanced', {});
    expect((await send(notification('1', { juliet: 'x' }))).status).toBe(202);
    expect(pushed()).toEqual([{ count: 7, recipient: 'node-17' }]);
    const totals = JSON.stringify(served.test.decisions.totals());
    expect(totals).toContain('"field":"unlisted"');
    expect(totals).not.toContain('juliet');
  });

  it('applies the treatments of a policy of its own, one value each', async () => {
    const file = await folder.write(
      'own.yaml',
      `apiVersion: narthex/v1
kind: MetadataPolicy
metadata: { name: own }
spec:
  extends: balanced
  audiences:
    gatekeeper:
      push.node: { pseudonymise: { scope: gatekeeper } }
    provider:
      push.sender: { pseudonymise: { scope: gatekeeper } }
      push.body: { replace: new message }
      push.count: { replace: '1' }
`,
    );
    await start(file, {});
    await send(notification('1'));
    await send(notification('2', { sender: 'tybalt@capulet.example' }));
    const [first, second] = pushed() as Record<string, unknown>[];
    expect(first).toEqual({
      body: 'new message',
      count: 1,
      recipient: 'node-17',
      sender: expect.stringMatching(/^[\w-]{43,}$/) as string,
    });
    expect(second!['sender']).not.toBe(first!['sender']);
    expect(JSON.stringify([first, second])).not.toMatch(/romeo|tybalt|Wherefore/);
  });

  it('delivers a repeated notification once, and a burst of 1,000 in few pushes, each one answered', async () => {
    await start('strict', {});
    served.provider.answer = ({ path }) => (path === '/jwks' ? document : { status: 204, delayMs: 300 });
    const bearer = { headers: { authorization: `Bearer ${await token()}` } };
    const twice = await Promise.all([1, 2].map(() => send(notification('0'), bearer)));
    expect(twice.map(({ status }) => status)).toEqual([202, 202]);
    expect(pushed()).toHaveLength(1);
    const burst = Array.from({ length: 1_000 }, (_, id) => send(notification(`b${id}`), bearer));
    const statuses = (await Promise.all(burst)).map(({ status }) => status);
    expect([statuses.length, new Set(statuses)]).toEqual([1_000, new Set([202])]);
    expect(pushed().length).toBeLessThan(200);
  });

  it('answers with Retry-After while the provider is down, and delivers when it is back', async () => {
    await start('balanced', {});
    const { provider } = served;
    provider.answer = ({ path }) => (path === '/jwks' ? document : { status: 500 });
    const down = await send(notification('1'));
    expect([down.status, down.json()['code'], Number(down.headers['retry-after'])]).toEqual([
      502,
      'ERR_PROVIDER_ANSWER',
      5,
    ]);
    provider.answer = ({ path }) => (path === '/jwks' ? document : { status: 204 });
    expect((await send(notification('1'))).status).toBe(202);
    expect(pushed()).toHaveLength(2);
  });

  it('answers with Retry-After when the provider is slow, and accepts nothing meanwhile', async () => {
    await start('balanced', {}, { pushTimeoutMs: 200 });
    served.provider.answer = ({ path }) => (path === '/jwks' ? document : { status: 204, delayMs: 1_000 });
    const slow = await send(notification('1'));
    expect([slow.status, slow.json()['code'], slow.headers['retry-after']]).toEqual([
      504,
      'ERR_PROVIDER_TIMEOUT',
      '5',
    ]);
  });

  it.each<[string, () => Promise<Ask>]>([
    ['ERR_TOKEN_MISSING', async () => ({ headers: { authorization: '' } })],
    ['ERR_TOKEN_AUDIENCE', async () => ({ headers: { authorization: `Bearer ${await token({ aud: 'x' })}` } })],
    ['ERR_TOKEN_EXPIRED', async () => ({ headers: { authorization: `Bearer ${await token({ iat: 1, exp: 61 })}` } })],
  ])('refuses with %s', async (code, more) => {
    await start('balanced', {});
    const answer = await send(notification('1'), await more());
    expect([answer.status, answer.json()['code']]).toEqual([401, code]);
    expect(pushed()).toEqual([]);
  }); // prettier-ignore

  it('recognises the gatekeeper by the pinned certificate, also after its renewal', async () => {
    const certFile = await folder.write('push.crt', known.cert);
    await start('balanced', { certFile });
    const code = async (more: Ask): Promise<unknown> => {
      const answer = await send(
        notification(createHash('sha256').update(String(Math.random())).digest('hex')),
        {
          ...more,
          headers: { authorization: '' },
        },
      );
      return answer.status === 202 ? 202 : answer.json()['code'];
    };
    expect([await code({}), await code({ client: stranger }), await code({ client: known })]).toEqual([
      'ERR_PUSH_CALLER',
      'ERR_PUSH_CALLER',
      202,
    ]);
    await writeFile(certFile, stranger.cert + known.cert);
    await served.test.proxy.refresh();
    expect([await code({ client: stranger }), await code({ client: known })]).toEqual([202, 202]);
  });
});
