/** What a session with a gatekeeper of the chat channel costs the proxy, against one with a gatekeeper that speaks XMPP
 *  over TLS: for one stanza each way, for its set-up, and in memory while it is idle. In both the client authenticates
 *  to the proxy by its ownership token, and the clients' side is XML over TLS. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { serveHttps } from '../../src/simulator/http/server.ts';
import { answer } from '../../src/simulator/http/message.ts';
import { createTokenIssuer } from '../../src/simulator/token/issuer.ts';
import type { LoadRequest, Protocol, Ran, Started } from './channel-load.ts';
import { workingTree } from './checkout.ts';
import { ask } from './child.ts';
import { startNarthex, writeCredentials, type Contender, type Surroundings } from './contenders.ts';
import { cpuMicroseconds, processors, spawnPinned, stop } from './pinned.ts';
import { memoryAtRest } from './resident.ts';
import type { Bench, BenchContext, Row } from './row.ts';
import { spreadOf } from './statistics.ts';

const protocols = ['xmpp', 'chat-channel'] as const satisfies readonly Protocol[];
const policies = ['passthrough', 'balanced', 'strict'] as const;
/** Bytes of a stanza in XML. */
const sizes = [300, 2_560, 8_192];
const sessions = 20;
/** Round trips per second. */
const rate = 1_000;
const roundMs = 250;
const warmUpRounds = 12;
const roundsByDefault = 24;
const setUps = 40;
const warmUpSetUps = 1_500;
const idleSessions = 1_000;
const idleWarmUpSessions = 200;
const idleRounds = 3;
const aims = { relay: 1.5, setUp: 1.5, idle: 1.2 } as const;
const audience = 'https://gatekeeper.example';

export const channelBench: Bench = {
  name: 'channel',
  summary:
    `A gatekeeper of the chat channel against one of XMPP over TLS. Relay: CPU time of the proxy for a stanza there and one back, ` +
    `${rate} round trips per second over ${sessions} sessions. Set-up: CPU time of the proxy for one session, from the accept to the ` +
    `first stanza, and its end; in both the proxy verifies an ownership token and authenticates by it. Idle: resident memory that ` +
    `${idleSessions.toLocaleString('en')} idle sessions add, per session.`,
  run,
};

async function run({ rounds = roundsByDefault }: BenchContext): Promise<Row[]> {
  await using field = await Field.open();
  const rows: Row[] = [];
  for (const policy of policies) rows.push(...(await relayRows(field, policy, rounds)));
  rows.push(await setUpRow(field, rounds));
  rows.push(await idleRow(field));
  return rows;
}

// ---- rows -----------------------------------------------------------------------------------------------------------

async function relayRows(field: Field, policy: (typeof policies)[number], rounds: number): Promise<Row[]> {
  await using pair = await field.start(policy);
  for (const protocol of protocols) await field.open(protocol, pair.ports[protocol], sessions);
  const rows: Row[] = [];
  for (const byteLength of sizes) {
    await field.ask({ kind: 'shape', byteLength });
    const samples: Record<Protocol, number[]> = { xmpp: [], 'chat-channel': [] };
    for (let round = -warmUpRounds; round < rounds; round += 1)
      for (const protocol of round % 2 === 0 ? protocols : protocols.toReversed()) {
        const cost = await field.relayCost(protocol, pair.contenders[protocol]);
        if (round >= 0) samples[protocol].push(cost);
      }
    const name = `channel: relay, ${policy}, ${rate}/s`;
    rows.push(row({ name, byteLength, unit: 'µs per round trip', aim: aims.relay }, samples));
  }
  for (const protocol of protocols) await field.ask({ kind: 'close', protocol });
  return rows;
}

async function setUpRow(field: Field, rounds: number): Promise<Row> {
  await using pair = await field.start('passthrough');
  for (const protocol of protocols) await field.setUpCost(protocol, pair, warmUpSetUps);
  const samples: Record<Protocol, number[]> = { xmpp: [], 'chat-channel': [] };
  for (let round = 0; round < rounds; round += 1)
    for (const protocol of round % 2 === 0 ? protocols : protocols.toReversed())
      samples[protocol].push(await field.setUpCost(protocol, pair, setUps));
  return row({ name: 'channel: set-up', byteLength: 0, unit: 'µs per session', aim: aims.setUp }, samples);
}

async function idleRow(field: Field): Promise<Row> {
  const samples: Record<Protocol, number[]> = { xmpp: [], 'chat-channel': [] };
  for (let round = 0; round < idleRounds; round += 1) {
    await using pair = await field.start('passthrough');
    for (const protocol of protocols) {
      await field.open(protocol, pair.ports[protocol], idleWarmUpSessions);
      await field.ask({ kind: 'close', protocol });
      const { residentBytes: before } = await memoryAtRest(pair.contenders[protocol]);
      await field.open(protocol, pair.ports[protocol], idleSessions);
      const growth = (await memoryAtRest(pair.contenders[protocol])).residentBytes - before;
      await field.ask({ kind: 'close', protocol });
      samples[protocol].push(growth / idleSessions / 1_000);
    }
  }
  return row({ name: 'channel: idle', byteLength: 0, unit: 'kB per session', aim: aims.idle }, samples);
}

