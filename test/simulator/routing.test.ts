import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ns } from '../../src/stanza/namespaces.ts';
import type { Client } from '../../src/simulator/client.ts';
import { attribute, child, element, elements, text, type Element } from '../../src/simulator/xml/element.ts';
import { parseElement } from '../../src/simulator/xml/reader.ts';
import { domain, startGatekeeper } from './support/gatekeeper.ts';
import { openRaw, streamHeader } from './support/raw.ts';

let gatekeeper: Awaited<ReturnType<typeof startGatekeeper>>;
let juliet: Client;
let romeo: Client;

beforeEach(async () => {
  gatekeeper = await startGatekeeper();
  juliet = await gatekeeper.logIn('juliet', { resource: 'balcony' });
  romeo = await gatekeeper.logIn('romeo', { resource: 'orchard' });
});
afterEach(() => gatekeeper.close());

const send = (client: Client, xml: string) => client.send(parseElement(xml)!);
const named = (local: string) => (stanza: Element) => stanza.local === local;
const withId = (id: string) => (stanza: Element) => attribute(stanza, 'id') === id;

const isFrom = (client: Client, type?: string) => (stanza: Element) =>
  attribute(stanza, 'from') === client.jid && attribute(stanza, 'type') === type;

/** Sends and answers with the condition of the error that comes back. */
async function bounced(client: Client, xml: string): Promise<string> {
  send(client, xml);
  const { element: error } = await client.receive((stanza) => attribute(stanza, 'type') === 'error');
  return elements(child(error, ns.client, 'error')!)[0]!.local;
}

/** Everything the gatekeeper has sent so far has arrived when the answer to a ping has. */
async function settle(client: Client): Promise<void> {
  const id = `settle-${Math.random()}`;
  send(client, `<iq type='get' id='${id}' to='${domain}'><ping xmlns='urn:xmpp:ping'/></iq>`);
  await client.receive(withId(id));
}

async function comeOnline(client: Client, priority = 0): Promise<void> {
  send(client, `<presence><priority>${priority}</priority></presence>`);
  await client.receive((stanza) => attribute(stanza, 'from') === client.jid);
}

describe('messages', () => {
  it('to a full JID arrive there, stamped with the sender', async () => {
    send(
      juliet,
      `<message to='${romeo.jid}' id='m' type='chat'><body>a &lt; b &amp; c\u{1F339}</body></message>`,
    );
    const { element: message } = await romeo.receive(withId('m'));
    expect(attribute(message, 'from')).toBe(juliet.jid);
    expect(attribute(message, 'to')).toBe(romeo.jid);
    expect(text(child(message, ns.client, 'body')!)).toBe('a < b & c\u{1F339}');
  });

  it('to the bare JID go to the available resources of highest priority', async () => {
    const cave = await gatekeeper.logIn('romeo', { resource: 'cave' });
    const cell = await gatekeeper.logIn('romeo', { resource: 'cell' });
    await comeOnline(romeo, 5);
    await comeOnline(cave, 5);
    await comeOnline(cell, 1);
    send(juliet, `<message to='romeo@${domain}' id='m'><body>x</body></message>`);
    await Promise.all([romeo, cave].map((one) => one.receive(withId('m'))));
    await settle(cell);
    expect(cell.pending().some((one) => one.element.local === 'message')).toBe(false);
  });

  it('to an unbound resource are delivered as to the bare JID', async () => {
    await comeOnline(romeo);
    send(juliet, `<message to='romeo@${domain}/gone' id='m' type='chat'><body>x</body></message>`);
    await romeo.receive(withId('m'));
  });

  it.each([
    ['no available resource', `<message to='romeo@${domain}' type='chat'><body>x</body></message>`],
    ['a user who does not exist', `<message to='tybalt@${domain}' type='chat'><body>x</body></message>`],
    ['no room there', `<message to='romeo@${domain}' type='groupchat'><body>x</body></message>`],
  ])('are returned when there is %s', async (_, xml) => {
    expect(await bounced(juliet, xml)).toBe('service-unavailable');
  });

  it('are returned when only negative priorities are available', async () => {
    await comeOnline(romeo, -1);
    expect(await bounced(juliet, `<message to='romeo@${domain}'><body>x</body></message>`)).toBe(
      'service-unavailable',
    );
  });

  it('are returned with their payload, from the address that they were sent to', async () => {
    send(juliet, `<message to='tybalt@${domain}/x' id='m' type='chat'><body>what</body></message>`);
    const { xml } = await juliet.receive(withId('m'));
    expect(xml).toBe(
      `<message type='error' id='m' from='tybalt@${domain}/x' to='${juliet.jid}'><body>what</body>` +
        `<error type='cancel'><service-unavailable xmlns='${ns.stanzaErrors}'/></error></message>`,
    );
  });

  it('of type error or headline are never returned', async () => {
    send(juliet, `<message to='romeo@${domain}' type='headline'><body>x</body></message>`);
    send(juliet, `<message to='romeo@${domain}' type='error'><body>x</body></message>`);
    await settle(juliet);
    expect(juliet.pending()).toEqual([]);
  });

  it('keep their order', async () => {
    const ids = Array.from({ length: 50 }, (_, index) => `m${index}`);
    for (const id of ids) send(juliet, `<message to='${romeo.jid}' id='${id}'><body>x</body></message>`);
    await romeo.receive(withId('m49'));
    const arrived = romeo.pending().map((one) => attribute(one.element, 'id'));
    expect([...arrived, 'm49']).toEqual(ids);
  });

  it('lose the prefixes that only the sender declared', async () => {
    const prefixed = `<c:message xmlns:c='jabber:client' xmlns:p='urn:p' to='${romeo.jid}' id='m'><p:x p:y='1'/></c:message>`;
    send(juliet, prefixed);
    const { element: message } = await romeo.receive(withId('m'));
    expect(child(message, 'urn:p', 'x')).toBeDefined();
  });
});

