/** Real servers ask for, verify and cache what the proxy advertises; real clients verify it and send what the filter
 *  keeps out. Juliet is behind the proxy, romeo and juliet's other device are straight at the server. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { samples } from '../capabilities/samples.ts';
import { profileText, table } from '../capabilities/shipped.ts';
import { logInCapable, type CapableClient } from '../peers/capable.ts';
import { loginTo } from '../peers/client.ts';
import { describeWithPeers } from '../peers/require.ts';
import type { PeerServer } from '../peers/server.ts';
import { servers } from '../peers/servers.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';

const devices = 'eu.siacs.conversations.axolotl.devicelist';
const devices2 = 'urn:xmpp:omemo:2:devices';
const mood = 'http://jabber.org/protocol/mood';
/** What juliet's client says of itself. */
const declares = [
  `${devices}+notify`,
  `${devices2}+notify`,
  `${mood}+notify`,
  'urn:xmpp:reactions:0',
  'urn:xmpp:poll:leak',
];
const signals = [...table.kinds.values()].filter(({ signal }) => signal).map(({ name }) => name);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'narthex-profiles-'));
});
afterAll(() => rm(folder, { recursive: true }));

const contentKinds = new URL('../../policies/content-kinds.yaml', import.meta.url).pathname;

/** Both see each other's presence (RFC 6121 §3.1): slixmpp grants what it is asked for, and asks back. */
async function befriend(juliet: CapableClient, romeo: CapableClient): Promise<void> {
  juliet.send(`<presence to='${romeo.jid.split('/')[0]}' type='subscribe'/>`);
  for (const [one, other] of [
    [juliet, romeo],
    [romeo, juliet],
  ] as const)
    await one.until((xml) => xml.startsWith('<presence') && xml.includes(`from="${other.jid}"`));
}

const isPresenceOf =
  ({ jid }: CapableClient) =>
  (xml: string): boolean =>
    xml.startsWith('<presence') && xml.includes(`from="${jid}"`) && xml.includes(' ver="');
const verOf = (xml: string): string => / ver="([^"]*)"/.exec(xml)![1]!;

