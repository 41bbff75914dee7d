/** Reads folders of scripts, and plays each straight at a server or through a proxy under a policy. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DecisionTotal } from '../../src/observability/decision-counts.ts';
import { inFrontOf } from '../peers/in-front-of.ts';
import type { PeerServer } from '../peers/server.ts';
import type { ServerKind } from '../peers/servers.ts';
import { startTestProxy } from '../support/proxy.ts';
import { connectPlayer, trust } from './client.ts';
import { withOwnNames } from './names.ts';
import { runScript, type Connect, type Failure } from './run.ts';
import { parseScript, type Script } from './script.ts';

export interface NamedScript {
  /** The file's name without its ending. */
  readonly name: string;
  readonly text: string;
}

/** One script, once. */
export interface Run {
  readonly script: NamedScript;
  /** A shipped policy or a file; undefined without a proxy. */
  readonly policy: string | undefined;
}

/** What a policy did about a field, other than let it pass. */
export type Acted = Pick<DecisionTotal, 'field' | 'treatment' | 'audience'>;

export interface Result {
  readonly failure: Failure;
  /** Empty without a proxy. */
  readonly acted: readonly Acted[];
}

/** Where scripts are played. */
export interface Venue {
  /** @throws Error where the script is not of the language */
  play(run: Run): Promise<Result>;
  close(): Promise<void>;
}

const ending = '.scs';
const configuration = 'prosody.cfg.lua';

/** Reads every `*.scs` of a folder, by name. */
export function readFolder(folder: string): NamedScript[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(ending))
    .toSorted()
    .map((file) => ({ name: file.slice(0, -ending.length), text: readFileSync(join(folder, file), 'utf8') }));
}

/** Starts what the scripts of a folder need. Where the folder has a `prosody.cfg.lua`, scripts count on it, and on a server
 *  in which no other script has left a trace: each run has its own. Otherwise runs share one, under names of their own. */
export function openVenue(kind: ServerKind, folder: string, runs: readonly Run[]): Promise<Venue> {
  const include = join(folder, configuration);
  return existsSync(include) ? Promise.resolve(serverEach(kind, include)) : oneServer(kind, runs);
}

function serverEach(kind: ServerKind, include: string): Venue {
  const authorities: string[] = [];
  return {
    async play({ script, policy }) {
      const parsed = parseScript(script.text);
      const accounts = accountsOf([parsed]);
      const server = await kind.start({ include, accounts, uploads: true, defaultMechanisms: true });
      try {
        authorities.push(server.certificates.authority);
        trust(authorities);
        return await playAt(server, parsed, policy);
      } finally {
        await server.close();
      }
    },
    close: () => Promise.resolve(),
  };
}

/** Starts a server with the accounts of all runs. */
export async function oneServer(kind: ServerKind, runs: readonly Run[]): Promise<Venue> {
  const scripts = new Map(
    runs.map((run, index) => [run, parseScript(withOwnNames(run.script.text, index.toString(36)))]),
  );
  const server = await kind.start({ accounts: accountsOf([...scripts.values()]), plain: true });
  trust([server.certificates.authority]);
  return {
    play: (run) => playAt(server, scripts.get(run)!, run.policy),
    close: () => server.close(),
  };
}

/** Returns the passwords of all clients by local part. */
function accountsOf(scripts: readonly Script[]): Record<string, string> {
  const clients = scripts.flatMap(({ clients }) => clients);
  return Object.fromEntries(clients.map(({ local, password }) => [local, password]));
}

/** Milliseconds for a login and for a stanza. Longer than a policy lets an answer wait. */
const timeoutMs = 10_000;

function connectTo(port: number): Connect {
  return (client) => connectPlayer(client, { port, timeoutMs });
}

/** Plays a script. Each run has a proxy of its own, so that the decisions counted belong to it. */
async function playAt(server: PeerServer, script: Script, policy: string | undefined): Promise<Result> {
  if (policy === undefined)
    return { failure: await runScript(script, connectTo(server.ports.starttls)), acted: [] };
  const proxy = await startTestProxy({ ...inFrontOf(server), policy });
  try {
    const failure = await runScript(script, connectTo(proxy.starttls));
    const acted = proxy.decisions
      .totals()
      .filter(({ mode, treatment }) => mode === 'enforced' && treatment !== 'keep')
      .map(({ field, treatment, audience }) => ({ field, treatment, audience }));
    return { failure, acted };
  } finally {
    await proxy.close();
  }
}
