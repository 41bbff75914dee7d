/** What clients and gatekeepers say in streams, with a canary in every place. */
import { connect as connectTcp } from 'node:net';
import { domains, ownershipToken, type Scene } from './scene.ts';
import { connectRaw, logInRaw, streamHeader, type RawClient } from '../../support/raw-client.ts';
import { field, unsignedHeader } from '../../support/proxy-hmac.ts';
import { readToEnd } from '../../support/sockets.ts';

const sm = 'urn:xmpp:sm:3';
const sasl = 'urn:ietf:params:xml:ns:xmpp-sasl';
const conditions = 'urn:ietf:params:xml:ns:xmpp-streams';

type Place = (place: string) => string;

/** A day in the life of two people whose server is a real one. @returns the address of a file, as it is sealed */
export async function playConversation(scene: Scene): Promise<{ readonly sealed: string }> {
  const { canaries, ports, ca, poll } = scene;
  const c: Place = (place) => canaries.at(place);
  const logIn = async (who: string): Promise<RawClient> => {
    const header = ` from='${c(who)}@localhost' xml:lang='${c('language')}' ${c('header attribute')}='${c('header value')}'`;
    const client = await logInRaw(ports.direct, ca, {
      localAddress: canaries.note('address of the client', '127.203.119.47'),
      header,
      username: c(who),
      password: c('password'),
    });
    client.socket.write(
      `<iq type='set' id='${c('id of the bind')}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>${c(`resource of the ${who}`)}</resource></bind></iq>`,
    );
    await client.until('</jid>');
    client.socket.write('<presence/>');
    return client;
  };
  const contact = await logIn('contact');
  const client = await logIn('username');
  const to = `${c('contact')}@localhost`;
  for (const stanza of stanzas(c, to, scene.provider.url.origin)) client.socket.write(stanza);
  client.socket.write(`<message to='${to}' id='last'><body>last</body></message>`);
  await contact.until('>last<');
  const sealed = /https:\/\/localhost\/media\/[\w-]+/.exec(scene.received())?.[0];
  if (sealed === undefined) throw new Error('no address was sealed');
  await poll();
  for (const one of [client, contact]) {
    one.socket.write('</stream:stream>');
    await one.closed;
  }
  return { sealed };
}

