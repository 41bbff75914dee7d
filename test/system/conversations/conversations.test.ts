/** Generated conversations over real sockets, through a proxy as it is composed: two sides that say what they like in
 *  pieces of any size, break off, come back, or break the stream. Whatever they do, it ends in a defined way, for
 *  them only, and nothing is left of it. */
import { afterEach, expect, it } from 'vitest';
import { createDevelopmentAuthority } from '../../../src/simulator/certificates.ts';
import { connectClient, type Client } from '../../../src/simulator/client.ts';
import { createGatekeeper, type Gatekeeper } from '../../../src/simulator/gatekeeper.ts';
import { attribute, element } from '../../../src/simulator/xml/element.ts';
import { ns } from '../../../src/stanza/namespaces.ts';
import { hostileCases } from '../../stream/hostile/cases.ts';
import { toBytes } from '../../stream/hostile/case.ts';
import { generatedStanza } from '../../support/generated-stanzas.ts';
import { patientTimeouts } from '../../support/patience.ts';
import { Random } from '../../support/random.ts';
import { logInRaw, streamHeader } from '../../support/raw-client.ts';
import { startRawGatekeeper, type RawGatekeeper } from '../../support/raw-gatekeeper.ts';
import { scan } from '../../support/scan.ts';
import { serveProcess, type ServeProcess } from '../../support/serve-process.ts';
import { eventually } from '../../support/wait.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { Party, sm, type Managed, type PartyOptions } from '../../support/party.ts';

/** More of them: `NARTHEX_CONVERSATIONS=50000`. */
const conversations = Number(process.env['NARTHEX_CONVERSATIONS'] ?? 60);
/** At once. */
const atOnce = 4;

const authority = createDevelopmentAuthority();
const pair = authority.issue(['localhost', '127.0.0.1', 'scripted.example']);
const users = ['juliet', 'romeo', 'mercutio'].map((username) => ({ username, password: 'x' }));
const shipped = (path: string): string => new URL(`../../../policies/${path}`, import.meta.url).pathname;

/** What breaks a stream at once, wherever it stands between or inside stanzas. */
const breaking = hostileCases
  .filter(([, where]) => where !== 'stream')
  .map(
    ([, where, text]) =>
      `${where === 'top' ? text : `<message>${text}</message>`}<presence/></stream:stream>`,
  )
  .map(toBytes)
  .filter((bytes) => {
    const stream = Buffer.concat([Buffer.from(streamHeader()), bytes]);
    const { verdict, offset } = scan([stream]);
    return verdict === 'reject' && offset < stream.length;
  });

const policyOf = (extended: string, audiences: string): string =>
  `apiVersion: narthex/v1\nkind: MetadataPolicy\nmetadata: { name: ours, owner: security@third.example }\n` +
  `spec: { extends: ${extended}, unlisted: drop, audiences: ${audiences} }\n`;
/** Nothing waits for seconds. */
const receiptsSoon =
  'receipt.delivered: { delay: { up-to: 60ms } }, receipt.read: { delay: { up-to: 30ms } }';
const delays = `{ ${receiptsSoon}, chat-state: { delay: { up-to: 20ms } } }`;
const answersAtOnce = '{ answer.ping: keep, answer.disco-info: keep, answer.jingle: keep, answer.ringing: keep, answer.iq: keep, answer.error: keep, answer.acknowledgement: keep }'; // prettier-ignore
const strict = policyOf('strict', `{ gatekeeper: ${answersAtOnce} }`);
const balanced = policyOf('balanced', `{ gatekeeper: ${delays}, client: ${delays} }`);
const others = `{ ${receiptsSoon}, id.iq: { pseudonymise: { scope: account, rotate: 1d } }, chat-state: keep }`;
/** The policies that take turns. */
const policies = {
  strict: [strict],
  'balanced, with delays': [balanced],
  'policies that change all the time': [balanced, strict, policyOf('passthrough', '{}'), 'broken: [', policyOf('balanced', `{ gatekeeper: ${others} }`)], // prettier-ignore
};
/** Between two changes: more than a change takes to be noticed. */
const changeMs = 400;

