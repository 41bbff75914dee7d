/** Plays a script with real clients. */
import type { Element } from '../../src/simulator/xml/element.ts';
import { match } from './match.ts';
import type { Action, Script, ScriptClient } from './script.ts';
import { readStanzas } from './stanzas.ts';
import { Variables } from './variables.ts';
import { eventually } from '../support/wait.ts';

/** A client of a script, logged in. */
export interface Player {
  readonly fullJid: string;
  /** Sends stanzas, in order. */
  send(xml: string): Promise<void>;
  /** Stanzas received and not taken, in order of arrival. */
  readonly received: string[];
  /** Resolves when the server has answered all that was sent.
   *  @throws Error where it does not */
  settled(): Promise<void>;
  /** Logs out. */
  close(): Promise<void>;
}

export type Connect = (client: ScriptClient) => Promise<Player>;

/** Undefined when the script passed; otherwise where and why not. */
export type Failure = { readonly line: number; readonly reason: string } | undefined;

/** How long a stanza is awaited, in milliseconds. */
export interface Waits {
  /** Before anything is asked. Nothing fails by it. */
  readonly patienceMs: number;
  /** After the server has answered everything: how long a proxy may hold a stanza back. */
  readonly heldMs: number;
}

/** The shipped policies equalise after 3 s. */
const usualWaits: Waits = { patienceMs: 500, heldMs: 3_500 };

/** Plays all actions in order, until one fails. Closes every client. */
export async function runScript(script: Script, connect: Connect, waits = usualWaits): Promise<Failure> {
  const stage = new Stage(script, connect, waits);
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
  readonly #waits: Waits;
  readonly #variables: Variables;
  readonly #players = new Map<string, Player>();
  /** Clients that were connected and are not any more. */
  readonly #gone = new Set<string>();
  /** The client that has sent last; its stanzas may be on their way to the server. */
  #lastSender: Player | undefined;

  constructor(script: Script, connect: Connect, waits: Waits) {
    this.#script = script;
    this.#connect = connect;
    this.#waits = waits;
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
    if (kind === 'receives') return this.#receives(action.xml, player);
    return this.#receivesNothing(player);
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

  /** Takes stanzas until one fits, for each that is expected: scripts leave out what a server sends in addition. */
  async #receives(xml: string, player: Player): Promise<string | undefined> {
    for (const expected of readStanzas(this.#variables.fill(xml))) {
      const difference = await this.#take(expected, player);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }

  /** Returns the difference to the last stanza of the same kind, or else that there is none. */
  async #take(expected: Element, player: Player): Promise<string | undefined> {
    let difference: string | undefined;
    for (;;) {
      const xml = await this.#next(player);
      if (xml === undefined) return difference ?? 'nothing more came';
      const received = readStanzas(xml)[0]!;
      const comparison = match(expected, received);
      if (comparison.matches) {
        for (const [name, value] of comparison.captures) this.#variables.capture(name, value);
        return undefined;
      }
      if (received.local === expected.local) difference = `${comparison.difference}; received ${xml}`;
    }
  }

  /** Takes the next stanza. Returns undefined when none can come any more: the server has dealt with what all have sent,
   *  what a proxy held back has left it, and the server has dealt with that too. */
  async #next(player: Player): Promise<string | undefined> {
    const arrives = (timeoutMs: number): Promise<unknown> =>
      eventually(() => player.received.length > 0, timeoutMs).catch(() => {});
    await arrives(this.#waits.patienceMs);
    if (player.received.length === 0) {
      await this.#allSettle();
      await arrives(this.#waits.heldMs);
    }
    if (player.received.length === 0) {
      await this.#allSettle();
      await player.settled();
    }
    return player.received.shift();
  }

  async #receivesNothing(player: Player): Promise<string | undefined> {
    await this.#allSettle();
    await player.settled();
    const [received] = player.received;
    return received === undefined ? undefined : `received ${received}`;
  }

  /** Waits until the server has dealt with what was sent last: scripts count on the order between connections. */
  async #settle(): Promise<void> {
    await this.#lastSender?.settled();
    this.#lastSender = undefined;
  }

  async #allSettle(): Promise<void> {
    await Promise.all([...this.#players.values()].map((player) => player.settled()));
  }
}