/** What clients send, and should not. */
function stanzas(c: Place, to: string, files: string): string[] {
  const chat = (place: string, inside: string): string =>
    `<message to='${to}' type='chat' id='${c(`id of ${place}`)}'>${inside}</message>`;
  const ask = (place: string, inside: string, attributes = `to='${to}'`): string =>
    `<iq type='get' id='${c(`id of ${place}`)}' ${attributes}>${inside}</iq>`;
  const publish = (node: string, inside: string): string =>
    `<iq type='set' id='${c(`id of ${node}`)}'><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='${node}'><item id='${c(`item of ${node}`)}'>${inside}</item></publish></pubsub></iq>`;
  return [
    `<presence><show>${c('show')}</show><status xml:lang='${c('language of the status')}'>${c('status')}</status><priority>3</priority><idle xmlns='urn:xmpp:idle:1' since='${c('idle')}'/><c xmlns='http://jabber.org/protocol/caps' hash='${c('caps hash')}' node='https://${c('caps node')}.example/' ver='${c('caps ver')}' ext='${c('caps ext')}'/><nick xmlns='http://jabber.org/protocol/nick'>${c('nick')}</nick></presence>`,
    chat(
      'a message',
      `<subject>${c('subject')}</subject><body>${c('body')}</body><thread parent='${c('parent thread')}'>${c('thread')}</thread><origin-id xmlns='urn:xmpp:sid:0' id='${c('origin id')}'/><active xmlns='http://jabber.org/protocol/chatstates'/>`,
    ),
    chat(
      'a file',
      `<body>${files}/${c('address of media')}?${c('query of media')}</body><x xmlns='jabber:x:oob'><url>${files}/${c('address of media')}</url><desc>${c('description')}</desc></x>`,
    ),
    chat(
      'an encrypted one',
      `<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='${c('device id')}'><key rid='1'>${c('key')}</key><iv>${c('iv')}</iv></header><payload>${c('payload')}</payload></encrypted><encryption xmlns='urn:xmpp:eme:0' namespace='${c('encryption namespace')}' name='${c('encryption name')}'/>`,
    ),
    chat(
      'something unknown',
      `<${c('unknown element')} xmlns='urn:${c('unknown namespace')}' ${c('unknown attribute')}='${c('unknown value')}' xmlns:${c('unknown prefix')}='urn:${c('bound namespace')}' ${c('unknown prefix')}:a='1'>${c('unknown text')}</${c('unknown element')}><body>x</body>`,
    ),
    chat(
      'a forwarded one',
      `<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' from='${c('delay from')}@a.example' stamp='2026-01-01T00:00:00Z'>${c('delay reason')}</delay><message xmlns='jabber:client' from='${c('forwarded from')}@b.example/${c('forwarded resource')}'><body>${c('forwarded body')}</body></message></forwarded>`,
    ),
    `<message type='${c('type')}' to='${to}/${c('resource of nobody')}' ${c('attribute of a stanza')}='${c('value at a stanza')}'><body>x</body></message>`,
    `<message to='${c('unknown user')}@localhost'><body>x</body></message>`,
    `<message to='${c('user elsewhere')}@${c('domain elsewhere')}.example'><body>x</body></message>`,
    `<presence to='${c('room')}@muc.localhost/${c('nickname')}'><x xmlns='http://jabber.org/protocol/muc'><password>${c('room password')}</password></x></presence>`,
    ask('disco', `<query xmlns='http://jabber.org/protocol/disco#info' node='${c('disco node')}'/>`),
    ask('version', "<query xmlns='jabber:iq:version'/>"),
    ask('the time', "<time xmlns='urn:xmpp:time'/>"),
    ask('the archive', `<query xmlns='urn:xmpp:mam:2' queryid='${c('query id')}'/>`, ''),
    ask('something odd', `<${c('odd query')} xmlns='urn:${c('odd namespace')}'/>`, ''),
    `<iq type='result' id='${c('id that nobody asked')}' to='${to}'/>`,
    `<iq type='error' id='${c('id of an error')}' to='${to}'><error type='cancel' by='${c('error by')}'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>${c('error text')}</text><${c('application condition')} xmlns='urn:${c('application namespace')}'/></error></iq>`,
    publish('http://jabber.org/protocol/geoloc', `<geoloc xmlns='http://jabber.org/protocol/geoloc'><lat>${c('latitude')}</lat></geoloc>`), // prettier-ignore
    publish('http://jabber.org/protocol/mood', `<mood xmlns='http://jabber.org/protocol/mood'><text>${c('mood')}</text></mood>`), // prettier-ignore
    publish(`urn:${c('own node')}`, `<x xmlns='urn:${c('own payload')}'/>`),
    `<iq type='set' id='${c('id of a roster set')}'><query xmlns='jabber:iq:roster'><item jid='${c('roster item')}@b.example' name='${c('roster name')}'><group>${c('roster group')}</group></item></query></iq>`,
    `<iq type='set' id='${c('id of push')}'><enable xmlns='urn:xmpp:push:0' jid='${c('push service')}.localhost' node='${c('push node')}'><x xmlns='jabber:x:data' type='submit'><field var='secret'><value>${c('push secret')}</value></field></x></enable></iq>`,
    `<iq type='set' id='${c('id of a password')}'><query xmlns='jabber:iq:register'><username>${c('registered')}</username><password>${c('new password')}</password></query></iq>`,
    `<iq type='set' id='${c('id of an upload')}'><request xmlns='urn:xmpp:http:upload:0' filename='${c('file name')}' size='1' content-type='image/${c('media type')}'/></iq>`,
    `<${c('nonza')} xmlns='urn:${c('nonza namespace')}'>${c('nonza text')}</${c('nonza')}>`,
  ];
}

