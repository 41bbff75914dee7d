/** What clients, gatekeepers and providers say over HTTP, with a canary in every place. */
import { connect } from 'node:tls';
import { encode, sign } from '../../http/support/issuer.ts';
import { readToEnd } from '../../support/sockets.ts';
import { names, ownershipToken, publicUrl, uploadToken, type Scene } from './scene.ts';

type Place = (place: string) => string;

const nowS = (): number => Math.floor(Date.now() / 1_000);

/** @param sealed address of a file, as the gatekeeper has it
 *  @returns codes that must have been counted */
export async function playRequests(scene: Scene, sealed: string): Promise<string[]> {
  const c: Place = (place) => scene.canaries.at(`HTTP: ${place}`);
  const said = [
    await enlist(scene, c),
    await push(scene, c),
    await download(scene, c, sealed),
    await refer(scene, c),
    await wander(scene, c),
  ].flat();
  return said;
}

/** Headers that no library could keep to itself. */
function habits(c: Place): Record<string, string> {
  return {
    'user-agent': c('user agent'),
    cookie: `sid=${c('cookie')}`,
    referer: `https://${c('referer')}.example/`,
    'accept-language': c('accept language'),
    origin: `https://${c('origin')}.example`,
    'x-forwarded-for': c('forwarded for'),
    [c('unknown header')]: c('unknown value'),
  };
}

