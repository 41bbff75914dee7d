/** Makes random nodes of the chat channel, as stanzas have them and as no library writes them. */
import { singleByteTokens, doubleByteTokens } from '../../src/chat/dictionary.ts';
import type { JsonNode } from '../../src/chat/json-node.ts';
import type { Random } from '../support/random.ts';

export interface NodeGeneratorOptions {
  /** `common`: what all implementations write alike. `all`: also empty values, control characters, devices that look
   *  odd, interop and messenger JIDs, text content, and every character of Unicode. */
  readonly kinds: 'common' | 'all';
  readonly depthMax?: number;
}

const tags = [
  'message',
  'iq',
  'receipt',
  'ack',
  'presence',
  'notification',
  'participants',
  'enc',
  'user',
  'list',
  'item',
];
const attributeNames = [
  'id',
  'to',
  'from',
  'type',
  'xmlns',
  'class',
  'participant',
  't',
  'v',
  'count',
  'offline',
  'notify',
];
const tokens = [...singleByteTokens.slice(2), ...doubleByteTokens.flat()];
const deviceServers = ['s.whatsapp.net', 'lid', 'hosted', 'hosted.lid'];
const pairServers = ['s.whatsapp.net', 'g.us', 'lid', 'broadcast', 'newsletter'];
const controls = '\u0001\u0008\u000b\u001f\ufffe\uffff\t\n\r\u007f\u0085\u2028';

export class NodeGenerator {
  readonly #random: Random;
  readonly #odd: boolean;
  readonly #depthMax: number;

  constructor(random: Random, { kinds, depthMax = 4 }: NodeGeneratorOptions) {
    this.#random = random;
    this.#odd = kinds === 'all';
    this.#depthMax = depthMax;
  }

  node(depth = 1): JsonNode {
    const random = this.#random;
    const attrs = Object.fromEntries(
      Array.from({ length: random.below(6) }, () => [this.#name(attributeNames), this.#value()]),
    );
    return { tag: this.#name(tags), attrs, content: this.#content(depth) };
  }

  #name(usual: readonly string[]): string {
    const random = this.#random;
    if (random.below(4) > 0) return random.pick(usual);
    if (this.#odd && random.below(6) === 0)
      return random.pick(['stream:error', 'xml:lang', '0', 'é', 'a b', 'tag', 'tag64']);
    return random.below(2) === 0 ? random.pick(tokens) : `x${random.below(1000).toString(36)}`;
  }

  #value(): string {
    const random = this.#random;
    switch (random.below(this.#odd ? 12 : 7)) {
      case 0:
        return random.pick(tokens);
      case 1:
        return this.#digits(1 + random.below(20));
      case 2:
        return this.#text('0123456789ABCDEF', 2 + random.below(40));
      case 3:
        return `${this.#digits(5 + random.below(10))}@${random.pick(pairServers)}`;
      case 4:
        return `${this.#digits(5 + random.below(10))}:${1 + random.below(255)}@${random.pick(deviceServers)}`;
      case 5:
        return this.#text('abcdefghijklmnopqrstuvwxyz ÄÖÜß漢字😀&<>\'"', 1 + random.below(30));
      case 6:
        return this.#text('0123456789-.', 1 + random.below(200));
      case 7:
        return this.#oddValue();
      case 8:
        return this.#text(controls, 1 + random.below(5));
      case 9:
        return this.#codePoints(1 + random.below(8));
      case 10:
        return `${random.below(70000)}-${this.#digits(6)}${random.pick(['', `:${random.below(70000)}`])}@interop`;
      default:
        return `${this.#digits(6)}:${random.below(70000)}@msgr`;
    }
  }

  #oddValue(): string {
    const random = this.#random;
    return random.pick([
      '',
      '@s.whatsapp.net',
      's.whatsapp.net',
      'me@home',
      'a@b@lid',
      'u:0@lid',
      'u:300@lid',
      'u:01@lid',
      'u_2:3@s.whatsapp.net',
      'u_2@s.whatsapp.net',
      ':5@lid',
      '5:@lid',
      'interop',
      '7-@interop',
      '-5@interop',
      '7:1-5@interop',
      '7-5:0@interop',
      '9'.repeat(127),
      '9'.repeat(128),
      '\u0000',
    ]);
  }

  #content(depth: number): JsonNode['content'] {
    const random = this.#random;
    const kind = random.below(this.#odd ? 10 : 8);
    if (kind < 2) return null;
    if (kind < 5) return this.#bytes(random.below(random.once(20) ? 2000 : 40) + (this.#odd ? 0 : 1));
    if (kind < 8) {
      if (depth >= this.#depthMax) return null;
      const count = random.below(40) === 0 ? 250 + random.below(20) : 1 + random.below(3);
      return Array.from({ length: count }, () => this.node(count > 100 ? this.#depthMax : depth + 1));
    }
    return kind === 8
      ? { text: random.pick([...tokens.slice(0, 50), '12345', 'ABCDEF0123', '5@g.us', '7-5:2@interop']) }
      : Buffer.from('interop').toString('base64');
  }

  #bytes(length: number): string {
    return Buffer.from(Array.from({ length }, () => this.#random.below(256))).toString('base64');
  }

  #digits(length: number): string {
    return this.#text('0123456789', length);
  }

  #text(alphabet: string, length: number): string {
    const characters = [...alphabet];
    return Array.from({ length }, () => this.#random.pick(characters)).join('');
  }

  /** Any characters of Unicode. */
  #codePoints(length: number): string {
    const points = Array.from({ length }, () => {
      const point = this.#random.below(this.#random.pick([0x80, 0x800, 0x10000, 0x110000]));
      return point >= 0xd800 && point < 0xe000 ? 0x20 : point;
    });
    return String.fromCodePoint(...points);
  }
}
