/** Capability profiles and limits that one gatekeeper has of its own, and another does not. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { profileText } from '../capabilities/shipped.ts';
import { startTwoGatekeepers, type GatekeeperName, type TwoGatekeepers } from '../support/two-gatekeepers.ts';
import { eventually } from '../support/wait.ts';

const contentKinds = new URL('../../policies/content-kinds.yaml', import.meta.url).pathname;
let scene: TwoGatekeepers;

beforeAll(async () => {
  scene = await startTwoGatekeepers({
    files: { 'narrow.yaml': profileText('receives: { text: true }') },
    sections: (file) => ({
      other: {
        capabilities: { contentKinds, profiles: [file('narrow.yaml')], holdMs: 100 },
        limits: { stanzaBytesMax: 20_000 },
      },
    }),
  });
});
afterAll(() => scene[Symbol.asyncDispose]());

const caps = "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://app.example' ver='v'/>";

/** What arrives at a gatekeeper of a presence with the client's own capabilities. */
async function advertised(at: GatekeeperName): Promise<string> {
  const client = await scene.logIn(at);
  client.socket.write(`<presence id='${at}'>${caps}</presence>`);
  // What the capability stage writes anew has no id.
  const [, content] = await eventually(
    () => /<presence[^>]*>(.*?)<\/presence>/.exec(scene.received[at]) ?? undefined,
  );
  return content!;
}

describe('a gatekeeper of its own', () => {
  it('sees its profile, and another the capabilities of the client', async () => {
    expect(await advertised('test')).toContain("node='https://app.example'");
    expect(await advertised('other')).toContain("node='https://caps.example/test'");
  });

  it('has its limit of a stanza, and another that of the top level', async () => {
    const stanza = `<message id='long'><body>${'x'.repeat(25_000)}</body></message>`;
    const [one, refused] = [await scene.logIn('test'), await scene.logIn('other')];
    one.socket.write(stanza);
    refused.socket.write(stanza);
    await refused.until('<policy-violation');
    await eventually(() => /<message id='long'>.*<\/message>/.test(scene.received.test));
    expect(scene.received.other).not.toContain('long');
    expect(one.socket.destroyed).toBe(false);
  });
});