let simulator: Gatekeeper;
let simulatorPort: number;
let scripted: RawGatekeeper;
let proxy: ServeProcess;
let streamsManaged = 0;
/** The scripted gatekeeper hands each connection to the client that connects. */
let handOver: (party: Party) => void = () => {};
let gatekeepersStream: () => { stream: Managed; random: Random };

async function start(policy: string): Promise<void> {
  simulator = createGatekeeper({
    domain: 'localhost',
    users,
    certificate: pair,
    listeners: [{ tls: 'direct', host: '127.0.0.1', port: 0 }],
    mechanisms: ['SCRAM-SHA-256', 'PLAIN'],
  });
  simulatorPort = (await simulator.start())[0]!.port;
  scripted = await startRawGatekeeper(pair.certificate, pair.key, (socket) => {
    const { stream, random } = gatekeepersStream();
    const onNonza: PartyOptions['onNonza'] = (local, attributes) => {
      if (local === 'enable') {
        stream.received = 0;
        return `<enabled xmlns='${sm}' id='sm-${(streamsManaged += 1)}' resume='true'/>`;
      }
      if (local !== 'resume') return undefined;
      const answer = `<resumed xmlns='${sm}' previd='${attributes['previd']}' h='${stream.received}'/>`;
      return answer + again(stream, attributes);
    };
    handOver(new Party(socket, { stream, random, onNonza }));
  });
  proxy = await serveProcess({
    // What is kept for good would end the process.
    node: ['--max-old-space-size=192', '--max-semi-space-size=8'],
    files: { 'a.crt': pair.certificate, 'a.key': pair.key, 'ca.crt': authority.certificate },
    config: {
      certificates: [{ certFile: 'a.crt', keyFile: 'a.key' }],
      domains: [
        { domain: 'localhost', gatekeeper: 'simulator' },
        { domain: 'scripted.example', gatekeeper: 'scripted' },
      ],
      gatekeepers: [
        { name: 'simulator', connect: { address: `127.0.0.1:${simulatorPort}`, tls: 'direct' }, caFile: 'ca.crt' },
        { name: 'scripted', connect: { address: `127.0.0.1:${scripted.port}`, tls: 'direct' }, caFile: 'ca.crt' },
      ],
      policy: { file: policy },
      capabilities: {
        contentKinds: shipped('content-kinds.yaml'),
        profiles: ['desktop', 'phone', 'text-only'].map((name) => shipped(`capabilities/${name}.yaml`)),
        holdMs: 50,
      },
      timeouts: { ...patientTimeouts, closeGraceMs: 200, drainMs: 500 },
      log: { level: 'info' },
    },
  }); // prettier-ignore
}

afterEach(async () => {
  scripted.close();
  await simulator.close();
});

const port = (): number => Number(proxy.log.find(({ event }) => event === 'listener.opened')?.['port']);

