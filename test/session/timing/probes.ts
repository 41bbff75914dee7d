/** What makes a device answer by itself, and what it answers: one for each automatic answer of the catalogue. */

export interface Probe {
  /** The field that the answer is. */
  readonly field: string;
  /** @returns what the observer sends, the nth time */
  readonly ask: (n: number) => string;
  /** @returns what a client sends when it has that */
  readonly answer: (n: number) => string;
}

const observer = 'romeo@montague.example/orchard';
const device = 'juliet@capulet.example/balcony';
const received = `from='${observer}' to='${device}'`;
const sent = `to='${observer}' from='${device}'`;

function message(n: number, content: string, type = 'chat'): string {
  return `<message ${received} type='${type}' id='m${n}'>${content}</message>`;
}

function reply(n: number, content: string, type = 'chat'): string {
  return `<message ${sent} type='${type}' id='r${n}'>${content}</message>`;
}

function request(type: 'get' | 'set', content: string): (n: number) => string {
  return (n) => `<iq ${received} type='${type}' id='q${n}'>${content}</iq>`;
}

function result(content = ''): (n: number) => string {
  return (n) => `<iq ${sent} type='result' id='q${n}'>${content}</iq>`;
}

const unavailable =
  "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
export const sm = 'urn:xmpp:sm:3';
const body = '<body>It is the east</body>';

function jingle(n: number, action: string, content: string): string {
  return `<jingle xmlns='urn:xmpp:jingle:1' action='${action}' sid='s${n}'>${content}</jingle>`;
}

export const probes: readonly Probe[] = [
  {
    field: 'receipt.delivered',
    ask: (n) => message(n, `${body}<request xmlns='urn:xmpp:receipts'/>`),
    answer: (n) => reply(n, `<received xmlns='urn:xmpp:receipts' id='m${n}'/>`),
  },
  {
    field: 'receipt.read',
    ask: (n) => message(n, `${body}<markable xmlns='urn:xmpp:chat-markers:0'/>`),
    answer: (n) => reply(n, `<displayed xmlns='urn:xmpp:chat-markers:0' id='m${n}'/>`),
  },
  {
    field: 'answer.ping',
    ask: request('get', "<ping xmlns='urn:xmpp:ping'/>"),
    answer: result(),
  },
  {
    field: 'answer.disco-info',
    ask: request('get', "<query xmlns='http://jabber.org/protocol/disco#info'/>"),
    answer: result(
      "<query xmlns='http://jabber.org/protocol/disco#info'><identity category='client' type='phone'/></query>",
    ),
  },
  {
    field: 'answer.disco-items',
    ask: request('get', "<query xmlns='http://jabber.org/protocol/disco#items'/>"),
    answer: result("<query xmlns='http://jabber.org/protocol/disco#items'/>"),
  },
  {
    field: 'version.iq',
    ask: request('get', "<query xmlns='jabber:iq:version'/>"),
    answer: result("<query xmlns='jabber:iq:version'><name>x</name><version>1</version></query>"),
  },
  {
    field: 'time.last-iq',
    ask: request('get', "<query xmlns='jabber:iq:last'/>"),
    answer: result("<query xmlns='jabber:iq:last' seconds='0'/>"),
  },
  {
    field: 'time.entity',
    ask: request('get', "<time xmlns='urn:xmpp:time'/>"),
    answer: result("<time xmlns='urn:xmpp:time'><tzo>-06:00</tzo><utc>2026-03-10T17:58:35Z</utc></time>"),
  },
  {
    field: 'answer.jingle',
    ask: (n) => request('set', jingle(n, 'session-info', ''))(n),
    answer: result(),
  },
  {
    field: 'answer.ringing',
    ask: (n) => message(n, `<propose xmlns='urn:xmpp:jingle-message:0' id='s${n}'/>`),
    answer: (n) => reply(n, `<ringing xmlns='urn:xmpp:jingle-message:0' id='s${n}'/>`),
  },
  {
    field: 'answer.iq',
    ask: request('get', "<vCard xmlns='vcard-temp'/>"),
    answer: (n) => `<iq ${sent} type='error' id='q${n}'>${unavailable}</iq>`,
  },
  {
    field: 'answer.error',
    ask: (n) => message(n, body),
    answer: (n) => reply(n, `${body}${unavailable}`, 'error').replace(`id='r${n}'`, `id='m${n}'`),
  },
  {
    field: 'answer.acknowledgement',
    ask: () => `<r xmlns='${sm}'/>`,
    answer: () => `<a xmlns='${sm}' h='0'/>`,
  },
];
