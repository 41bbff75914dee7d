/** The policy changes while a connection is gone: what was hidden before still has its name, nothing is said again that
 *  the policy in force would not let through, and both ends have counted the same. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createDevelopmentAuthority } from '../../src/simulator/certificates.ts';
import { Party, sm, type Managed, type PartyOptions } from '../support/party.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { Random } from '../support/random.ts';
import { logInRaw } from '../support/raw-client.ts';
import { startRawGatekeeper, type RawGatekeeper } from '../support/raw-gatekeeper.ts';
import { eventually } from '../support/wait.ts';

const authority = createDevelopmentAuthority();
const pair = authority.issue(['localhost', '127.0.0.1']);
const policyOf = (extended: string, rules = '{}'): string => `apiVersion: narthex/v1
kind: MetadataPolicy
metadata: { name: ours, owner: security@third.example }
spec:
  extends: ${extended}
  unlisted: drop
  audiences: { gatekeeper: ${rules} }
`;
const byConversation =
  '{ bind.resource: { pseudonymise: { scope: gatekeeper } }, id.iq: { pseudonymise: { scope: account, rotate: 1d } } }';
const policies = {
  passthrough: policyOf('passthrough'),
  balanced: policyOf('balanced'),
  strict: policyOf('strict'),
  'other scopes': policyOf('balanced', byConversation),
} as const; // prettier-ignore

let folder: string;
let file: string;
let gatekeeper: RawGatekeeper;
let proxy: TestProxy;
let accepted: (party: Party) => void;
/** The gatekeeper's side of the stream, whatever the connection. */
let theirs: Managed;
/** How much of what it has received it owns up to when the stream is resumed. */
let forgotten: number;

const managed = (): Managed => ({ sent: [], received: 0, told: 0 });
const random = new Random(1);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'narthex-resumed-'));
  file = join(folder, 'policy.yaml');
  gatekeeper = await startRawGatekeeper(pair.certificate, pair.key, (socket) => {
    const onNonza: PartyOptions['onNonza'] = (local, attributes) => {
      if (local === 'enable') {
        theirs.received = 0;
        return `<enabled xmlns='${sm}' id='s1' resume='true'/>`;
      }
      if (local !== 'resume') return undefined;
      theirs.received -= forgotten;
      return `<resumed xmlns='${sm}' previd='s1' h='${theirs.received}'/>${again(theirs, attributes)}`;
    };
    accepted(new Party(socket, { stream: theirs, random, onNonza }));
  });
});
afterAll(async () => {
  gatekeeper.close();
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  theirs = managed();
  forgotten = 0;
});
afterEach(() => proxy.close());

function again(stream: Managed, { h }: Readonly<Record<string, string>>): string {
  stream.told = Number(h);
  return stream.sent.slice(stream.told).join('');
}

async function start(policy: keyof typeof policies): Promise<void> {
  await writeFile(file, policies[policy]);
  proxy = await startTestProxy({
    domain: 'localhost',
    gatekeeper: { port: gatekeeper.port, tls: 'direct' },
    certificate: pair.certificate,
    key: pair.key,
    ca: authority.certificate,
    policy: file,
  });
}

async function change(text: string): Promise<void> {
  const before = proxy.policy.length;
  await writeFile(file, text);
  await eventually(() => proxy.policy.length > before);
}

interface Ends {
  readonly client: Party;
  readonly gatekeeper: Party;
  cut(): Promise<void>;
}

async function connect(stream: Managed): Promise<Ends> {
  const { promise, resolve } = Promise.withResolvers<Party>();
  accepted = resolve;
  const raw = await logInRaw(proxy.direct, authority.certificate);
  const onNonza: PartyOptions['onNonza'] = (local, attributes) => {
    if (local === 'enabled') stream.received = 0;
    return local === 'resumed' ? again(stream, attributes) : undefined;
  };
  const client = new Party(raw.socket, { stream, random, onNonza }, raw.received());
  const other = await promise;
  const cut = async (): Promise<void> => {
    raw.tcp.resetAndDestroy();
    await Promise.all([client.closed, other.closed]);
  };
  return { client, gatekeeper: other, cut };
}

const heard = async (party: Party, text: string | RegExp): Promise<RegExpExecArray> => {
  const pattern =
    typeof text === 'string' ? new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')) : text;
  await eventually(() => pattern.test(party.heard)).catch(() => {
    throw new Error(`${String(pattern)} did not come: ${party.heard}`);
  });
  return pattern.exec(party.heard)!;
};

/** Binds a resource and begins to count.
 *  @returns both ends, what the gatekeeper knows the resource as, and what the client does */
