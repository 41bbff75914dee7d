/** One end of a stream with stream management (XEP-0198): counts what it sends and receives, says what it is asked to
 *  in pieces of any size, and reads strictly. */
import { StringDecoder } from 'node:string_decoder';
import type { Duplex } from 'node:stream';
import { setImmediate as tick } from 'node:timers/promises';
import { SaxesParser } from 'saxes';
import { nonzas } from './generated-stanzas.ts';
import type { Random } from './random.ts';
import { streamHeader } from './raw-client.ts';

export const sm = 'urn:xmpp:sm:3';

/** What outlives a connection. */
export interface Managed {
  /** Stanzas since counting began. */
  readonly sent: string[];
  received: number;
  /** What the other side says it has received. */
  told: number;
}

export interface PartyOptions {
  readonly stream: Managed;
  readonly random: Random;
  /** Answers what this element of the stream's own asks, with what is to be said. */
  readonly onNonza?: (local: string, attributes: Readonly<Record<string, string>>) => string | undefined;
  /** Answers questions for its features. */
  readonly answers?: boolean;
}

export class Party {
  readonly stream: Managed;
  /** Everything that came, as text. */
  heard = '';
  /** Why it is no XML. */
  broken: unknown;
  readonly closed: Promise<void>;
  readonly #socket: Duplex;
  readonly #options: PartyOptions;
  readonly #parser = new SaxesParser({ xmlns: true });
  readonly #decoder = new StringDecoder();
  #depth = 0;
  #asked: { id: string; from: string | undefined } | undefined;
  #waiting: Uint8Array[] = [];
  #writing: Promise<void> | undefined;

  /** @param first what has come already, after the features */
  constructor(socket: Duplex, options: PartyOptions, first = '') {
    this.stream = options.stream;
    this.#socket = socket;
    this.#options = options;
    this.closed = new Promise((resolve) => void socket.once('close', () => resolve()));
    this.#parser.on('error', (error) => (this.broken ??= error));
    this.#parser.on('opentag', (tag) => this.#open(tag));
    this.#parser.on('closetag', () => {
      this.#depth -= 1;
      if (this.#depth === 1) this.#answer();
    });
    this.#parser.write(streamHeader());
    this.#read(Buffer.from(first, 'latin1'));
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.once('end', () => socket.end());
  }

  /** A stanza, to be counted. */
  say(stanza: string): void {
    if (!nonzas.includes(stanza)) this.stream.sent.push(stanza);
    this.write(stanza);
  }

  /** Writes anything, after what waits to be written. */
  write(bytes: string | Uint8Array): void {
    this.#waiting.push(...this.#options.random.chunks(Buffer.from(bytes), 120));
    this.#writing ??= this.#pump();
  }

  /** Resolves when everything is written. */
  async written(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #pump(): Promise<void> {
    await tick();
    for (let chunk = this.#waiting.shift(); chunk !== undefined; chunk = this.#waiting.shift()) {
      if (this.#socket.writable) this.#socket.write(chunk);
      // Often what follows comes by itself.
      if (!this.#options.random.once(3)) await tick();
    }
    this.#writing = undefined;
  }

  #read(chunk: Buffer): void {
    const text = this.#decoder.write(chunk);
    this.heard += text;
    if (this.broken === undefined) this.#parser.write(text);
  }

  #open({
    local,
    uri,
    attributes,
  }: {
    local: string;
    uri: string;
    attributes: Readonly<Record<string, { value: string }>>;
  }): void {
    this.#depth += 1;
    const value = (name: string): string | undefined => attributes[name]?.value;
    if (this.#depth !== 2) return;
    if (uri === sm) this.#nonza(local, Object.fromEntries(Object.keys(attributes).map((name) => [name, value(name)!]))); // prettier-ignore
    if (uri !== 'jabber:client' || !['message', 'presence', 'iq'].includes(local)) return;
    this.stream.received += 1;
    if (local === 'iq' && value('type') === 'get' && value('id') !== undefined)
      this.#asked = { id: value('id')!, from: value('from') };
  }

  #nonza(local: string, attributes: Readonly<Record<string, string>>): void {
    if (local === 'a') this.stream.told = Number(attributes['h']);
    if (local === 'r') this.write(`<a xmlns='${sm}' h='${this.stream.received}'/>`);
    const answer = this.#options.onNonza?.(local, attributes);
    if (answer !== undefined) this.write(answer);
  }

  #answer(): void {
    const asked = this.#asked;
    this.#asked = undefined;
    if (asked === undefined || this.#options.answers !== true) return;
    const to = asked.from === undefined ? '' : ` to='${escaped(asked.from)}'`;
    this.say(
      `<iq type='result' id='${escaped(asked.id)}'${to}><query xmlns='http://jabber.org/protocol/disco#info'><identity category='client' type='phone'/><feature var='http://jabber.org/protocol/disco#info'/></query></iq>`,
    );
  }
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll("'", '&apos;');
}
