import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { httpVersions, openRequester, type Got, type Requester } from '../../http/support/versions.ts';
import {
  audience,
  publishedKeys,
  publicUrl,
  startPublishedDeployment,
  subject,
  type PublishedDeployment,
} from '../../support/published-deployment.ts';

let deployment: PublishedDeployment;
beforeAll(async () => {
  deployment = await startPublishedDeployment();
});
afterAll(() => deployment.close());

describe.each(httpVersions)('the published shapes over %s', (version) => {
  let requester: Requester;
  beforeAll(() => {
    const { hostname: host, port } = new URL(deployment.direct);
    requester = openRequester(version, { host, port: Number(port), ca: deployment.ca });
  });
  afterAll(() => requester.close());

  const post = (path: string, headers: Record<string, string>, body: string): Promise<Got> =>
    requester.request({ method: 'POST', path, headers, body });
  const form = 'application/x-www-form-urlencoded';
  const json = 'application/json';

  it('enlist, and refuse a key of another size', async () => {
    const token = await deployment.issuer.sign({ subject: `${version}@provider.example`, audience });
    const fields = { gatekeeper: 'test', ...publishedKeys(), token };
    const enlist = (changed = {}): Promise<Got> =>
      post(
        '/enlistments',
        { 'content-type': form },
        new URLSearchParams({ ...fields, ...changed }).toString(),
      );
    const given = await enlist();
    expect([given.status, JSON.parse(given.body)]).toEqual([
      200,
      { status: 'ok', login: expect.stringMatching(/^7-\d+@interop$/) as string },
    ]);
    const refused = await enlist({ e_ident: 'AAAA' });
    expect([refused.status, JSON.parse(refused.body)]).toEqual([
      400,
      expect.objectContaining({ code: 'ERR_ENLISTMENT_KEY', keyBytes: 32 }),
    ]);
  });

  const push = (token: string, to: string): Promise<Got> =>
    post('/push', { 'content-type': json, authorization: `Bearer ${token}` }, JSON.stringify({ to }));
  const sign = (claims: Record<string, string> = {}): Promise<string> =>
    deployment.gatekeeper.services.issuer.sign({ audience: publicUrl, lifetimeS: 3_600, claims });

  it('make few pushes of a burst for one recipient, each with a token of its own', async () => {
    deployment.pushes.length = 0;
    const tokens = await Promise.all(Array.from({ length: 200 }, () => sign()));
    const answers = await Promise.all(tokens.map((token) => push(token, subject)));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body}`))).toEqual(new Set(['200 ']));
    expect(new Set(deployment.pushes)).toEqual(new Set([JSON.stringify({ to: subject })]));
    expect(deployment.pushes.length).toBeLessThan(200);
  });

  it('take a token for one notification', async () => {
    const token = await sign();
    expect((await push(token, 'a')).status).toBe(200);
    expect((await push(token, 'a')).status).toBe(200);
    const replayed = await push(token, 'b');
    expect([replayed.status, JSON.parse(replayed.body)]).toEqual([
      401,
      expect.objectContaining({ code: 'ERR_TOKEN_REPLAYED' }),
    ]);
  });
});