async function begin(stream: Managed): Promise<Ends & { readonly resource: string; readonly own: string }> {
  const ends = await connect(stream);
  ends.client.write(
    "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>laptop</resource></bind></iq>",
  );
  // Where no resource is asked for, the gatekeeper assigns one.
  const [, asked] = await heard(
    ends.gatekeeper,
    /<bind [^>]*(?:\/>|><resource>([^<]+)<\/resource>|><\/bind>)/,
  );
  const resource = asked ?? 'assigned-1';
  const own = asked === undefined ? resource : 'laptop';
  const [, id] = await heard(ends.gatekeeper, /<iq[^>]* id='([^']+)'[^>]*><bind/);
  ends.gatekeeper.write(
    `<iq type='result' id='${id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>a@localhost/${resource}</jid></bind></iq>`,
  );
  await heard(ends.client, `<jid>a@localhost/${own}</jid>`);
  ends.client.write(`<enable xmlns='${sm}' resume='true'/>`);
  await heard(ends.client, '<enabled');
  stream.sent.length = 0;
  return { ...ends, resource, own };
}

async function resume(stream: Managed): Promise<Ends> {
  const ends = await connect(stream);
  ends.client.write(`<resume xmlns='${sm}' previd='s1' h='${stream.received}'/>`);
  await heard(ends.client, '<resumed');
  return ends;
}

/** Both know of all that the other has sent. */
async function settle({ client, gatekeeper: other }: Ends): Promise<void> {
  await eventually(() => {
    for (const end of [client, other]) end.write(`<r xmlns='${sm}'/>`);
    return [client, other].every(({ stream }) => stream.told === stream.sent.length);
  }, 10_000);
}

const ping = (id: string): string =>
  `<iq type='get' id='${id}' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>`;

const names = Object.keys(policies) as (keyof typeof policies)[];
const changes = names.flatMap((before) => names.filter((after) => after !== before).map((after) => [before, after] as const)); // prettier-ignore

describe.each(changes)('a stream of %s, resumed under %s', (before, after) => {
  it('keeps its pseudonyms, and is counted', async () => {
    await start(before);
    const stream = managed();
    const first = await begin(stream);
    const { resource, own } = first;
    expect(resource === 'laptop').toBe(before === 'passthrough');
    expect(own === 'laptop').toBe(before !== 'strict');
    first.client.say(ping('ping-1'));
    const [, asked] = await heard(first.gatekeeper, /<iq[^>]* id='([^']+)'[^>]*><ping/);
    first.gatekeeper.say(`<message from='b@x.example' to='a@localhost/${resource}' id='m1'><body>1</body></message>`);
    await heard(first.client, `to='a@localhost/${own}' id='m1'`);
    await first.cut();
    await change(policies[after]);

    const second = await resume(stream);
    second.gatekeeper.say(`<iq type='result' id='${asked}' to='a@localhost/${resource}'/>`);
    await heard(second.client, `<iq type='result' id='ping-1' to='a@localhost/${own}'/>`);
    second.client.say(`<message from='a@localhost/${own}' to='b@x.example' id='m2'><body>2</body></message>`);
    await heard(second.gatekeeper, `<message from='a@localhost/${resource}'`);
    if (before !== 'passthrough') expect(second.gatekeeper.heard).not.toContain('laptop');
    await settle(second);
  }); // prettier-ignore
});

describe('repeated stanzas', () => {
  const presence = '<presence><show>away</show><status>at home</status></presence>';
  const receipt = "<message to='b@x.example' id='r1'><received xmlns='urn:xmpp:receipts' id='m'/></message>";

  it('are decided by the policy in force, and a delay of an earlier one has ended', async () => {
    await start('balanced');
    const stream = managed();
    const first = await begin(stream);
    first.client.say(presence);
    await heard(first.gatekeeper, '<show>away</show>');
    first.gatekeeper.say("<message from='b@x.example' to='a@localhost' id='m'><body>hi</body></message>");
    await heard(first.client, "id='m'");
    first.client.say(receipt);
    await first.client.written();
    await first.cut();
    forgotten = 1;
    await change(policies.strict);
    const second = await resume(stream);
    await heard(second.gatekeeper, '<presence/>');
    await settle(second);
    // Longer than a receipt would have waited under balanced.
    await new Promise((resolve) => setTimeout(resolve, 5_500));
    expect(second.gatekeeper.heard).not.toMatch(/away|at home|<received/);
  });

  it('is still judged by the former one when the new file is broken', async () => {
    await start('strict');
    const stream = managed();
    const first = await begin(stream);
    first.client.say(presence);
    await heard(first.gatekeeper, '<presence');
    await first.cut();
    forgotten = 1;
    await change('apiVersion: narthex/v1\nkind: MetadataPolicy\nspec: {');
    expect(proxy.policy.at(-1)).toMatch(/^rejected/);
    const second = await resume(stream);
    await heard(second.gatekeeper, '<presence');
    await settle(second);
    expect(second.gatekeeper.heard).not.toMatch(/away|at home/);
  });
});
