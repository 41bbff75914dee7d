import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ns } from '../../src/stanza/namespaces.ts';
import type { Client } from '../../src/simulator/client.ts';
import { namespaces } from '../../src/simulator/namespaces.ts';
import type { OfflineRecord } from '../../src/simulator/server/offline.ts';
import { attribute, child, elements } from '../../src/simulator/xml/element.ts';
import { parseElement } from '../../src/simulator/xml/reader.ts';
import { domain, startGatekeeper } from './support/gatekeeper.ts';

let gatekeeper: Awaited<ReturnType<typeof startGatekeeper>>;
let romeo: Client;
const kept: OfflineRecord[] = [];

beforeEach(async () => {
  kept.length = 0;
  gatekeeper = await startGatekeeper({
    limits: { offlineMessagesMax: 2 },
    onOffline: (record) => kept.push(record),
  });
  romeo = await gatekeeper.logIn('romeo');
});
afterEach(() => gatekeeper.close());

const send = (client: Client, xml: string) => client.send(parseElement(xml)!);
const letter = (id: string, more = '<body>x</body>') =>
  `<message to='juliet@${domain}' id='${id}' type='chat'>${more}</message>`;

async function answerTo(client: Client, id: string): Promise<string> {
  const { element: answer } = await client.receive((stanza) => attribute(stanza, 'id') === id);
  const error = child(answer, ns.client, 'error');
  return error === undefined ? attribute(answer, 'type')! : elements(error)[0]!.local;
}

describe('a user who is offline', () => {
  it('gets the messages on return, in order, with their times', async () => {
    send(romeo, letter('1'));
    send(romeo, letter('2'));
    const juliet = await gatekeeper.logIn('juliet');
    send(juliet, `<presence/>`);
    const messages = [
      await juliet.receive((stanza) => stanza.local === 'message'),
      await juliet.receive((stanza) => stanza.local === 'message'),
    ];
    expect(messages.map(({ element: message }) => attribute(message, 'id'))).toEqual(['1', '2']);
    const delay = child(messages[0]!.element, namespaces.delay, 'delay')!;
    expect(attribute(delay, 'from')).toBe(domain);
    expect(Math.abs(Date.parse(attribute(delay, 'stamp')!) - Date.now())).toBeLessThan(60_000);
    expect(attribute(messages[0]!.element, 'from')).toBe(romeo.jid);
  });

  it('gets them once, and not while taking no messages', async () => {
    send(romeo, letter('1'));
    const quiet = await gatekeeper.logIn('juliet', { resource: 'quiet' });
    send(quiet, `<presence><priority>-1</priority></presence>`);
    await quiet.receive((stanza) => stanza.local === 'presence');
    const balcony = await gatekeeper.logIn('juliet', { resource: 'balcony' });
    send(balcony, `<presence/>`);
    await balcony.receive((stanza) => attribute(stanza, 'id') === '1');
    const later = await gatekeeper.logIn('juliet', { resource: 'later' });
    send(later, `<presence/>`);
    await later.receive((stanza) => attribute(stanza, 'from') === later.jid);
    expect([...quiet.pending(), ...later.pending()].filter((one) => one.element.local === 'message')).toEqual(
      [],
    );
  });

  it.each([
    [
      'a typing notice',
      letter(
        '3',
        `<composing xmlns='http://jabber.org/protocol/chatstates'/><no-store xmlns='urn:xmpp:hints'/>`,
      ),
    ],
    ['more than is kept', letter('3')],
    ['for an unknown user', `<message to='tybalt@${domain}' id='3' type='chat'><body>x</body></message>`],
  ])('does not get %s: the sender gets an error', async (_, xml) => {
    send(romeo, letter('1'));
    send(romeo, letter('2'));
    send(romeo, xml);
    expect(await answerTo(romeo, '3')).toBe('service-unavailable');
  });

  it('can be woken while a device has registered', async () => {
    const juliet = await gatekeeper.logIn('juliet');
    const push = async (id: string, xml: string): Promise<string> => {
      send(juliet, `<iq type='set' id='${id}'>${xml}</iq>`);
      return answerTo(juliet, id);
    };
    const enable = (node: string): string => `<enable xmlns='urn:xmpp:push:0' jid='p.example' ${node}/>`;
    expect(await push('a', enable(`node='n1'`))).toBe('result');
    expect(await push('b', enable(`node='n2'`))).toBe('result');
    expect(await push('c', enable(''))).toBe('bad-request');
    expect(await push('d', `<disable xmlns='urn:xmpp:push:0' jid='p.example' node='n1'/>`)).toBe('result');
    await juliet.close();
    send(romeo, letter('1'));
    expect(await answerTo(await pinged(), 'pong')).toBe('result');
    expect(kept).toEqual([
      {
        recipient: `juliet@${domain}`,
        sender: `romeo@${domain}`,
        messageId: '1',
        count: 1,
        pushNodes: ['n2'],
      },
    ]);
  });

  /** What was sent before has been dealt with when the answer is there. */
  async function pinged(): Promise<Client> {
    send(romeo, `<iq type='get' id='pong' to='${domain}'><ping xmlns='urn:xmpp:ping'/></iq>`);
    return romeo;
  }
});
