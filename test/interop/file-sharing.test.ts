/** Files that real clients upload and share, over the types and sizes of the receiver's profile: slixmpp, taught SFS and
 *  SIMS, and go-sendxmpp as its users run it. Juliet is behind the proxy; romeo and juliet's other device are straight at
 *  the server. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { profileText } from '../capabilities/shipped.ts';
import { logInCapable, type CapableClient } from '../peers/capable.ts';
import { loginTo } from '../peers/client.ts';
import { shareByGoSendxmpp } from '../peers/go-sendxmpp.ts';
import { describeWithPeers } from '../peers/require.ts';
import type { PeerServer } from '../peers/server.ts';
import { servers } from '../peers/servers.ts';
import { logInSharing, type SharedFile, type SharingClient } from '../peers/sharing.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { Random } from '../support/random.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary.ts';

const contentKinds = new URL('../../policies/content-kinds.yaml', import.meta.url).pathname;
const carbons = 'urn:xmpp:carbons:2';
const mam = 'urn:xmpp:mam:2';

/** What the profile says of each file: taken, or refused as what and why. */
const files = {
  'small.png': { bytes: 10_000, refused: undefined },
  'large.png': { bytes: 100_000, refused: { kind: 'image', reason: 'size', condition: 'not-acceptable' } },
  'photo.jpg': { bytes: 10_000, refused: { kind: 'image', reason: 'type', condition: 'not-acceptable' } },
  'letter.pdf': {
    bytes: 10_000,
    refused: { kind: 'file', reason: 'kind', condition: 'feature-not-implemented' },
  },
} as const;
type FileName = keyof typeof files;
const names = Object.keys(files) as FileName[];
const pictures = 'receives: { text: true, image: { types: [image/png], max-bytes: 64KiB } }';

let folder: TemporaryFolder;
const pathOf = (name: FileName): string => join(folder.path, name);
const contents = new Map<FileName, Buffer>();

beforeAll(async () => {
  folder = await temporaryFolder();
  const random = new Random(1);
  for (const name of names) {
    const content = Buffer.from(Array.from({ length: files[name].bytes }, () => random.below(256)));
    contents.set(name, content);
    await writeFile(pathOf(name), content);
  }
});
afterAll(() => folder[Symbol.asyncDispose]());

