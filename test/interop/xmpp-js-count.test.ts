/** What @xmpp/client acknowledges of stanzas that arrive in one read with `<enabled/>` (XEP-0198 §4): its count begins anew
 *  after that read. A scripted server decides what comes in one write. What the proxy makes of it is in
 *  test/session/stream-management/counting-begins.test.ts. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { client as xmppClient } from '@xmpp/client';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/wait.ts';

const sm = 'urn:xmpp:sm:3';
const header =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='s' from='localhost' version='1.0'>";
const presence = "<presence from='romeo@localhost/orchard'/>";
const request = `<r xmlns='${sm}'/>`;
const enabled = `<enabled xmlns='${sm}' id='sm-1' resume='true'/>`;

/** Answers the nth thing that a client says; each answer is one write. */
const script: readonly (readonly [RegExp, (text: string) => string])[] = [
  [
    /<stream:stream/,
    () =>
      `${header}<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>ANONYMOUS</mechanism></mechanisms></stream:features>`,
  ],
  [/<auth/, () => "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"],
  [
    /<stream:stream/,
    () =>
      `${header}<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='${sm}'/></stream:features>`,
  ],
  [
    /<bind/,
    (text) =>
      `<iq type='result' id='${/id="([^"]*)"/.exec(text)![1]}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>juliet@localhost/balcony</jid></bind></iq>`,
  ],
];

/** The counts that the client acknowledges after it was sent these writes as the answer to `<enable/>`. */
async function countsAfter(writes: readonly string[]): Promise<readonly number[]> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = xmppClient({ service: `xmpp://127.0.0.1:${port}`, domain: 'localhost' });
  client.on('error', () => {});
  const expected = writes.join('').split(request).length - 1;
  const counts: number[] = [];
  server.on('connection', (socket) => {
    serve(socket, writes, (h) => counts.push(h));
  });
  client.start().catch(() => {});
  try {
    await eventually(() => counts.length >= expected);
    return counts;
  } finally {
    await client.stop();
    server.close();
  }
}

function serve(socket: Socket, writes: readonly string[], counted: (h: number) => void): void {
  let heard = '';
  let step = 0;
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    heard += String(chunk);
    const next = script[step];
    if (next?.[0].test(heard) === true) {
      step += 1;
      socket.write(next[1](heard));
      heard = '';
    } else if (/<enable/.test(heard)) {
      heard = '';
      void writeApart(socket, writes);
    } else {
      for (const [, h] of heard.matchAll(/<a [^>]*h="(\d+)"/g)) counted(Number(h));
      heard = heard.replaceAll(/<a [^>]*\/>/g, '');
      if (heard.includes('</stream:stream>')) socket.end('</stream:stream>');
    }
  });
}

/** Gives the reader time between two writes, so that they are two reads. */
async function writeApart(socket: Socket, writes: readonly string[]): Promise<void> {
  socket.setNoDelay(true);
  for (const text of writes) {
    socket.write(text);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('@xmpp/client', () => {
  it.each([
    ['reads <enabled/> alone', [presence + presence, enabled, presence + request], [1]],
    ['reads it after other stanzas', [presence + presence + enabled, presence + request], [1]],
    ['forgets what it read with it', [enabled + presence, request, presence + request], [0, 1]],
    ['is asked in that read', [presence + presence + enabled + request, presence + request], [2, 1]],
    ['is asked in that read, after another', [presence + enabled + presence + request, request], [2, 0]],
  ])('%s', async (_, writes, counts) => {
    // It acknowledges once more when it closes the stream.
    expect((await countsAfter(writes)).slice(0, counts.length)).toEqual(counts);
  });
});
