import { describe, expect, it } from 'vitest';
import { chatStanzas } from '../../src/stanza/chat-stanzas.ts';
import { ns } from '../../src/stanza/namespaces.ts';
import { otherParty } from '../../src/stanza/other-party.ts';
import { stanzaKinds } from '../../src/stanza/protocol.ts';
import type { Stanza } from '../../src/stanza/stanza.ts';
import { createVocabulary } from '../../src/stanza/vocabulary.ts';
import { defaultLimits } from '../../src/stream/limits.ts';
import { Scanner } from '../../src/stream/scanner.ts';
import { newWorkspace } from '../support/scan.ts';

/** Returns what `look` finds in each element of a stream of the chat channel. */
function inStream<T>(xml: string, look: (stanza: Stanza) => T): T[] {
  const found: T[] = [];
  const scanner = new Scanner({
    names: createVocabulary(),
    limits: defaultLimits,
    workspace: newWorkspace(),
    protocol: chatStanzas,
    sink: {
      header: () => {},
      stanza: (stanza) => void found.push(look(stanza)),
      whitespace: () => {},
      end: () => {},
    },
  });
  scanner.push(
    Buffer.from(
      `<stream:stream xmlns='${ns.chat}' xmlns:n='${ns.chatMarks}' xmlns:stream='${ns.streams}' version='1.0'>${xml}`,
    ),
  );
  return found;
}

describe('kinds of stanza', () => {
  it('has every kind, by the local name in the namespace of nodes', () => {
    const xml = stanzaKinds.map((kind) => `<${kind}/>`).join('');
    expect(inStream(xml, ({ kind }) => kind)).toEqual(stanzaKinds);
  });

  it('takes nodes about the connection, marks and other namespaces for nonzas', () => {
    const xml =
      `<success/><failure/><xmlstreamend/><n:node tag='stream:error'/>` +
      `<message xmlns='${ns.client}'/><n:message/><iq xmlns=''/>`;
    expect(new Set(inStream(xml, ({ kind }) => kind))).toEqual(new Set(['nonza']));
  });
});

describe('the other party', () => {
  const parties = (xml: string, direction: 'to-client' | 'to-gatekeeper'): string[] =>
    inStream(xml, (stanza) => otherParty(stanza, direction));

  it.each([
    ['1555@s.whatsapp.net', '1555@s.whatsapp.net'],
    ['1555:12@s.whatsapp.net', '1555@s.whatsapp.net'],
    ['1555_1:12@s.whatsapp.net', '1555@s.whatsapp.net'],
    ['1555_1@lid', '1555@lid'],
    ['7-some_user:2@interop', '7-some_user@interop'],
    ['120363-1500@g.us', '120363-1500@g.us'],
    ['s.whatsapp.net', ''],
    ['@s.whatsapp.net', ''],
    ['status@broadcast', ''],
    ['', ''],
  ])('of %j is %j', (jid, party) => {
    expect(parties(`<message from='${jid}'/>`, 'to-client')).toEqual([party]);
    expect(parties(`<message to='${jid}'/>`, 'to-gatekeeper')).toEqual([party]);
  });

  it('is the group, not its participant', () => {
    expect(parties("<message from='9@g.us' participant='1555:2@s.whatsapp.net'/>", 'to-client')).toEqual([
      '9@g.us',
    ]);
  });

  it('is the participant of a broadcast', () => {
    expect(
      parties("<message from='status@broadcast' participant='1555:2@s.whatsapp.net'/>", 'to-client'),
    ).toEqual(['1555@s.whatsapp.net']);
  });

  it('is the recipient of what another device of the account has sent', () => {
    expect(
      parties("<message from='1:2@s.whatsapp.net' recipient='1555@s.whatsapp.net'/>", 'to-client'),
    ).toEqual(['1555@s.whatsapp.net']);
    expect(
      parties("<receipt to='1:2@s.whatsapp.net' recipient='1555:3@s.whatsapp.net'/>", 'to-gatekeeper'),
    ).toEqual(['1555@s.whatsapp.net']);
  });

  it('is none in a request to the server', () => {
    expect(parties("<iq to='s.whatsapp.net'/><iq/>", 'to-gatekeeper')).toEqual(['', '']);
  });
});