async function enlist(scene: Scene, c: Place): Promise<string[]> {
  const { ask, providerKey, partner, provider } = scene;
  const issue = (more: object = {}, key = providerKey): Promise<string> =>
    ownershipToken({ providerKey: key }, { ...claims, ...more });
  const claims = {
    sub: `${c('subject')}@provider.example`,
    nonce: c('nonce'),
    jti: c('jti'),
    email: c('email'),
    [c('name of a claim')]: c('value of a claim'),
  };
  const post = async (token: string, body: string, nonce = c('nonce')) =>
    ask(
      '/enlistments',
      {
        method: 'POST',
        headers: {
          ...habits(c),
          authorization: `Bearer ${token}`,
          'ownership-nonce': nonce,
          'idempotency-key': c('idempotency key'),
          'content-type': 'application/json',
        },
      },
      body,
    );
  const good = await issue();
  const asked = JSON.stringify({ gatekeeper: 'real' });
  const answered = await post(good, asked);
  if (answered.status !== 201) throw new Error(`not enlisted: ${answered.text}`);
  const tokens = [
    c('no token at all'),
    `${encode(`{"alg":"${c('algorithm')}"}`)}.${encode('{}')}.AA`,
    `${encode(`{"${c('half a header')}`)}.${encode('{}')}.AA`,
    await issue({}, { ...providerKey, kid: c('kid') }),
    await issue({ iss: c('issuer') }),
    await issue({ aud: c('audience') }),
    await issue({ exp: 1, iat: 0 }),
    `${good.slice(0, -20)}${c('signature')}`,
  ];
  for (const token of tokens) await post(token, asked, c('another nonce'));
  for (const body of [
    `{"${c('member')}":"${c('value of a member')}"}`,
    `{"gatekeeper":"${c('gatekeeper')}"}`,
    `{"gatekeeper":${c('no JSON')}`,
    `[${'['.repeat(30)}"${c('deep')}"`,
  ])
    await post(await issue({ nonce: c('nonce of a body') }), body, c('nonce of a body')); // prettier-ignore
  // A gatekeeper that answers in its own words, and one that answers in none.
  const { answer } = partner;
  for (const [place, body] of [
    ['refusal', JSON.stringify({ detail: c('detail of a refusal'), [c('member of a refusal')]: 1 })],
    ['garbage', `<${c('garbage')}`],
  ] as const) {
    partner.answer = () => ({
      status: place === 'refusal' ? 409 : 500,
      headers: { [c(`header of a ${place}`)]: c(`header value of a ${place}`) },
      body,
    });
    const token = await issue({ nonce: c(place) });
    await post(token, asked, c(place));
  }
  partner.answer = answer;
  // The provider's keys, once they have to be fetched again, are no keys.
  const before = provider.answer;
  provider.answer = ({ path }) =>
    path === '/jwks' ? { status: 200, body: `{"keys":[${c('key set')}` } : { status: 204 };
  await post(await issue({}, { ...providerKey, kid: c('kid that is not there') }), asked);
  provider.answer = before;
  await ask(`/enlistments/${c('id')}?${c('query')}=1`, {
    method: 'DELETE',
    headers: { ...habits(c), authorization: `Basic ${c('basic')}` },
  });
  return ['ERR_TOKEN_MALFORMED', 'ERR_TOKEN_KEY_UNKNOWN', 'ERR_TOKEN_ISSUER', 'ERR_TOKEN_AUDIENCE'];
}

async function push({ ask, gatekeeperKey, provider }: Scene, c: Place): Promise<string[]> {
  const notify = async (body: string, more: Record<string, unknown> = {}) => {
    const claims = {
      iss: names.gatekeeper,
      sub: names.gatekeeper,
      aud: `${publicUrl}/push/real`,
      iat: nowS(),
      exp: nowS() + 60,
      ...more,
    };
    const authorization = `Bearer ${await sign({ key: gatekeeperKey, claims })}`;
    const headers = { ...habits(c), authorization, 'content-type': 'application/json' };
    return ask('/push/real', { method: 'POST', headers }, body);
  };
  const notification = (place: string): string =>
    JSON.stringify({
      id: c(`id of ${place}`),
      recipient: c(`recipient of ${place}`),
      sender: `${c(`sender of ${place}`)}@a.example`,
      body: c(`body of ${place}`),
      count: 1,
      [c(`member of ${place}`)]: c(`value of ${place}`),
    });
  const { answer } = provider;
  const taken = await notify(notification('a push'));
  for (const [place, status] of [['a refused push', 400], ['a push that fails', 503]] as const) {
    provider.answer = ({ path }) =>
      path === '/push'
        ? { status, headers: { [c(`header of ${place}`)]: '1' }, body: c(`answer to ${place}`) }
        : answer({ path, method: '', headers: {}, body: '' });
    await notify(notification(place));
  } // prettier-ignore
  provider.answer = answer;
  await notify(`{"id":"${c('push that breaks off')}`);
  await notify(notification('a push by somebody else'), { iss: c('issuer of a push') });
  await ask(`/push/${c('unknown gatekeeper')}`, { method: 'POST', headers: habits(c) }, '{}');
  if (taken.status !== 202) throw new Error(`not taken: ${taken.text}`);
  return ['ERR_PUSH_BUSY', 'ERR_TOKEN_ISSUER'];
}

async function download({ ask, provider }: Scene, c: Place, sealed: string): Promise<string[]> {
  const { answer } = provider;
  provider.answer = () => ({
    status: 200,
    headers: { etag: `"${c('etag')}"`, server: c('server'), 'set-cookie': c('set-cookie') },
    body: c('media'),
  });
  const got = await ask(new URL(sealed).pathname, { headers: habits(c) });
  if (got.text !== c('media')) throw new Error(`no media: ${got.status} ${got.text}`);
  provider.answer = answer;
  for (const path of [
    `/media/${c('no sealed address')}`,
    `/media/${Buffer.from(c('sealed')).toString('base64url').repeat(6)}`,
    `/media/${c('with a query')}?${c('query of a download')}`,
  ])
    await ask(path, { headers: { ...habits(c), range: `bytes=${c('range')}`, 'if-range': `"${c('if range')}"` } });
  return ['ERR_MEDIA_TOKEN'];
} // prettier-ignore

/** References, good ones and others, and downloads by them. */
async function refer({ ask, provider, canaries }: Scene, c: Place): Promise<string[]> {
  const issue = (body: object, token = uploadToken(canaries)) => {
    const headers = { ...habits(c), authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    return ask('/media/references', { method: 'POST', headers }, JSON.stringify(body));
  };
  const { answer } = provider;
  provider.answer = () => ({
    status: 200,
    headers: { etag: `"${c('etag of a reference')}"` },
    body: c('media by reference'),
  });
  const stored = `${provider.url.origin}/${c('stored path')}?${c('stored query')}`;
  const issued = await issue({ gatekeeper: 'real', address: stored });
  const { reference } = JSON.parse(issued.text) as { reference: string };
  canaries.note('HTTP: reference', reference);
  const got = await ask(`/media/references/${reference}/`, { headers: habits(c) });
  if (got.text !== c('media by reference')) throw new Error(`no media: ${got.status} ${got.text}`);
  provider.answer = () => ({ status: 404, body: c('words of the media server') });
  await ask(`/media/references/${reference}`, { headers: habits(c) });
  provider.answer = answer;
  await issue({ gatekeeper: 'real', address: stored }, c('token of a stranger'));
  for (const body of [
    { gatekeeper: 'real', address: `https://${c('host elsewhere')}.example/${c('path elsewhere')}` },
    { gatekeeper: 'real', address: `${provider.url.origin}/1#${c('key of a file')}` },
    { gatekeeper: 'real', address: `${provider.url.origin}/${c('long path').repeat(200)}` },
    { gatekeeper: c('gatekeeper of a reference'), address: stored },
    { gatekeeper: 'real', address: stored, [c('member of a reference')]: c('value of that member') },
  ])
    await issue(body);
  for (const path of [c('no reference'), `${reference.slice(0, -4)}AAAA`, `${reference}/${c('below')}`])
    await ask(`/media/references/${path}`, { headers: habits(c) });
  return [
    'ERR_MEDIA_REFERENCE_CALLER',
    'ERR_MEDIA_REFERENCE_LENGTH',
    'ERR_MEDIA_ORIGIN',
    'ERR_GATEKEEPER_UNKNOWN',
  ];
}

/** Paths and requests that lead nowhere. */
async function wander({ ask, ca, proxy, watch }: Scene, c: Place): Promise<string[]> {
  await ask(`/${c('path')}/${c('another path')}?${c('name of a query')}=${c('value of a query')}`, {
    headers: habits(c),
  });
  await ask('/enlistments', { method: 'PATCH', headers: habits(c) });
  for (const text of [
    `${c('method').toUpperCase()} / HTTP/1.1\r\nhost: localhost\r\n\r\n`,
    `GET /${c('broken path')} HTTP/${c('version of HTTP')}\r\n\r\n`,
    `GET / HTTP/1.1\r\nhost: localhost\r\n${c('header without a colon')}\r\n\r\n`,
    `POST /enlistments HTTP/1.1\r\nhost: ${c('host')}.example\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n${c('smuggled')}`,
    `GET / HTTP/1.1\r\nhost: localhost\r\n${c('large header')}: ${c('value of a large header').repeat(2_000)}\r\n\r\n`,
  ]) {
    const socket = connect({ host: '127.0.0.1', port: proxy.httpPort, servername: 'localhost', ca });
    socket.on('error', () => {});
    socket.write(text);
    await readToEnd(socket);
    socket.destroy();
  }
  const unknown = connect({ host: '127.0.0.1', port: proxy.httpPort, servername: `${c('server name')}.example`, ca }); // prettier-ignore
  unknown.on('error', () => {});
  await readToEnd(unknown);
  // What others can get an operator's browser to ask.
  await watch(`/${c('path at the admin port')}?${c('query at the admin port')}`);
  await watch('/api/drain', {
    method: 'POST',
    headers: {
      origin: `https://${c('origin at the admin port')}.example`,
      'content-type': 'application/json',
    },
    body: '{}',
  });
  await watch('/api/reload', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ [c('member at the admin port')]: c('value at the admin port') }),
  });
  await watch('/api/policy/explain', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ from: 'client', stanza: `<message>${c('half a stanza')}` }),
  });
  return ['ERR_HTTP_NOT_FOUND'];
}
