/** One row of the hostile tables.
 *
 *  - `where`: `stream` is a whole stream as written; `top` stands between two good stanzas of a good stream; `stanza`
 *    is the content of a message there.
 *  - `text`: UTF-8, in which `{C3 28}` stands for raw bytes, so that a table can hold what is not text.
 *  - `expected`: `accept`; `ambiguous`, which is legal but read differently by real parsers, so refused with
 *    policy-violation unless asked otherwise; or the stream error condition. */
export type HostileCase = readonly [
  name: string,
  where: 'stream' | 'top' | 'stanza',
  text: string,
  expected: Expected,
  why: string,
];

type Expected =
  | 'accept'
  | 'ambiguous'
  | 'not-well-formed'
  | 'restricted-xml'
  | 'bad-format'
  | 'invalid-namespace'
  | 'unsupported-encoding'
  | 'policy-violation';

const toServer =
  "<?xml version='1.0'?><stream:stream to='example.org' version='1.0' xml:lang='en' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
const toClient =
  '<stream:stream xmlns:stream="http://etherx.jabber.org/streams" xmlns="jabber:client" from="example.org" id="s1" version="1.0">';

/** The stream header that each direction begins with. */
export const headers = { 'to-gatekeeper': toServer, 'to-client': toClient } as const;

export const goodStanza = '<presence/>';

/** The bytes of a case's stream in one direction. */
export function streamOf([, where, text]: HostileCase, direction: keyof typeof headers): Uint8Array {
  if (where === 'stream') return toBytes(text);
  const body = where === 'top' ? text : `<message>${text}</message>`;
  return toBytes(`${headers[direction]}${goodStanza}${body}${goodStanza}</stream:stream>`);
}

/** Text with `{hex hex}` as raw bytes. */
export function toBytes(text: string): Uint8Array {
  const parts = text.split(/\{([0-9A-F]{2}(?: [0-9A-F]{2})*)\}/);
  return Buffer.concat(
    parts.map((part, i) => (i % 2 === 0 ? Buffer.from(part) : Buffer.from(part.replaceAll(' ', ''), 'hex'))),
  );
}
