/** Requests that two readers could understand differently, and others that are invalid. */

export const crlf = (...lines: string[]): string => lines.join('\r\n');
export const head = (...lines: string[]): string =>
  crlf('POST /push/gk HTTP/1.1', 'Host: a', ...lines, '', '');
export const json = 'Content-Type: application/json';

/** Statuses of all answers in what came back. */
export const statuses = (answer: string): string[] =>
  [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status!);

/** Where it ends is not clear, so nothing after it may be read. */
export const unclear: readonly (readonly [name: string, request: string])[] = [
  ['both lengths', head(json, 'Content-Length: 7', 'Transfer-Encoding: chunked') + '0\r\n\r\n'],
  [
    'both lengths, the other way round',
    head(json, 'Transfer-Encoding: chunked', 'Content-Length: 7') + '0\r\n\r\n',
  ],
  ['two lengths', head(json, 'Content-Length: 7', 'Content-Length: 8') + '{"a":1}'],
  ['two equal lengths', head(json, 'Content-Length: 7', 'Content-Length: 7') + '{"a":1}'],
  ['a list of lengths', head(json, 'Content-Length: 7, 7') + '{"a":1}'],
  ['a signed length', head(json, 'Content-Length: +7') + '{"a":1}'],
  ['a length that is no number', head(json, 'Content-Length: 7x') + '{"a":1}'],
  ['a negative length', head(json, 'Content-Length: -1')],
  ['a length beyond all numbers', head(json, `Content-Length: ${'9'.repeat(40)}`)],
  ['an unknown transfer coding', head(json, 'Transfer-Encoding: xchunked') + '0\r\n\r\n'],
  ['chunked not last', head(json, 'Transfer-Encoding: chunked, identity') + '0\r\n\r\n'],
  ['chunked twice', head(json, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked') + '0\r\n\r\n'],
  ['a space before the colon', head(json, 'Content-Length : 7') + '{"a":1}'],
  ['a folded header', head(json, 'X: a', ' b', 'Content-Length: 7') + '{"a":1}'],
  ['a bare line feed', 'POST /push/gk HTTP/1.1\nHost: a\nContent-Length: 0\n\n'],
  ['a bare carriage return in a value', head('X: a\rb')],
  ['a NUL in a value', head('X: a\0b')],
  ['a header without a name', head(': a')],
  ['a chunk size that is no number', head(json, 'Transfer-Encoding: chunked') + 'x\r\n'],
  ['a chunk size beyond all numbers', head(json, 'Transfer-Encoding: chunked') + `${'f'.repeat(20)}\r\n`],
  ['a chunk that is longer than it says', head(json, 'Transfer-Encoding: chunked') + '1\r\nab\r\n0\r\n\r\n'],
  ['a Host with a path', crlf('GET / HTTP/1.1', 'Host: a/b', 'Connection: close', '', '')],
  ['a target with a space', crlf('GET /a b HTTP/1.1', 'Host: a', '', '')],
  ['an unknown method', crlf('JULIET / HTTP/1.1', 'Host: a', '', '')],
  ['no HTTP at all', '<?xml version="1.0"?><stream:stream>'],
  ['a TLS ClientHello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['HTTP/0.9', 'GET /\r\n'],
  ['HTTP/2 with prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
];

/** Its framing is beyond doubt, so what follows is a request of its own. */
export const wrong: readonly (readonly [name: string, request: string])[] = [
  ['no Host', crlf('POST /push/gk HTTP/1.1', '', '')],
  ['two Hosts', crlf('POST /push/gk HTTP/1.1', 'Host: a', 'Host: b', 'Content-Length: 0', '', '')],
  ['an absolute target', crlf('GET http://evil.example/ HTTP/1.1', 'Host: a', '', '')],
  ['two tokens', head(json, 'Authorization: Bearer a', 'Authorization: Bearer b', 'Content-Length: 0')],
];

/** What must not be read after an unclear request. */
export const smuggled = crlf(
  'POST /push/gk HTTP/1.1',
  'Host: a',
  json,
  'Content-Length: 14',
  'Connection: close',
  '',
  '{"smuggled":1}',
);