/** What breaks a stream, by the code it is refused with. */
function breaking(c: Place): Readonly<Record<string, string | Buffer>> {
  return {
    ERR_XML_NOT_WELL_FORMED: `<message><${c('element left open')}></${c('element not opened')}></message>`,
    ERR_XML_RESTRICTED: `<message><!-- ${c('comment')} --></message>`,
    'ERR_XML_RESTRICTED again': `<!DOCTYPE ${c('doctype')} [<!ENTITY ${c('entity')} "${c('value of an entity')}">]>`,
    'ERR_XML_RESTRICTED once more': `<?${c('instruction')} ${c('data of an instruction')}?>`,
    'ERR_XML_NOT_WELL_FORMED by reference': `<message>&${c('reference')};</message>`,
    'ERR_XML_NOT_WELL_FORMED by attribute': `<message ${c('attribute twice')}='1' ${c('attribute twice')}='2'/>`,
    'ERR_XML_NOT_WELL_FORMED by quote': `<message a=${c('value without quotes')}/>`,
    ERR_XML_UTF8: Buffer.concat([
      Buffer.from(`<message>${c('before bad bytes')}`),
      Buffer.from([0xc3, 0x28]),
    ]),
    ERR_XML_NAMESPACE: `<${c('prefix that is unbound')}:message/>`,
    ERR_STREAM_TEXT: c('text between stanzas'),
    ERR_NAME_TOO_LONG: `<${c('long name').repeat(60)}/>`,
    ERR_TAG_TOO_LARGE: `<message ${c('large attribute')}='${c('large value').repeat(1_000)}'/>`,
    ERR_STANZA_TOO_LARGE: `<message><body>${c('large body').repeat(12_000)}</body></message>`,
    ERR_DEPTH: `<${c('nested')}>`.repeat(200),
    ERR_ELEMENT_COUNT: `<message><body>${c('of many')}</body>${'<a/>'.repeat(10_001)}</message>`,
    ERR_ATTRIBUTE_COUNT: `<message ${Array.from({ length: 200 }, (_, i) => `${c('attribute of many')}${i}=''`).join(' ')}/>`,
    ERR_NAMESPACE_COUNT: `<message ${Array.from({ length: 70 }, (_, i) => `xmlns:${c('declaration of many')}${i}='u'`).join(' ')}/>`,
    ERR_SM_COUNT: `<enable xmlns='${sm}'/><a xmlns='${sm}' h='${c('count')}'/>`,
  };
}

/** Clients that break their stream. @returns codes, one for each session */
export async function playBreakingClients(scene: Scene): Promise<string[]> {
  const { canaries, ports, ca } = scene;
  scene.established((socket) =>
    socket.on('data', (chunk: Buffer) => {
      if (chunk.includes('<enable'))
        socket.write(`<enabled xmlns='${sm}' id='${canaries.at('resumption id')}' resume='true'/>`);
    }),
  );
  const cases = Object.entries(breaking((place) => canaries.at(`client: ${place}`)));
  for (const [code, text] of cases) {
    const client = await logInRaw(ports.direct, ca, {
      servername: domains.scripted,
      to: domains.scripted,
    });
    const [first, rest] = code === 'ERR_SM_COUNT' ? String(text).split('/>') : [undefined, undefined];
    if (first === undefined) client.socket.write(text);
    else {
      client.socket.write(`${first}/>`);
      await client.until('<enabled');
      client.socket.write(`${rest}/>`);
    }
    await client.until('</stream:error>');
    await ended(scene, client);
  }
  return cases.map(([code]) => code.split(' ', 1)[0]!);
}

/** Gatekeepers that do. */
export async function playBreakingGatekeepers(scene: Scene): Promise<string[]> {
  const { canaries, ports, ca } = scene;
  const c: Place = (place) => canaries.at(`gatekeeper: ${place}`);
  const cases: (readonly [string, string | Buffer])[] = [
    ...Object.entries(breaking(c)).filter(([code]) => code !== 'ERR_SM_COUNT'),
    [
      'ERR_GATEKEEPER_REDIRECT',
      `<stream:error><see-other-host xmlns='${conditions}'>${c('redirect')}.example</see-other-host></stream:error>`,
    ],
    ['ERR_GATEKEEPER_NEGOTIATION', `<stream:${c('element of the stream')}/>`],
    ['gatekeeper', streamError(c)],
    ['gatekeeper', `<failed xmlns='${sm}'><${c('reason')} xmlns='${c('reason namespace')}'/></failed></stream:stream>`],
  ]; // prettier-ignore
  for (const [, text] of cases) {
    scene.established((socket) => socket.write(text));
    const client = await logInRaw(ports.direct, ca, {
      servername: domains.scripted,
      to: domains.scripted,
    });
    await ended(scene, client);
  }
  return cases.map(([code]) => code.split(' ', 1)[0]!);
}