function row(
  about: Pick<Row, 'name' | 'byteLength' | 'unit'> & { readonly aim: number },
  samples: Readonly<Record<Protocol, readonly number[]>>,
): Row {
  const own = samples['chat-channel'];
  return {
    ...about,
    figure: spreadOf(own),
    ratio: spreadOf(own.map((value, round) => value / samples.xmpp[round]!)),
    yardstick: 'XMPP over TLS',
  };
}

// ---- processes ------------------------------------------------------------------------------------------------------

/** One proxy per protocol, under the same policy. */
interface Pair extends AsyncDisposable {
  readonly contenders: Readonly<Record<Protocol, Contender>>;
  readonly ports: Readonly<Record<Protocol, number>>;
}

/** The load, the provider whose tokens the proxies verify, and what the proxies are started with. */
class Field implements AsyncDisposable {
  readonly #parts = new AsyncDisposableStack();
  #load!: ReturnType<typeof spawnPinned>;
  #started!: Started;
  #around!: Omit<Surroundings, 'upstream'>;
  #provider!: Record<string, unknown>;
  #token!: () => Promise<string>;
  #accountSecret!: string;

  static async open(): Promise<Field> {
    const field = new Field();
    const { folder, credentials } = (field.#around = await writeCredentials());
    field.#parts.use(folder);
    field.#load = spawnPinned(
      processors.load,
      process.execPath,
      [new URL('channel-load.ts', import.meta.url).pathname],
      ['ignore', 'inherit', 'inherit', 'ipc'],
    );
    field.#parts.defer(() => stop(field.#load));
    const [cert, key, ca] = [credentials.cert, credentials.key, credentials.ca].map((file) =>
      readFileSync(file, 'utf8'),
    ) as [string, string, string];
    field.#started = (await field.ask({ kind: 'start', cert, key, ca })) as Started;
    field.#accountSecret = await folder.writeBytes('accounts', randomBytes(32));
    const issuer = await createTokenIssuer('https://provider.example');
    const provider = await serveHttps({
      certificate: { certificate: cert, key },
      host: '127.0.0.1',
      handle: () => answer(200, issuer.jwks()),
    });
    field.#parts.defer(() => provider.close());
    field.#token = () => issuer.sign({ subject: 'juliet@im.example', audience });
    field.#provider = {
      issuer: issuer.issuer,
      jwksUri: `${provider.url.replace('127.0.0.1', 'localhost')}/jwks.json`,
      audiences: [audience],
      caFile: credentials.ca,
      nonce: 'optional',
    };
    return field;
  }

  /** Starts a proxy per protocol. */
  async start(policy: (typeof policies)[number]): Promise<Pair> {
    const { ports, rootKey, rootSerial } = this.#started;
    const settings = { policy, capabilities: false, provider: this.#provider } as const;
    const xmpp = await startNarthex(
      workingTree,
      { ...settings, name: 'XMPP over TLS', gatekeeper: { channelBinding: 'reauthenticate' } },
      { ...this.#around, upstream: ports.xmpp },
    );
    const chat = await startNarthex(
      workingTree,
      {
        ...settings,
        name: 'chat channel',
        gatekeeper: {
          protocol: 'chat-channel',
          connect: { address: `127.0.0.1:${ports['chat-channel']}` },
          caFile: undefined,
          chat: {
            rootKey,
            rootSerial,
            accountSecretFiles: [this.#accountSecret],
            integrator: 7,
            platform: 14,
            appVersion: [2, 3000, 1],
          },
        },
      },
      { ...this.#around, upstream: ports['chat-channel'] },
    );
    const contenders = { xmpp, 'chat-channel': chat };
    return {
      contenders,
      ports: { xmpp: xmpp.port, 'chat-channel': chat.port },
      [Symbol.asyncDispose]: async () => {
        await Promise.all(Object.values(contenders).map((contender) => contender.stop()));
      },
    };
  }

  ask(request: LoadRequest): Promise<unknown> {
    return ask(this.#load, request);
  }

  async open(protocol: Protocol, port: number, count: number): Promise<void> {
    await this.ask({ kind: 'open', protocol, port, sessions: count, token: await this.#token() });
  }

  /** Returns CPU microseconds of the proxy per round trip. */
  async relayCost(protocol: Protocol, { pid }: Contender): Promise<number> {
    const before = cpuMicroseconds(pid);
    const { roundTrips } = (await this.ask({ kind: 'run', protocol, milliseconds: roundMs, rate })) as Ran;
    return (cpuMicroseconds(pid) - before) / roundTrips;
  }

  /** Returns CPU microseconds of the proxy per session that was opened and closed. */
  async setUpCost(protocol: Protocol, { contenders, ports }: Pair, count: number): Promise<number> {
    const { pid } = contenders[protocol];
    const before = cpuMicroseconds(pid);
    await this.open(protocol, ports[protocol], count);
    await this.ask({ kind: 'close', protocol });
    return (cpuMicroseconds(pid) - before) / count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }
}