async function metric(pattern: RegExp): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`)).text();
  return Number(pattern.exec(text)?.[1]);
}

const managed = (): Managed => ({ sent: [], received: 0, told: 0 });

/** The two ends of one session. */
interface Ends {
  readonly client: Party;
  readonly gatekeeper: Party;
  cut(): void;
}

/** What has to be sent once more when a stream is resumed (XEP-0198 §5). */
function again(stream: Managed, { h }: Readonly<Record<string, string>>): string {
  stream.told = Number(h);
  return stream.sent.slice(stream.told).join('');
}

/** One at a time, so that it is clear who belongs to whom. */
let turn: Promise<unknown> = Promise.resolve();

function connect(random: Random, streams: { client: Managed; gatekeeper: Managed }): Promise<Ends> {
  const mine = turn.then(async () => {
    const { promise: gatekeeper, resolve } = Promise.withResolvers<Party>();
    gatekeepersStream = () => ({ stream: streams.gatekeeper, random });
    handOver = resolve;
    const raw = await logInRaw(port(), authority.certificate, {
      servername: 'scripted.example',
      to: 'scripted.example',
    });
    const onNonza: PartyOptions['onNonza'] = (local, attributes) => {
      if (local === 'enabled') streams.client.received = 0;
      return local === 'resumed' ? again(streams.client, attributes) : undefined;
    };
    const options = { stream: streams.client, random, answers: true, onNonza };
    const client = new Party(raw.socket, options, raw.received());
    return { client, gatekeeper: await gatekeeper, cut: () => raw.tcp.resetAndDestroy() };
  });
  turn = mine.catch(() => {});
  return mine;
}

/** Connections that have an end. */
async function allClosed(...parties: readonly Party[]): Promise<void> {
  const late = new Promise<never>((_, reject) => {
    const heard = parties.map((party) => party.heard.slice(-300));
    setTimeout(() => reject(new Error(`not closed; ${heard.join(' | ')}`)), 30_000).unref();
  });
  await Promise.race([Promise.all(parties.map(({ closed }) => closed)), late]);
}

/** Both ends agree on what each has sent. */
async function settle({ client, gatekeeper }: Ends): Promise<void> {
  const ends = [client, gatekeeper];
  const agree = (): boolean => ends.every(({ stream }) => stream.told === stream.sent.length);
  for (let round = 0; round < 100 && !agree() && !wasRefused(client); round += 1) {
    for (const end of ends) end.write(`<r xmlns='${sm}'/>`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  if (!wasRefused(client)) expect(ends.map(({ stream }) => stream.sent.length - stream.told)).toEqual([0, 0]);
}

const errors = ({ heard }: Party): string[] =>
  [...heard.matchAll(/<stream:error><([a-z-]+) xmlns='urn:ietf:params:xml:ns:xmpp-streams'/g)].map(
    ([, condition]) => condition!,
  );
const wasRefused = (client: Party): boolean => client.heard.includes('<stream:error>');

async function converse(random: Random): Promise<void> {
  const streams = { client: managed(), gatekeeper: managed() };
  let ends = await connect(random, streams);
  ends.client.write(`<enable xmlns='${sm}' resume='true'/>`);
  await eventually(() => ends.client.heard.includes('<enabled'));
  const id = /<enabled[^>]* id='([^']*)'/.exec(ends.client.heard)![1]!;
  const talk = async (): Promise<void> => {
    for (let left = random.below(30); left > 0; left -= 1) {
      const end = random.pick([ends.client, ends.gatekeeper]);
      end.say(generatedStanza(random));
      if (random.once(5)) await end.written();
    }
  };
  await talk();
  const ending = random.below(5);
  if (ending === 0 && !wasRefused(ends.client)) {
    // In the middle of whatever is on its way.
    if (random.once(2)) await ends.client.written();
    ends.cut();
    await allClosed(ends.client, ends.gatekeeper);
    ends = await connect(random, streams);
    ends.client.write(`<resume xmlns='${sm}' previd='${id}' h='${streams.client.received}'/>`);
    await eventually(() => /<resumed|<stream:error/.test(ends.client.heard));
    await talk();
  }
  if (ending < 3) {
    await settle(ends);
    ends.client.write('</stream:stream>');
  } else {
    const end = ending === 3 ? ends.client : ends.gatekeeper;
    end.write(random.pick(breaking));
  }
  await allClosed(ends.client, ends.gatekeeper);
  expect([ends.client.broken, ends.gatekeeper.broken]).toEqual([undefined, undefined]);
  if (ending >= 3) expect(errors(ends.client)).toHaveLength(1);
  expect(errors(ends.client).length).toBe(ends.client.heard.split('<stream:error>').length - 1);
  expect(errors(ends.client).length).toBeLessThanOrEqual(1);
  expect(ends.client.heard).toMatch(/<\/stream:stream>$/);
  expect(errors(ends.gatekeeper).length).toBeLessThanOrEqual(1);
}

/** A client of the simulator that breaks its stream. */
async function breakAtSimulator(random: Random): Promise<void> {
  const raw = await logInRaw(port(), authority.certificate, { username: 'mercutio', password: 'x' });
  const client = new Party(raw.socket, { stream: managed(), random }, raw.received());
  client.say("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
  for (let left = random.below(10); left > 0; left -= 1) client.say(generatedStanza(random));
  client.write(random.pick(breaking));
  await allClosed(client);
  expect(client.broken).toBeUndefined();
  expect(errors(client)).toHaveLength(1);
  expect(client.heard).toMatch(/<\/stream:stream>$/);
}

/** Two users who take no part. @returns proof that they were not disturbed */
async function talkBeside(): Promise<() => Promise<void>> {
  const endpoint = { host: '127.0.0.1', port: port(), tls: 'direct', ca: authority.certificate, domain: 'localhost' } as const; // prettier-ignore
  const logIn = (username: string): Promise<Client> => connectClient({ endpoint, username, password: 'x' });
  const [juliet, romeo] = await Promise.all([logIn('juliet'), logIn('romeo')]);
  for (const one of [juliet, romeo]) one.send(element(ns.client, 'presence'));
  let sent = 0;
  const timer = setInterval(() => {
    sent += 1;
    const body = element(ns.client, 'body', {}, `${sent}`);
    juliet.send(element(ns.client, 'message', { to: romeo.jid, type: 'chat', id: `beside-${sent}` }, body));
  }, 20);
  return async () => {
    clearInterval(timer);
    await romeo.receive((one) => attribute(one, 'id') === `beside-${sent}`);
    const ids = romeo.pending().flatMap(({ element: one }) => attribute(one, 'id') ?? []);
    const expected = Array.from({ length: sent - 1 }, (_, at) => `beside-${at + 1}`);
    expect(ids.filter((id) => id.startsWith('beside-'))).toEqual(expected);
    await Promise.all([juliet.close(), romeo.close()]);
  };
}

const memory = /^process_resident_memory_bytes (\d+)/m;
/** Bytes by which a process may grow once it is warm. */
const growthMax = 96 * 1024 * 1024;

it.each(Object.entries(policies))(
  'every conversation under %s ends in one defined way, and disturbs no other',
  async (_, [first, ...rest]) => {
    await using folder = await temporaryFolder();
    let turns = 0;
    const change = async (): Promise<string> =>
      folder.write('policy.yaml', [first!, ...rest][turns++ % (rest.length + 1)]!);
    await start(await change());
    const changing = rest.length === 0 ? undefined : setInterval(() => void change(), changeMs);
    const undisturbed = await talkBeside();
    let seed = 0;
    let done = 0;
    let warm = 0;
    /** However fast they are: until the policy has changed three times, where it changes. */
    const goesOn = (): boolean => seed < conversations || (rest.length > 0 && turns < 4);
    const worker = async (): Promise<void> => {
      while (goesOn()) {
        const mine = (seed += 1);
        try {
          await (mine % 5 === 0 ? breakAtSimulator : converse)(new Random(mine));
        } catch (error) {
          throw new Error(`conversation ${mine}`, { cause: error });
        }
        done += 1;
        if (done === Math.ceil(conversations / 3)) warm = await metric(memory);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    clearInterval(changing);
    await undisturbed();
    const grown = (await metric(memory)) - warm;
    console.log(
      `${done} conversations; memory grew ${(grown / 1024 / 1024).toFixed(1)} MB after the first third`,
    );
    expect(grown).toBeLessThan(growthMax);
    expect(await metric(/^narthex_refusals_total\{code="ERR_INTERNAL"\} (\d+)/m)).toBe(0);
    expect(await metric(/^narthex_sessions (\d+)/m)).toBe(0);
    const changes = (): Promise<number> =>
      metric(/^narthex_policy_reloads_total\{outcome="replaced"\} (\d+)/m);
    if (rest.length > 0) await expect.poll(changes, { timeout: 5_000 }).toBeGreaterThan(1);
    else expect(await changes()).toBe(0);
    expect(await proxy.stop()).toBe(0);
    // Nothing but the log: no warning of Node's, no defect.
    for (const line of proxy.printed().trimEnd().split('\n'))
      expect(line).toMatch(/^\{"level":"(?:info|warn)"|"reload\.rejected"/);
  },
  3_600_000,
);