function streamError(c: Place): string {
  return `<stream:error><conflict xmlns='${conditions}'/><text xmlns='${conditions}'>${c('text of a stream error')}</text><${c('application error')} xmlns='urn:${c('namespace of an application error')}'>${c('detail')}</${c('application error')}></stream:error></stream:stream>`;
}

/** Before a client is let in. */
export async function playNegotiations(scene: Scene): Promise<string[]> {
  const { canaries, ports, ca, fromStart } = scene;
  const c: Place = (place) => canaries.at(`negotiation: ${place}`);
  const scripted = { servername: domains.scripted };
  const header = streamHeader(domains.scripted);

  // The gatekeeper has a way of its own with words, and refuses in it.
  fromStart((socket) => {
    let step = 0;
    socket.on('data', () => {
      if (step++ === 0)
        socket.write(
          `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' from='${c('header from')}' id='${c('stream id')}' version='1.0' xml:lang='${c('language')}' ${c('attribute')}='${c('value')}'><stream:features><mechanisms xmlns='${sasl}'><mechanism>${c('mechanism')}</mechanism></mechanisms><authentication xmlns='urn:xmpp:sasl:2'><mechanism>PLAIN</mechanism><inline><fast xmlns='urn:xmpp:fast:0'><mechanism>${c('fast mechanism')}</mechanism></fast></inline></authentication><${c('feature')} xmlns='urn:${c('namespace of a feature')}'/></stream:features>`,
        );
      else
        socket.write(
          `<failure xmlns='urn:xmpp:sasl:2'><not-authorized xmlns='${sasl}'/><text>${c('text of a failure')}</text><${c('application failure')} xmlns='urn:${c('namespace of a failure')}'/></failure>`,
        );
    });
  });
  const refused = connectRaw(ports.direct, ca, scripted);
  refused.socket.write(header);
  await refused.until('</stream:features>');
  refused.socket.write(
    `<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>${Buffer.from(`${c('authzid')}\0${c('authcid')}\0${c('password')}`).toString('base64')}</initial-response><user-agent id='${c('installation')}'><software>${c('software')}</software><device>${c('device')}</device></user-agent><fast xmlns='urn:xmpp:fast:0' count='1'/><token xmlns='urn:xmpp:fast:0' token='${c('fast token')}'/><bind xmlns='urn:xmpp:bind:0'><tag>${c('tag')}</tag></bind><resume xmlns='${sm}' previd='${c('previd')}' h='0'/></authenticate>`,
  );
  await refused.until('</failure>');
  refused.socket.write(`<${c('early')} xmlns='urn:${c('early namespace')}'/>`);
  await ended(scene, refused);

  // No gatekeeper serves this domain; the two names differ; no stream at all.
  const elsewhere = connectRaw(ports.direct, ca, { servername: 'localhost' });
  elsewhere.socket.write(streamHeader(`${c('unknown domain')}.example`));
  await ended(scene, elsewhere);
  const hidden = connectRaw(ports.direct, ca, { servername: `${c('server name')}.example` });
  hidden.socket.on('secureConnect', () => hidden.socket.write(header));
  await ended(scene, hidden);
  const mismatched = connectRaw(ports.direct, ca, { servername: domains.real });
  mismatched.socket.write(header);
  await ended(scene, mismatched);
  for (const first of [
    `<stream:stream xmlns='${c('content namespace')}' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>`,
    `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='${c('version')}'>`,
    `<${c('root')} xmlns='${c('root namespace')}'>`,
    `<?xml version='1.0' encoding='${c('encoding')}'?>`,
    `GET /${c('path in a stream')} HTTP/1.1\r\n`,
  ]) {
    const one = connectRaw(ports.direct, ca);
    one.socket.write(first);
    await ended(scene, one);
  }
  const mistaken = connectRaw(ports.direct, ca, { servername: domains.mistaken });
  mistaken.socket.write(streamHeader(domains.mistaken));
  await ended(scene, mistaken);

  // No TLS where TLS comes first, something after STARTTLS, and headers of balancers that are none.
  await sayPlain(ports.direct, `${c('no TLS')}\r\n`);
  await sayPlain(
    ports.starttls,
    `${streamHeader('localhost')}<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><${c('behind STARTTLS')}/>`,
  );
  await sayPlain(
    ports.starttls,
    `${streamHeader('localhost')}<auth xmlns='${sasl}'>${c('without TLS')}</auth>`,
  );
  await sayPlain(ports.behindBalancer, `PROXY TCP4 ${c('source')} 127.0.0.1 1 2\r\n`);
  const forged = [field(0x02, c('authority of a balancer')), field(0xed, 'x'.repeat(32))];
  await sayPlain(ports.behindBalancer, unsignedHeader(forged));
  return [
    'ERR_NEGOTIATION',
    'ERR_UNKNOWN_DOMAIN',
    'ERR_SNI_MISMATCH',
    'ERR_STREAM_HEADER',
    'ERR_STREAM_VERSION',
    'ERR_XML_ENCODING',
    'ERR_GATEKEEPER_TLS',
    'ERR_TLS_HANDSHAKE',
    'ERR_STARTTLS_PIPELINED',
    'ERR_STARTTLS_REQUIRED',
    'ERR_PROXY_HEADER',
    'ERR_PROXY_AUTHENTICATION',
  ];
}

