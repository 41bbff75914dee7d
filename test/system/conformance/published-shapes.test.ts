import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPublishedPushSender } from '../../../src/simulator/gatekeeper/published-push-sender.ts';
import { connectChatClient, type ChatClient } from '../../../src/simulator/chat/client.ts';
import { header, jsonBody } from '../../../src/simulator/http/message.ts';
import { send } from '../../../src/simulator/http/request.ts';
import { createTokenIssuer } from '../../../src/simulator/token/issuer.ts';
import { Deployment } from '../../../src/conformance/deployment.ts';
import {
  audience,
  startPublishedDeployment,
  subject,
  type PublishedDeployment,
} from '../../support/published-deployment.ts';
import { eventually } from '../../support/wait.ts';

let deployment: PublishedDeployment;
let juliet: Deployment;
beforeAll(async () => {
  deployment = await startPublishedDeployment();
  juliet = new Deployment(deployment.options);
});
afterAll(() => deployment.close());

const logIn = (): Promise<ChatClient> =>
  connectChatClient({ endpoint: deployment.options.endpoint, token: deployment.options.token() });

describe('the published shapes through the whole proxy', () => {
  it('enlist with the key that the handshake shows, and with the version', async () => {
    expect((await juliet.enlist()).status).toBe(200);
    const [form] = deployment.forms;
    expect(form!.fields.map(([name]) => name)).toEqual([
      'authkey',
      'e_keytype',
      'e_regid',
      'e_ident',
      'e_skey_id',
      'e_skey_val',
      'e_skey_sig',
      'token',
      'version',
    ]);
    const fields = new Map(form!.fields);
    expect(fields.get('version')).toBe('2.3000.1');
    const client = await logIn();
    client.destroy();
    const login = deployment.logins.at(-1);
    expect(login!.reason).toBeUndefined();
    expect(login!.staticKey.toString('base64url')).toBe(fields.get('authkey'));
  });

  it('serve one key set at both paths', async () => {
    const [ours, published] = await Promise.all(
      ['/.well-known/jwks.json', '/.well-known/oauth/openid/jwks'].map((path) => juliet.get(path)),
    );
    expect([published!.status, published!.body]).toEqual([200, ours!.body]);
    expect(jsonBody(published!)).toEqual(deployment.issuer.jwks());
  });

  it('push a recipient to the provider, and answer 200 without a body', async () => {
    expect(await deployment.gatekeeper.services.push(subject)).toEqual({ kind: 'taken', attempts: 1 });
    expect(deployment.pushes.splice(0)).toEqual([JSON.stringify({ to: subject })]);
    const { answer } = deployment.exchanges.at(-1)!;
    expect([answer.status, answer.body.length, header(answer, 'content-type')]).toEqual([200, 0, undefined]);
  });

  it.each<[what: string, issuer: string, algorithm: 'RS256' | 'ES256', to: string]>([
    ['of another issuer', 'OTHER', 'RS256', 'https://proxy.example'],
    ['with a key that is not published', 'WHATSAPP', 'RS256', 'https://proxy.example'],
    ['by another algorithm', 'WHATSAPP', 'ES256', 'https://proxy.example'],
  ])('refuse a push %s', async (_, name, algorithm, to) => {
    const sender = createPublishedPushSender({
      url: deployment.direct,
      audience: to,
      issuer: await createTokenIssuer(name, { algorithm }),
      caller: { ca: deployment.ca },
    });
    expect(await sender.push(subject)).toEqual({ kind: 'refused', status: 401, attempts: 1 });
    expect(deployment.pushes).toEqual([]);
  });

  it('refuse the shape of the other protocol: a push by name, JSON to enlist, a withdrawal by HTTP', async () => {
    const post = (path: string, body: object) =>
      send(
        {
          method: 'POST',
          url: `${deployment.direct}${path}`,
          headers: [
            ['Content-Type', 'application/json'],
            ['Idempotency-Key', '8e03978e-40d5-43dd-bc93'],
          ],
          body: Buffer.from(JSON.stringify(body)),
        },
        { ca: deployment.ca },
      );
    expect((await post('/push/test', { id: '1', recipient: 'n' })).answer.status).toBe(404);
    expect(jsonBody((await post('/enlistments', { gatekeeper: 'test' })).answer)).toMatchObject({
      status: 415,
      code: 'ERR_ENLISTMENT_SHAPE',
    });
    const url = `${deployment.direct}/enlistments/test~${Buffer.from('7-1@interop').toString('base64url')}`;
    const withdrawn = await send({ method: 'DELETE', url }, { ca: deployment.ca });
    expect(jsonBody(withdrawn.answer)).toMatchObject({ status: 409, code: 'ERR_ENLISTMENT_WITHDRAWAL' });
  });

  it('tell the whole story: away, a message, a push, back, the message', async () => {
    await juliet.enlist();
    const client = await logIn();
    const { peer } = deployment.options;
    const address = deployment.logins.at(-1)!.address!;
    const id = 'AB12';
    const content = [{ tag: 'enc', attrs: { v: '2', type: 'msg' }, content: Buffer.from([1, 2, 3]) }];
    client.send({ tag: 'message', attrs: { id, to: peer, type: 'text' }, content });
    await client.receive(({ tag, attrs }) => tag === 'ack' && attrs['id'] === id);
    await client.receive(({ tag }) => tag === 'message');
    await client.close();
    const attrs = { id: 'CD34', from: peer, type: 'text', t: '1' };
    deployment.gatekeeper.chat.deliver(address, { tag: 'message', attrs, content });
    await eventually(() => deployment.stored.length === 1);
    const { recipient } = deployment.stored[0]!;
    expect(await deployment.gatekeeper.services.push(recipient.subject!)).toMatchObject({ kind: 'taken' });
    expect(deployment.pushes.splice(0)).toEqual([JSON.stringify({ to: subject })]);
    const back = await logIn();
    const { node } = await back.receive(({ tag, attrs }) => tag === 'message' && attrs['id'] === 'CD34');
    expect(node.content).toEqual(content);
    await eventually(() => deployment.gatekeeper.chat.owed(address).length === 0);
    await back.close();
  });

  it('are for tokens of the audience alone', async () => {
    const other = await deployment.issuer.sign({ subject, audience: `${audience}/other` });
    expect((await juliet.enlist({ token: other })).status).toBe(401);
  });
});

describe('the attestation of a connection by which a client enlists', () => {
  it('is bound to the connection that carries the form, and required', async () => {
    await using attested = await startPublishedDeployment({ attested: 'by-the-proxy' });
    expect((await new Deployment(attested.options).enlist()).status).toBe(200);
    expect(attested.forms[0]!.attestation).toMatchObject({ kind: 'accepted', bindingChecked: true });
    await using bare = await startPublishedDeployment({ attested: 'by-none' });
    expect((await new Deployment(bare.options).enlist()).status).toBe(403);
    expect(bare.forms[0]!.reason).toBe('bad_attestation');
  });
});