describe('addresses', () => {
  it.each([
    ['jid-malformed', `<message to='@${domain}'/>`],
    ['jid-malformed', `<message to='a b@${domain}'/>`],
    ['remote-server-not-found', `<message to='romeo@montague.example'/>`],
    ['remote-server-not-found', `<iq type='get' id='1' to='montague.example'><q xmlns='u'/></iq>`],
  ])('that lead nowhere are answered with %s', async (condition, xml) => {
    expect(await bounced(juliet, xml)).toBe(condition);
  });

  it('are compared case-folded', async () => {
    await comeOnline(romeo);
    send(juliet, `<message to='ROMEO@${domain.toUpperCase()}' id='m'><body>x</body></message>`);
    await romeo.receive(withId('m'));
  });

  it("of others cannot be claimed as one's own", async () => {
    send(juliet, `<message from='${romeo.jid}' to='${romeo.jid}'/>`);
    await expect(juliet.receive(() => false)).rejects.toThrow(/invalid-from/);
  });

  it.each(['juliet@capulet.example', 'juliet@capulet.example/balcony'])('may be stated: %s', async (from) => {
    send(juliet, `<message from='${from}' to='${romeo.jid}' id='m'/>`);
    expect(attribute((await romeo.receive(withId('m'))).element, 'from')).toBe(juliet.jid);
  });
});

