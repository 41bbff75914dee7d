/** Property: generated stanzas mean the same to their receiver over TCP and WebSocket in any combination. What is
 *  received is read by another parser, saxes, and compared as trees. */
import { SaxesParser } from 'saxes';
import { afterEach, expect, it } from 'vitest';
import { Conversation, type Peer } from '../conversation.ts';
import { generatedStanza } from '../../support/generated-stanzas.ts';
import { Random } from '../../support/random.ts';

const seeds = [1, 2, 3, 4];
const stanzasPerSeed = 60;

const talks: Conversation[] = [];
afterEach(async () => {
  await Promise.all(talks.map((talk) => talk.over()));
  talks.length = 0;
});

interface Transports {
  readonly overWebSocket: boolean;
  readonly toWebSocket: boolean;
}

const combinations: readonly Transports[] = [false, true].flatMap((overWebSocket) =>
  [false, true].map((toWebSocket) => ({ overWebSocket, toWebSocket })),
);

const client = "xmlns='jabber:client'";
const streams = "xmlns:stream='http://etherx.jabber.org/streams'";

/** A stanza as a sender over WebSocket writes it: with what it inherits on TCP. */
function framed(stanza: string): string {
  const tag = /^<[^\s/>]+[^>]*>/.exec(stanza)![0];
  return /\sxmlns=/.test(tag) ? stanza : stanza.replace(/^<[^\s/>]+/, `$& ${client}`);
}

/** Returns every element of a document by expanded names, attributes in order of their names, and text. */
function tree(document: string): string[] {
  const parser = new SaxesParser({ xmlns: true });
  const out: string[] = [];
  let text = '';
  const flush = (): void => {
    if (text !== '') out.push(`text ${JSON.stringify(text)}`);
    text = '';
  };
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ uri, local, attributes }) => {
    flush();
    const written = Object.values(attributes)
      .filter((each) => each.uri !== 'http://www.w3.org/2000/xmlns/')
      .map((each) => `{${each.uri}}${each.local}=${JSON.stringify(each.value)}`);
    out.push(`<{${uri}}${local} ${written.toSorted().join(' ')}`);
  });
  parser.on('closetag', () => {
    flush();
    out.push('>');
  });
  parser.on('text', (value) => (text += value));
  parser.on('cdata', (value) => (text += value));
  parser.write(document).close();
  return out;
}

/** What a peer has heard, as trees; those of messages one by one. */
function treesOf(heard: string, overWebSocket: boolean): string[] {
  if (!overWebSocket)
    return tree(`<stream:stream ${client} ${streams}>${heard}</stream:stream>`).slice(1, -1);
  return heard
    .split(/\n(?=<)/)
    .filter((message) => message.trim() !== '')
    .flatMap((message) => tree(message.replace(/\n$/, '')));
}

async function relayed(
  transports: Transports,
  stanzas: readonly string[],
  direction: 'to-gatekeeper' | 'to-client',
): Promise<string[]> {
  const talk = new Conversation(transports);
  talks.push(talk);
  await talk.established();
  const toGatekeeper = direction === 'to-gatekeeper';
  const [from, to]: [Peer, Peer] = toGatekeeper
    ? [talk.client, talk.gatekeeper]
    : [talk.gatekeeper, talk.client];
  const fromFrames = toGatekeeper ? transports.overWebSocket : transports.toWebSocket;
  const toFrames = toGatekeeper ? transports.toWebSocket : transports.overWebSocket;
  for (const stanza of stanzas) await from.says(fromFrames ? framed(stanza) : stanza);
  expect(talk.session.ended).toBe(false);
  return treesOf(to.news(), toFrames);
}

it.each(
  seeds.flatMap((seed) =>
    (['to-gatekeeper', 'to-client'] as const).map((direction) => [seed, direction] as const),
  ),
)('seed %i, %s', async (seed, direction) => {
  const random = new Random(seed);
  // A line feed separates messages in what a peer has heard.
  const stanzas = Array.from({ length: stanzasPerSeed }, () => generatedStanza(random).replaceAll('\n', ' '));
  const [tcp, ...others] = await Promise.all(
    combinations.map((transports) => relayed(transports, stanzas, direction)),
  );
  expect(tcp!.length).toBeGreaterThan(stanzasPerSeed);
  for (const other of others) expect(other).toEqual(tcp);
});

it('keeps a prefix of the stream header, and an attribute in its namespace, apart from the message', async () => {
  const talk = new Conversation({ toWebSocket: true });
  talks.push(talk);
  await talk.established();
  // The second header declares `stream`, which each message must do by itself.
  await talk.client.says("<message stream:a='1' to='romeo@montague.example'><body>x</body></message>");
  const [message] = talk.gatekeeper.news().split('\n');
  expect(tree(message!)).toEqual([
    '<{jabber:client}message {http://etherx.jabber.org/streams}a="1" {}to="romeo@montague.example"',
    '<{jabber:client}body ',
    'text "x"',
    '>',
    '>',
  ]);
});
