/** Content of the chat channel that a client does not receive: what a stanza shows without decryption, by profile. */
import { describe, expect, it } from 'vitest';
import { createWire } from '../../src/app/tools/wire.ts';
import { receivesReadReceipts, refusedKinds } from '../../src/capabilities/chat-content.ts';
import { contentVocabulary } from '../../src/capabilities/content-kinds.ts';
import { createVocabulary } from '../../src/stanza/vocabulary.ts';
import { profileOf, shipped, table } from './shipped.ts';

const names = createVocabulary(contentVocabulary(table));
const wire = createWire();
const textOnly = shipped.get('text-only')!;

const message = (attributes: string, enc = '', from = '1@s.whatsapp.net') =>
  `<message from='${from}' id='A' ${attributes}><enc v='2' type='msg' ${enc}>AAAA</enc></message>`;

function refused(xml: string, profile = textOnly): readonly string[] {
  const stanza = wire.parse(xml.replace(' ', " xmlns='urn:narthex:chat:0' "), names);
  return refusedKinds(stanza, table, profile);
}

describe('under text-only', () => {
  it.each([
    ['a text', message(`type='text'`), []],
    ['a picture', message(`type='media'`, `mediatype='image'`), ['image']],
    ['a voice message', message(`type='media'`, `mediatype='ptt'`), ['voice']],
    ['a poll', message(`type='poll'`), ['poll']],
    ['a reaction', message(`type='reaction'`), ['reaction']],
    ['an edit', message(`type='text' edit='1'`), ['edit']],
    ['a retraction', message(`type='text' edit='7'`), ['retract']],
    ['a message of a group', message(`type='text'`, '', '1203@g.us'), ['group']],
    ['typing', `<chatstate from='1@s.whatsapp.net'><composing/></chatstate>`, ['typing']],
    ['a delivery receipt', `<receipt from='1@s.whatsapp.net' id='A'/>`, ['receipts']],
    [
      'a call',
      `<call from='1@s.whatsapp.net' id='A'><offer call-id='k'><audio/></offer></call>`,
      ['audio-call'],
    ],
    [
      'a video call',
      `<call from='1@s.whatsapp.net' id='A'><offer call-id='k'><audio/><video/></offer></call>`,
      ['video-call'],
    ],
    [
      'a class in the copy for one device',
      `<message from='1@s.whatsapp.net' id='A' type='media'><participants><to jid='2:1@s.whatsapp.net'><enc v='2' type='msg' mediatype='video'>AAAA</enc></to></participants></message>`,
      ['video'],
    ],
  ])('%s', (_, xml, kinds) => {
    expect(refused(xml)).toEqual(kinds);
  });

  it.each([
    [
      'a request to encrypt anew',
      `<receipt from='1@s.whatsapp.net' id='A' type='retry'><retry id='A'/></receipt>`,
    ],
    ['a receipt of an own device', `<receipt from='1@s.whatsapp.net' id='A' type='sender'/>`],
    ['the end of a call', `<call from='1@s.whatsapp.net' id='A'><terminate call-id='k'/></call>`],
    ['a request', `<iq from='s.whatsapp.net' id='A' type='get'/>`],
    ['a notification', `<notification from='s.whatsapp.net' id='A' type='devices'/>`],
    ['a presence', `<presence from='1@s.whatsapp.net'/>`],
  ])('%s passes', (_, xml) => {
    expect(refused(xml)).toEqual([]);
  });

  it('media of an unknown class are refused as long as no files are received', () => {
    const unknown = message(`type='media'`, `mediatype='hologram'`);
    expect(refused(unknown)).toContain('file');
    expect(refused(message(`type='media'`))).toContain('file');
    expect(refused(unknown, profileOf('receives: { text: true, image: true }'))).toEqual([]);
  });
});

it('a phone receives everything but polls', () => {
  const phone = shipped.get('phone')!;
  const received = ['image', 'video', 'gif', 'ptt', 'audio', 'document', 'sticker', 'location', 'vcard'];
  for (const media of received)
    expect(refused(message(`type='media'`, `mediatype='${media}'`), phone)).toEqual([]);
  expect(refused(message(`type='poll'`), phone)).toEqual(['poll']);
});

it('stanzas of XMPP are none of it', () => {
  const stanza = wire.parse("<message xmlns='jabber:client' type='poll'/>", names);
  expect(refusedKinds(stanza, table, textOnly)).toEqual([]);
});

it('receives read receipts by the kind that shows them', () => {
  const received = ['text-only', 'phone', 'desktop'].map((name) =>
    receivesReadReceipts(table, shipped.get(name)!),
  );
  expect(received).toEqual([false, true, true]);
});