describe('iq', () => {
  it('travels between full JIDs, and its result back', async () => {
    send(juliet, `<iq type='get' id='q' to='${romeo.jid}'><query xmlns='urn:x'/></iq>`);
    const { element: request } = await romeo.receive(withId('q'));
    send(romeo, `<iq type='result' id='q' to='${attribute(request, 'from')}'/>`);
    expect(attribute((await juliet.receive(withId('q'))).element, 'from')).toBe(romeo.jid);
  });

  it.each([
    ['service-unavailable', `<iq type='get' id='1' to='romeo@${domain}/gone'><q xmlns='u'/></iq>`],
    ['service-unavailable', `<iq type='get' id='1' to='romeo@${domain}'><q xmlns='u'/></iq>`],
    [
      'service-unavailable',
      `<iq type='get' id='1' to='tybalt@${domain}'><query xmlns='${ns.discoInfo}'/></iq>`,
    ],
    ['service-unavailable', `<iq type='set' id='1'><q xmlns='u'/></iq>`],
    ['service-unavailable', `<iq type='get' id='1' to='romeo@${domain}'><query xmlns='${ns.roster}'/></iq>`],
    ['bad-request', `<iq type='get' id='1'/>`],
    ['bad-request', `<iq type='get' id='1'><a xmlns='u'/><b xmlns='u'/></iq>`],
    ['bad-request', `<iq type='fetch' id='1'><a xmlns='u'/></iq>`],
    ['bad-request', `<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>`],
    ['bad-request', `<iq type='set' id='1'><query xmlns='${ns.discoInfo}'/></iq>`],
    ['item-not-found', `<iq type='get' id='1'><query xmlns='${ns.discoInfo}' node='x'/></iq>`],
    ['item-not-found', `<iq type='set' id='1'><query xmlns='${ns.roster}'><item jid='a@b'/></query></iq>`],
    [
      'not-allowed',
      `<iq type='set' id='1'><query xmlns='${ns.roster}'><item jid='romeo@${domain}' subscription='remove'/></query></iq>`,
    ],
  ])('owes %s for %s', async (condition, xml) => {
    expect(await bounced(juliet, xml)).toBe(condition);
  });

  it('results and errors that are not awaited are not answered', async () => {
    send(juliet, `<iq type='result' id='1' to='${domain}'/>`);
    send(juliet, `<iq type='error' id='2' to='romeo@${domain}/gone'/>`);
    await settle(juliet);
    expect(juliet.pending()).toEqual([]);
  });

  it.each([
    ['the domain', ` to='${domain}'`, 'server/im', ['urn:xmpp:ping', ns.discoInfo, ns.discoItems]],
    ['the own account', '', 'account/registered', ['urn:xmpp:ping', ns.discoInfo, ns.discoItems]],
    ['another account', ` to='romeo@${domain}'`, 'account/registered', [ns.discoInfo, ns.discoItems]],
  ])('discovers %s', async (_, to, identity, features) => {
    send(juliet, `<iq type='get' id='1'${to}><query xmlns='${ns.discoInfo}'/></iq>`);
    const query = elements((await juliet.receive(withId('1'))).element)[0]!;
    const [first, ...rest] = elements(query);
    expect(`${attribute(first!, 'category')}/${attribute(first!, 'type')}`).toBe(identity);
    expect(rest.map((one) => attribute(one, 'var'))).toEqual(features);
  });

  it('answers a session request that RFC 3921 clients send', async () => {
    send(juliet, `<iq type='set' id='1'><session xmlns='${ns.session}'/></iq>`);
    expect(attribute((await juliet.receive(withId('1'))).element, 'type')).toBe('result');
  });
});

describe('the roster', () => {
  const roster = element(ns.client, 'iq', { type: 'get', id: 'r' }, element(ns.roster, 'query'));

  it('lists every other user, subscribed both ways', async () => {
    juliet.send(roster);
    const items = elements(elements((await juliet.receive(withId('r'))).element)[0]!);
    expect(items.map((item) => [attribute(item, 'jid'), attribute(item, 'subscription')])).toEqual([
      [`romeo@${domain}`, 'both'],
    ]);
  });

  it('keeps names and groups, and pushes them to resources that requested the roster', async () => {
    const other = await gatekeeper.logIn('juliet');
    juliet.send(roster);
    await juliet.receive(withId('r'));
    const item = `<item jid='romeo@${domain}' name='My Romeo'><group>Montagues</group></item>`;
    send(other, `<iq type='set' id='s'><query xmlns='${ns.roster}'>${item}</query></iq>`);
    expect(attribute((await other.receive(withId('s'))).element, 'type')).toBe('result');
    const { xml } = await juliet.receive((stanza) => attribute(stanza, 'type') === 'set');
    expect(xml).toContain(`name='My Romeo' subscription='both'><group>Montagues</group>`);
    await settle(other);
    expect(other.pending()).toEqual([]);
  });
});

