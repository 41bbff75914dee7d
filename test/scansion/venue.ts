/** Where scripts are played: straight at a server, or through a proxy under a policy. */
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { inFrontOf } from '../peers/in-front-of.ts';
import type { PeerServer } from '../peers/server.ts';
import type { ServerKind } from '../peers/servers.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { connectPlayer, trust } from './client.ts';
import { configurationOf, type NamedScript } from './folder.ts';
import { withOwnNames } from './names.ts';
import { rulesOf, wordsOf, writeRelaxed, type Rule } from './rules.ts';
import { runScript, type Failure } from './run.ts';
import { parseScript, type Script } from './script.ts';

/** One script, once. */
export interface Run {
  readonly script: NamedScript;
  /** A shipped policy or a file; undefined without a proxy. */
  readonly policy: string | undefined;
  /** Rules of the policy to switch to `keep`; none by default. */
  readonly kept?: readonly Rule[];
  /** Whether it has a proxy of its own, so that the decisions counted belong to it. */
  readonly counted?: boolean;
}

export interface Result {
  readonly failure: Failure;
  /** The rules that have decided something; empty where they were not counted. */
  readonly acted: readonly Rule[];
}

export interface Venue {
  /** @throws Error where the script is not of the language */
  play(run: Run): Promise<Result>;
  close(): Promise<void>;
}

/** Starts what the scripts of a folder need. Where the folder has a `prosody.cfg.lua`, scripts count on it, and on a server
 *  in which no other script has left a trace: each run has its own. Otherwise runs share one, under names of their own.
 *  @param takes how often each script is played at most */
export function openVenue(
  kind: ServerKind,
  folder: string,
  scripts: readonly NamedScript[],
  takes: number,
): Promise<Venue> {
  const include = configurationOf(folder);
  return include === undefined ? oneServer(kind, scripts, takes) : Promise.resolve(serverEach(kind, include));
}

function serverEach(kind: ServerKind, include: string): Venue {
  const authorities: string[] = [];
  return {
    async play(run) {
      const script = parseScript(run.script.text);
      const accounts = accountsOf([script]);
      const server = await kind.start({ include, accounts, uploads: true, defaultMechanisms: true });
      const proxies = new Proxies(server);
      try {
        authorities.push(server.certificates.authority);
        trust(authorities);
        return await playAt(server, proxies, script, run);
      } finally {
        await proxies.close();
        await server.close();
      }
    },
    close: () => Promise.resolve(),
  };
}

/** Starts a server with the accounts of all takes of all scripts. */
export async function oneServer(
  kind: ServerKind,
  scripts: readonly NamedScript[],
  takes: number,
): Promise<Venue> {
  const waiting = new Map(
    scripts.map(({ name, text }, index) => {
      const named = (take: number): Script =>
        parseScript(withOwnNames(text, `${index.toString(36)}-${take.toString(36)}`));
      return [name, Array.from({ length: takes }, (_, take) => named(take))];
    }),
  );
  const options = { accounts: accountsOf([...waiting.values()].flat()), plain: true };
  // ejabberd may take longer to start than it is given, on a machine under load.
  const server = await kind.start(options).catch(() => kind.start(options));
  trust([server.certificates.authority]);
  const proxies = new Proxies(server);
  return {
    play(run) {
      const script = waiting.get(run.script.name)?.pop();
      if (script === undefined) throw new Error(`${run.script.name} has no take left`);
      return playAt(server, proxies, script, run);
    },
    async close() {
      await proxies.close();
      await server.close();
    },
  };
}

/** Returns the passwords of all clients by local part. */
function accountsOf(scripts: readonly Script[]): Record<string, string> {
  const clients = scripts.flatMap(({ clients }) => clients);
  return Object.fromEntries(clients.map(({ local, password }) => [local, password]));
}

/** Milliseconds for a login and for an answer. Only a failure takes so long, also on a machine under load. */
const timeoutMs = 60_000;

async function playAt(server: PeerServer, proxies: Proxies, script: Script, run: Run): Promise<Result> {
  const play = (port: number): Promise<Failure> =>
    runScript(script, (client) => connectPlayer(client, { port, timeoutMs }));
  const { policy, kept = [], counted = false } = run;
  if (policy === undefined) return { failure: await play(server.ports.starttls), acted: [] };
  if (!counted) {
    const { starttls } = await proxies.shared(policy, kept);
    return { failure: await play(starttls), acted: [] };
  }
  const proxy = await proxies.start(policy, kept);
  try {
    return { failure: await play(proxy.starttls), acted: rulesOf(proxy.decisions.totals()) };
  } finally {
    await proxy.close();
  }
}

/** Proxies in front of a server. */
class Proxies {
  readonly #server: PeerServer;
  /** By policy and what is kept. Runs have accounts of their own, so they do not meet in a proxy. */
  readonly #shared = new Map<string, Promise<TestProxy>>();

  constructor(server: PeerServer) {
    this.#server = server;
  }

  async start(policy: string, kept: readonly Rule[]): Promise<TestProxy> {
    if (kept.length === 0) return startTestProxy({ ...inFrontOf(this.#server), policy });
    const file = await writeRelaxed(policy, kept);
    try {
      return await startTestProxy({ ...inFrontOf(this.#server), policy: file });
    } finally {
      await rm(dirname(file), { recursive: true });
    }
  }

  shared(policy: string, kept: readonly Rule[]): Promise<TestProxy> {
    const key = [policy, ...kept.map(wordsOf)].join('\n');
    const proxy = this.#shared.get(key) ?? this.start(policy, kept);
    this.#shared.set(key, proxy);
    return proxy;
  }

  async close(): Promise<void> {
    for (const proxy of this.#shared.values()) await (await proxy).close();
  }
}