/** Clients that show the proxy an ownership token, which it shows the gatekeeper. */
export async function playReauthentications(scene: Scene): Promise<void> {
  const { canaries, ports, ca, fromStart } = scene;
  const c: Place = (place) => canaries.at(`reauthentication: ${place}`);
  const server = streamHeader(domains.reauthenticated);
  let accepts = true;
  fromStart((socket) => {
    socket.on('data', (chunk: Buffer) => {
      if (chunk.includes('<stream:stream'))
        socket.write(
          `${server}<stream:features><mechanisms xmlns='${sasl}'><mechanism>OAUTHBEARER</mechanism></mechanisms></stream:features>`,
        );
      else if (accepts) socket.write(`<success xmlns='${sasl}'>${c('data with a success')}</success>`);
      else
        socket.write(
          `<failure xmlns='${sasl}'><not-authorized/><text>${c('text of a failure')}</text></failure>`,
        );
    });
  });
  const subject = `${c('subject')}@${domains.reauthenticated}`;
  const tokens = [
    await ownershipToken(scene, { sub: subject, nonce: c('nonce'), [c('name of a claim')]: c('claim') }),
    await ownershipToken(scene, { sub: subject, aud: c('audience') }),
    c('no token'),
  ];
  for (accepts of [true, false])
    for (const token of tokens) {
      const client = connectRaw(ports.direct, ca, { servername: domains.reauthenticated });
      client.socket.write(streamHeader(domains.reauthenticated));
      await client.until('</stream:features>');
      client.forget();
      const response = Buffer.from(`n,a=${subject},\u0001auth=Bearer ${token}\u0001\u0001`);
      client.socket.write(
        `<auth xmlns='${sasl}' mechanism='OAUTHBEARER'>${response.toString('base64')}</auth>`,
      );
      await client.until(`xmlns='${sasl}'`);
      if (client.received().includes('<challenge')) {
        client.socket.write(`<response xmlns='${sasl}'>AQ==</response>`);
        await client.until('</failure>');
      }
      client.socket.destroy();
      await ended(scene, client);
    }
}

/** Waits for the end of a client. The support code that it was sent, if any, is one more value to search for. */
async function ended({ canaries }: Scene, client: RawClient): Promise<void> {
  await client.closed;
  const code = /Support code ([0-9A-Z]{4}-[0-9A-Z]{4})/.exec(client.received())?.[1];
  if (code !== undefined) canaries.note(`support code ${code}`, code);
}

async function sayPlain(port: number, text: string | Uint8Array): Promise<void> {
  const socket = connectTcp({ host: '127.0.0.1', port });
  socket.on('error', () => {});
  socket.write(text);
  await readToEnd(socket);
  socket.destroy();
}