describe('presence', () => {
  it('reaches users that are available, and later ones learn of it', async () => {
    send(romeo, `<presence><show>away</show></presence>`);
    await romeo.receive(isFrom(romeo));
    send(juliet, `<presence/>`);
    expect((await juliet.receive(isFrom(romeo))).xml).toContain('<show>away</show>');
    await romeo.receive(isFrom(juliet));
  });

  it.each(['close', 'destroy'] as const)('ends when the client does: %s', async (how) => {
    await comeOnline(romeo);
    await comeOnline(juliet);
    void juliet[how]();
    await romeo.receive(isFrom(juliet, 'unavailable'));
  });

  it('ends once, when unavailable presence precedes the end of the stream', async () => {
    await comeOnline(romeo);
    await comeOnline(juliet);
    send(juliet, `<presence type='unavailable'><status>gone</status></presence>`);
    expect((await romeo.receive(isFrom(juliet, 'unavailable'))).xml).toContain('<status>gone</status>');
    await juliet.close();
    await settle(romeo);
    expect(romeo.pending().filter((one) => attribute(one.element, 'type') === 'unavailable')).toEqual([]);
  });

  it('sent to one contact ends there too', async () => {
    send(juliet, `<presence to='${romeo.jid}'/>`);
    await romeo.receive(isFrom(juliet));
    await juliet.close();
    await romeo.receive(isFrom(juliet, 'unavailable'));
  });

  it.each([
    ['subscribe', `romeo@${domain}`, 'subscribed'],
    ['subscribe', `tybalt@${domain}`, 'unsubscribed'],
    ['probe', `romeo@${domain}`, 'unavailable'],
  ])('of type %s to %s is answered with %s', async (type, to, answer) => {
    send(juliet, `<presence type='${type}' to='${to}'/>`);
    const { element: stanza } = await juliet.receive(named('presence'));
    expect([attribute(stanza, 'type'), attribute(stanza, 'from')]).toEqual([answer, to]);
  });

  it('with a priority that is none is a bad request', async () => {
    expect(await bounced(juliet, `<presence><priority>128</priority></presence>`)).toBe('bad-request');
  });
});

describe('the stream', () => {
  it.each([
    ['an unknown nonza', `<a xmlns='urn:x'/>`, 'unsupported-stanza-type'],
    [
      'a stanza above the limit',
      `<message><body>${'x'.repeat(300_000)}</body></message>`,
      'policy-violation',
    ],
  ])('ends on %s', async (_, xml, condition) => {
    juliet.send(parseElement(xml)!);
    await expect(juliet.receive(() => false)).rejects.toThrow(`stream error ${condition}`);
  });

  it('ends for a client that does not read, and no other client suffers', async () => {
    await gatekeeper.close();
    gatekeeper = await startGatekeeper({ limits: { queuedBytesMax: 100_000 } });
    juliet = await gatekeeper.logIn('juliet');
    romeo = await gatekeeper.logIn('romeo');
    const stalled = await openRaw(gatekeeper.endpoints.direct);
    const auth = Buffer.from('\0romeo\0montague').toString('base64');
    stalled.write(streamHeader(domain));
    await stalled.until(/mechanisms>/);
    stalled.write(`<auth xmlns='${ns.sasl}' mechanism='PLAIN'>${auth}</auth>`);
    await stalled.until(/<success/);
    stalled.write(
      `${streamHeader(domain)}<iq type='set' id='b'><bind xmlns='${ns.bind}'><resource>stalled</resource></bind></iq>`,
    );
    await stalled.until(/<jid>/);
    stalled.pause();
    const body = 'x'.repeat(100_000);
    const closed = () =>
      gatekeeper.connections.some((one) => one.event === 'closed' && one.jid?.endsWith('/stalled'));
    for (let sent = 0; sent < 400 && !closed(); sent += 1) {
      send(juliet, `<message to='romeo@${domain}/stalled' type='headline'><body>${body}</body></message>`);
      await settle(juliet);
    }
    expect(closed()).toBe(true);
    send(juliet, `<message to='${romeo.jid}' id='after'/>`);
    await romeo.receive(withId('after'));
  });
});