for (const kind of servers) {
  describeWithPeers([...kind.needs, 'slixmpp'], `capabilities with ${kind.name}`, () => {
    let server: PeerServer;
    let romeo: CapableClient;
    /** Juliet's other device, which is connected without the proxy. */
    let control: CapableClient;
    const open: { close(): Promise<void> }[] = [];
    let answered = 0;

    beforeAll(async () => {
      server = await kind.start();
      romeo = await logInCapable(loginTo(server, 'romeo', 'direct'));
      control = await logInCapable(loginTo(server, 'juliet', 'direct'), declares);
      await befriend(control, romeo);
    });
    afterAll(async () => {
      for (const each of open.toReversed()) await each.close();
      await control?.close();
      await romeo?.close();
      await server?.close();
    });

    const proxyWith = async (name: string, ...lines: string[]): Promise<TestProxy> =>
      proxyUnder('passthrough', name, ...lines);
    const proxyUnder = async (policy: string, name: string, ...lines: string[]): Promise<TestProxy> => {
      const file = join(folder, `${name}.yaml`);
      await writeFile(file, profileText(...lines));
      const proxy = await startTestProxy({
        domain: server.domain,
        gatekeeper: { port: server.ports.direct, tls: 'direct' },
        certificate: server.certificates.chain,
        key: server.certificates.key,
        ca: server.certificates.authority,
        policy,
        capabilities: { contentKinds, profiles: [file] },
        capabilitiesObserver: { answered: () => (answered += 1) },
      });
      open.push(proxy);
      return proxy;
    };
    const throughProxy = async (proxy: TestProxy, features = declares): Promise<CapableClient> => {
      const login = { ...loginTo(server, 'juliet', 'direct'), port: proxy.direct };
      const client = await logInCapable(login, features);
      open.push(client);
      return client;
    };

    const publish = (client: CapableClient, node: string, item: string, id: string): void =>
      client.send(
        `<iq type='set' id='${id}'><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='${node}'>` +
          `<item id='current'>${item}</item></publish></pubsub></iq>`,
      );
    const list = (id: number): string =>
      `<list xmlns='eu.siacs.conversations.axolotl'><device id='${id}'/></list>`;
    const happy = (text: string): string => `<mood xmlns='${mood}'><happy/><text>${text}</text></mood>`;

    let round = 0;
    const mentions = (text: string) => (xml: string) => xml.includes('<message') && xml.includes(text);
    /** Romeo publishes what juliet must not get, then what she must. Again, until she gets that: a server notifies
     *  whom it knows to be interested, and it may still be asking. @returns the round that arrived */
    const publishUntilSeen = async (juliet: CapableClient): Promise<number> => {
      for (let attempt = 0; attempt < 20; attempt += 1) {
        round += 1;
        publish(romeo, mood, happy(`round ${round}.`), `m${round}`);
        publish(romeo, devices, list(31_000 + round), `d${round}`);
        const seen = juliet.until(mentions(`"${31_000 + round}"`), 500);
        if (await seen.then(Boolean, () => false)) return round;
      }
      throw new Error('no device list arrived');
    };
    /** @returns whether a mood has come, by the time at which a later device list has. A server that learns of an interest
     *  between a mood and a device list sends that list alone, so one mood is not enough. */
    const getsMood = async (juliet: CapableClient): Promise<boolean> => {
      for (let list = 0; list < 3; list += 1) await publishUntilSeen(juliet);
      return juliet.stanzas.some(mentions('round '));
    };

    it.each([
      ['a cohort', 'cohort: true'],
      ['a profile of what clients declare', 'cohort: false'],
    ])('%s: device lists arrive, other notifications do not', async (_, cohort) => {
      const proxy = await proxyWith(`pep-${cohort.slice(8)}`, cohort, 'interests: keep-e2ee');
      const before = answered;
      const juliet = await throughProxy(proxy);
      await expect.poll(() => answered - before).toBeGreaterThan(0);
      expect(await getsMood(juliet)).toBe(false);
      // Both generations of OMEMO (XEP-0384).
      const next = `<devices xmlns='urn:xmpp:omemo:2'><device id='${77_000 + round}'/></devices>`;
      publish(romeo, devices2, next, `n${round}`);
      await juliet.until(mentions(`"${77_000 + round}"`));
      // Straight at the server the same client gets both: the difference is the proxy's doing.
      await control.until(mentions(`round ${round}.`));
      await juliet.close();
    });

    it('all interests, where the profile says so', async () => {
      const proxy = await proxyWith('pep-all', 'cohort: false', 'interests: all');
      const juliet = await throughProxy(proxy);
      expect(await getsMood(juliet)).toBe(true);
      await juliet.close();
    });

    it('does not ask again for capabilities that the server has verified', async () => {
      const proxy = await proxyWith('cached', 'name: cached', 'features: [urn:example:cached]');
      const start = answered;
      const first = await throughProxy(proxy);
      await getsMood(first);
      // Both contacts ask once and remember too; what is counted from here on is a question that is not needed.
      const ver = verOf(await control.until(isPresenceOf(first)));
      for (const contact of [romeo, control]) await expect.poll(() => contact.verified).toContain(ver);
      await first.close();
      const asked = answered - start;
      const second = await throughProxy(proxy, ['urn:example:another-client']);
      await getsMood(second);
      expect(verOf(await control.until(isPresenceOf(second)))).toBe(ver);
      console.log(
        `${kind.name}: ${asked} questions for the first client of a cohort, ${answered - start - asked} for the second`,
      );
      expect(asked).toBeGreaterThan(0);
      expect(answered - start - asked).toBe(0);
      await second.close();
    });

    it.each([
      ['passthrough', 'cohort: false'],
      ['balanced', 'cohort: false'],
      ['strict', 'cohort: false'],
      ['strict', 'cohort: true'],
    ])(
      "a contact's library verifies the rewritten hash against the rewritten answer, %s, %s",
      async (policy, cohort) => {
        const receives = 'receives: { text: true, reaction: true }';
        // Another hash for each: a library verifies what it has not seen.
        const name = `verify-${policy}-${cohort.slice(8)}`;
        const feature = `urn:example:${name}`;
        const proxy = await proxyUnder(policy, name, cohort, receives, `features: ['${feature}']`);
        const before = romeo.verified.length;
        const juliet = await throughProxy(proxy, [...declares, feature]);
        juliet.send(`<presence to='${romeo.jid}'/>`);
        const presence = await romeo.until(
          (xml) => xml.includes('caps.example/test') && xml.includes(juliet.jid),
        );
        const ver = verOf(presence);
        await expect.poll(() => romeo.verified.slice(before)).toContain(ver);
        expect(romeo.rejected).toEqual([]);
        romeo.send(
          `<iq type='get' id='${name}' to='${juliet.jid}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`,
        );
        const info = await romeo.until((xml) => xml.includes(`id="${name}"`));
        expect(info).toContain('urn:xmpp:reactions:0');
        expect(info).not.toMatch(/leak|slixmpp|mood/i);
        // And the other way: what romeo advertises is cut down, and verifies behind the proxy.
        romeo.send(`<presence to='${juliet.jid}'/>`);
        await expect.poll(() => juliet.verified.length).toBeGreaterThan(0);
        expect(juliet.rejected).toEqual([]);
        await juliet.close();
      },
    );

    describe.each(['bounce', 'drop', 'fallback'])('content of each kind, %s', (mode) => {
      let juliet: CapableClient;
      const others = (missing: string): string =>
        [...table.kinds.keys()].filter((name) => name !== missing && name !== 'file').join(': true, ');
      beforeAll(async () => {
        const proxy = await proxyWith(
          `filter-${mode}`,
          `receives: { ${others('')}: false }`.replaceAll(': true', ': false'),
          `on-unsupported-content: ${mode}`,
        );
        juliet = await throughProxy(proxy, []);
      });
      afterAll(() => juliet?.close());

      it('does not reach a client that receives none', async () => {
        const sent = Object.entries(samples);
        for (const [name, content] of sent)
          romeo.send(`<message type='chat' to='${juliet.jid}' id='${mode}-${name}'>${content}</message>`);
        romeo.send(`<iq type='get' id='${mode}-end' to='${juliet.jid}'><ping xmlns='urn:xmpp:ping'/></iq>`);
        await romeo.until((xml) => xml.includes(`id="${mode}-end"`));
        const errorFor = (name: string): string | undefined =>
          romeo.stanzas.find((xml) => xml.includes(`id="${mode}-${name}"`) && xml.includes('type="error"'));
        const reached = (name: string): string | undefined =>
          juliet.stanzas.find((xml) => xml.includes(`id="${mode}-${name}"`));
        for (const [name] of sent) {
          if (mode === 'bounce' && !signals.includes(name)) {
            expect(errorFor(name), name).toContain(`kind="${name === 'sticker' ? 'sticker' : name}"`);
            expect(reached(name), name).toBeUndefined();
          } else {
            expect(errorFor(name), name).toBeUndefined();
            // Nothing, or a notice in words.
            const left = reached(name);
            if (mode === 'drop') expect(left, name).toBeUndefined();
            if (left !== undefined) expect(left, name).toMatch(/<body>\[[a-z, -]+\]<\/body>/);
          }
        }
        const bounced = sent.filter(([name]) => errorFor(name) !== undefined).length;
        const replaced = sent.filter(([name]) => reached(name) !== undefined).length;
        console.log(
          `${kind.name}, ${mode}: ${sent.length} kinds sent, ${bounced} bounced, ${replaced} replaced by a notice, ` +
            `${sent.length - bounced - replaced} dropped`,
        );
      });
    });
  });
}