for (const kind of servers) {
  describeWithPeers([...kind.needs, 'slixmpp', 'go-sendxmpp'], `files shared over ${kind.name}`, () => {
    let server: PeerServer;
    let romeo: SharingClient;
    /** Juliet's other device, which is connected without the proxy. */
    let control: CapableClient;
    const open: { close(): Promise<void> }[] = [];

    beforeAll(async () => {
      server = await kind.start({ uploads: true, plain: true });
      romeo = await logInSharing(loginTo(server, 'romeo', 'direct'));
      control = await logInCapable(loginTo(server, 'juliet', 'direct'));
      await archiveEverything(control);
    });
    afterAll(async () => {
      for (const each of open.toReversed()) await each.close();
      await control?.close();
      await romeo?.close();
      await server?.close();
    });

    /** Juliet behind a proxy with this profile, and what the filter has done there. */
    async function behind(...lines: string[]): Promise<{ juliet: CapableClient; filtered: string[] }> {
      const filtered: string[] = [];
      const profile = await folder.write(`${open.length}.yaml`, profileText(...lines));
      const proxy: TestProxy = await startTestProxy({
        domain: server.domain,
        gatekeeper: { port: server.ports.direct, tls: 'direct' },
        certificate: server.certificates.chain,
        key: server.certificates.key,
        ca: server.certificates.authority,
        capabilities: { contentKinds, profiles: [profile] },
        capabilitiesObserver: { filtered: (action, what) => filtered.push(`${action} ${what}`) },
      });
      open.push(proxy);
      const juliet = await logInCapable({ ...loginTo(server, 'juliet', 'direct'), port: proxy.direct });
      open.push(juliet);
      return { juliet, filtered };
    }

    let pings = 0;
    /** What romeo has sent before has arrived, or will never. */
    async function settled(to: CapableClient): Promise<void> {
      const id = `end-${(pings += 1)}`;
      romeo.send(`<iq type='get' id='${id}' to='${to.jid}'><ping xmlns='urn:xmpp:ping'/></iq>`);
      await romeo.until((xml) => xml.includes(`id="${id}"`));
    }

    async function shareAll(to: CapableClient): Promise<Map<FileName, SharedFile>> {
      const shared = new Map<FileName, SharedFile>();
      for (const name of names) shared.set(name, await romeo.share(to.jid, pathOf(name)));
      await settled(to);
      return shared;
    }

    const messageAt = (client: CapableClient, { id }: SharedFile): string | undefined =>
      client.stanzas.find((xml) => xml.startsWith('<message') && xml.includes(`id="${id}"`));

    it.each(['bounce', 'drop', 'fallback'] as const)(
      'slixmpp: a file that fits arrives unchanged; a type, size or kind that does not: %s',
      async (mode) => {
        const { juliet, filtered } = await behind(pictures, `on-unsupported-content: ${mode}`);
        const shared = await shareAll(juliet);
        for (const name of names) {
          const file = shared.get(name)!;
          const { refused } = files[name];
          const arrived = messageAt(juliet, file);
          const error = romeo.stanzas.find((xml) => xml.includes(`id="${file.id}"`));
          if (refused === undefined) {
            for (const told of ['jabber:x:oob', 'urn:xmpp:sfs:0', 'urn:xmpp:sims:1', 'image/png', file.url])
              expect(arrived).toContain(told);
            const digest = createHash('sha256').update(contents.get(name)!).digest('base64');
            expect(arrived).toContain(digest);
            const fetched = await download(file.url, server.certificates.authority);
            expect(createHash('sha256').update(fetched).digest('base64')).toBe(digest);
            expect(error).toBeUndefined();
          } else if (mode === 'bounce') {
            expect(arrived, name).toBeUndefined();
            expect(error, name).toMatch(new RegExp(`<${refused.condition} xmlns=`));
            // Prosody writes attributes in no particular order.
            const [told] = /<unsupported [^>]*>/.exec(error!)!;
            expect(told, name).toContain(`kind="${refused.kind}"`);
            expect(told, name).toContain(`reason="${refused.reason}"`);
          } else {
            expect(error, name).toBeUndefined();
            if (mode === 'drop') expect(arrived, name).toBeUndefined();
            else {
              expect(arrived, name).toContain(`<body>[${refused.kind}]</body>`);
              expect(arrived, name).not.toMatch(/https:|sfs|sims|oob/);
            }
          }
        }
        expect(filtered).toEqual([`${mode} image`, `${mode} image`, `${mode} file`]);
      },
    );

    it('slixmpp: copies and archive have the files that the device can receive, and none is missing', async () => {
      const { juliet, filtered } = await behind(pictures, 'on-unsupported-content: bounce');
      juliet.send(`<iq type='set' id='enable'><enable xmlns='${carbons}'/></iq>`);
      await juliet.until((xml) => xml.includes('id="enable"'));
      const shared = await shareAll(control);
      await settled(juliet);
      expect(names.map((name) => messageAt(control, shared.get(name)!)?.includes('urn:xmpp:sfs:0'))).toEqual(
        names.map(() => true),
      );
      const results = await archived(juliet, 'behind');
      expect(results).toHaveLength((await archived(control, 'straight')).length);
      for (const name of names) {
        const { id, url } = shared.get(name)!;
        const { refused } = files[name];
        const copy = juliet.stanzas.find((xml) => xml.includes(carbons) && xml.includes(`id="${id}"`));
        const result = results.find((xml) => xml.includes(`id="${id}"`));
        for (const seen of [copy, result]) {
          expect(seen, name).toBeDefined();
          expect(seen!.includes(url), name).toBe(refused === undefined);
          if (refused !== undefined) expect(seen, name).toContain(`[${refused.kind}]</`);
        }
        // No error says that it did not arrive: it did.
        expect(
          romeo.stanzas.find((xml) => xml.includes(`id="${id}"`)),
          name,
        ).toBeUndefined();
      }
      expect(new Set(filtered)).toEqual(new Set(['fallback image', 'fallback file']));
    });

    describe('go-sendxmpp, which sends an address and nothing else', () => {
      const login = () => loginTo(server, 'romeo', 'direct');
      const addressIn = (xml: string): boolean => xml.includes('jabber:x:oob') && xml.includes('letter.pdf');

      it('passes where files of some type are received: an unknown type is not refused', async () => {
        const { juliet, filtered } = await behind(pictures);
        await shareByGoSendxmpp(login(), juliet.jid, pathOf('letter.pdf'));
        expect(await juliet.until(addressIn)).toContain('<url>https://');
        expect(filtered).toEqual([]);
      });

      it.each(['bounce', 'drop', 'fallback'] as const)('is not where none is: %s', async (mode) => {
        const { juliet, filtered } = await behind(
          'receives: { text: true }',
          `on-unsupported-content: ${mode}`,
        );
        await shareByGoSendxmpp(login(), juliet.jid, pathOf('letter.pdf'));
        await expect.poll(() => filtered).toHaveLength(1);
        expect(filtered[0]).toMatch(new RegExp(`^${mode} `));
        await settled(juliet);
        expect(juliet.stanzas.filter(addressIn)).toEqual([]);
        const notices = juliet.stanzas.filter((xml) => /<body>\[[a-z]+\]<\/body>/.test(xml));
        expect(notices).toHaveLength(mode === 'fallback' ? 1 : 0);
      });
    });
  });
}

/** XEP-0441: from now on every message of the account is kept. */
async function archiveEverything(client: CapableClient): Promise<void> {
  client.send(`<iq type='set' id='prefs'><prefs xmlns='${mam}' default='always'/></iq>`);
  await client.until((xml) => xml.includes('id="prefs"'));
}

/** Everything in the archive: the results of one query (XEP-0313 §4). */
async function archived(client: CapableClient, id: string): Promise<string[]> {
  client.send(`<iq type='set' id='${id}'><query xmlns='${mam}' queryid='${id}'/></iq>`);
  await client.until((xml) => xml.startsWith('<iq') && xml.includes(`id="${id}"`));
  return client.stanzas.filter((xml) => xml.includes(`queryid="${id}"`));
}

async function download(url: string, ca: string): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  request(url, { ca }, (response) => {
    void buffer(response).then(resolve, reject);
  })
    .on('error', reject)
    .end();
  return promise;
}
