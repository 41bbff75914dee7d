/** Plays a script with real clients. */
import type { Element } from '../../src/simulator/xml/element.ts';
import { match } from './match.ts';
import type { Action, Script, ScriptClient } from './script.ts';
import { readStanzas } from './stanzas.ts';
import { Variables } from './variables.ts';

/** A client of a script, logged in. */
export interface Player {
  readonly fullJid: string;
  /** Sends stanzas, in order. */
  send(xml: string): Promise<void>;
  /** Takes the next stanza received, in order of arrival.
   *  @throws Error where none comes */
  next(): Promise<string>;
  /** Resolves when the server has answered all that was sent, with the stanzas received and not taken. */
  settled(): Promise<readonly string[]>;
  /** Logs out. */
  close(): Promise<void>;
}

export type Connect = (client: ScriptClient) => Promise<Player>;

/** Undefined when the script passed; otherwise where and why not. */
export type Failure = { readonly line: number; readonly reason: string } | undefined;

/** Plays all actions in order, until one fails. Closes every client. */
export async function runScript(script: Script, connect: Connect): Promise<Failure> {
  const stage = new Stage(script, connect);
  try {
    for (const action of script.actions) {
      const reason = await stage.play(action).catch((error: unknown) => String(error));
      if (reason !== undefined)
        return { line: action.line, reason: `${action.client} ${action.kind}: ${reason}` };
    }
    return undefined;
  } finally {
    await stage.close();
  }
}

class Stage {
  readonly #script: Script;
  readonly #connect: Connect;
  readonly #variables: Variables;
  readonly #players = new Map<string, Player>();
  /** Clients that were connected and are not any more. */
  readonly #gone = new Set<string>();
  /** The client that has sent last; its stanzas may be on their way to the server. */
  #lastSender: Player | undefined;

  constructor(script: Script, connect: Connect) {
    this.#script = script;
    this.#connect = connect;
    this.#variables = new Variables(script.clients);
  }

  /** Returns the reason why an action failed. */
  async play(action: Action): Promise<string | undefined> {
    const { client, kind } = action;
    if (kind === 'connects') return this.#connects(client);
    const player = this.#players.get(client);
    // Recorded scripts do this; there is no stream left.
    if (player === undefined && kind !== 'receives' && this.#gone.has(client)) return undefined;
    if (player === undefined) return 'is not connected';
    if (kind === 'disconnects') return this.#disconnects(client, player);
    if (kind === 'sends') return this.#sends(action.xml, player);
    if (kind === 'receives') return receive(action.xml, player, this.#variables);
    return nothing(player, [...this.#players.values()]);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#players.values()].map((player) => player.close()));
  }

  async #connects(name: string): Promise<string | undefined> {
    if (this.#players.has(name)) return 'is connected already';
    await this.#settle();
    const player = await this.#connect(this.#script.clients.find((client) => client.name === name)!);
    this.#players.set(name, player);
    this.#variables.connected(name, player.fullJid);
    return undefined;
  }

  async #disconnects(name: string, player: Player): Promise<undefined> {
    if (player === this.#lastSender) this.#lastSender = undefined;
    this.#players.delete(name);
    this.#gone.add(name);
    await player.close();
  }

  async #sends(xml: string, player: Player): Promise<undefined> {
    if (player !== this.#lastSender) await this.#settle();
    const filled = this.#variables.fill(xml);
    readStanzas(filled);
    await player.send(filled);
    this.#lastSender = player;
  }

  /** Waits until the server has dealt with what was sent last: scripts count on the order between connections. */
  async #settle(): Promise<void> {
    await this.#lastSender?.settled();
    this.#lastSender = undefined;
  }
}

/** Takes stanzas until one fits, for each that is expected: scripts leave out what a server sends in addition. */
async function receive(xml: string, player: Player, variables: Variables): Promise<string | undefined> {
  for (const expected of readStanzas(variables.fill(xml))) {
    const difference = await take(expected, player, variables);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

/** Returns the difference to the last stanza of the same kind, or else why there is none. */
async function take(expected: Element, player: Player, variables: Variables): Promise<string | undefined> {
  let difference: string | undefined;
  for (;;) {
    const xml = await player.next().catch((error: unknown) => new Error(difference ?? String(error)));
    if (xml instanceof Error) return xml.message;
    const received = readStanzas(xml)[0]!;
    const comparison = match(expected, received);
    if (comparison.matches) {
      for (const [name, value] of comparison.captures) variables.capture(name, value);
      return undefined;
    }
    if (received.local === expected.local) difference = `${comparison.difference}; received ${xml}`;
  }
}

/** Waits until the server has dealt with what each client sent, and then for the answer to a question of this one. */
async function nothing(player: Player, all: readonly Player[]): Promise<string | undefined> {
  await Promise.all(all.map((each) => each.settled()));
  const [received] = await player.settled();
  return received === undefined ? undefined : `received ${received}`;
}
