/** Reads and writes nodes of the binary protocol in the simulated gatekeeper, independently of the proxy. */
import { doubleByteTokens, singleByteTokens } from '../../chat/dictionary.ts';

export interface ChatNode {
  readonly tag: string;
  readonly attrs: Readonly<Record<string, string>>;
  readonly content?: readonly ChatNode[] | Uint8Array | string;
}

const servers = new Set([
  's.whatsapp.net',
  'lid',
  'g.us',
  'broadcast',
  'newsletter',
  'interop',
  'call',
  'c.us',
]);
const single = new Map(singleByteTokens.map((word, index) => [word, index + 1]));
const double = doubleByteTokens.map((page) => new Map(page.map((word, index) => [word, index])));

/** Returns the plain frame of a node: a flag byte, then the node. */
export function packNode(node: ChatNode): Buffer {
  const bytes: number[] = [0];
  packInner(node, bytes);
  return Buffer.from(bytes);
}

function packInner({ tag, attrs, content }: ChatNode, bytes: number[]): void {
  const names = Object.keys(attrs);
  packList(1 + names.length * 2 + (content === undefined ? 0 : 1), bytes);
  packText(tag, bytes);
  for (const name of names) {
    packText(name, bytes);
    packText(attrs[name]!, bytes);
  }
  if (typeof content === 'string') packText(content, bytes);
  else if (content instanceof Uint8Array) packBytes(content, bytes);
  else if (content !== undefined) {
    packList(content.length, bytes);
    for (const child of content) packInner(child, bytes);
  }
}

function packList(size: number, bytes: number[]): void {
  if (size < 256) bytes.push(248, size);
  else bytes.push(249, size >> 8, size & 255);
}

function packBytes(content: Uint8Array, bytes: number[]): void {
  const { length } = content;
  if (length < 256) bytes.push(252, length);
  else if (length < 2 ** 20) bytes.push(253, length >> 16, (length >> 8) & 255, length & 255);
  else bytes.push(254, length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255);
  for (const byte of content) bytes.push(byte);
}

function packText(text: string, bytes: number[]): void {
  const word = single.get(text);
  if (word !== undefined) {
    bytes.push(word);
    return;
  }
  const page = double.findIndex((words) => words.has(text));
  if (page !== -1) {
    bytes.push(236 + page, double[page]!.get(text)!);
    return;
  }
  const address = /^([^@:]*)(?::([0-9]+))?@([^@]+)$/.exec(text);
  if (address !== null && servers.has(address[3]!))
    packAddress(address[1]!, address[2], address[3]!, text, bytes);
  else packBytes(Buffer.from(text), bytes);
}

function packAddress(
  user: string,
  device: string | undefined,
  server: string,
  text: string,
  bytes: number[],
): void {
  const interop = /^([0-9]+)-(.+)$/.exec(user);
  if (server === 'interop' && interop !== null) {
    bytes.push(245);
    packText(interop[2]!, bytes);
    for (const number of [Number(device ?? 0), Number(interop[1])]) bytes.push(number >> 8, number & 255);
    packText(server, bytes);
  } else if (device === undefined) {
    bytes.push(250);
    if (user === '') bytes.push(0);
    else packText(user, bytes);
    packText(server, bytes);
  } else if (server === 's.whatsapp.net' || server === 'lid') {
    bytes.push(247, server === 'lid' ? 1 : 0, Number(device));
    packText(user, bytes);
  } else packBytes(Buffer.from(text), bytes);
}

/** Parses a plain frame.
 *  @throws Error when it is cut off, or has a form that the simulator lacks */
export function unpackNode(frame: Uint8Array): ChatNode {
  const reader = new NodeReader(Buffer.from(frame));
  return reader.node();
}

class NodeReader {
  readonly #bytes: Buffer;
  #at = 1;

  constructor(bytes: Buffer) {
    if (bytes[0] !== 0) throw new Error('a client compresses nothing');
    this.#bytes = bytes;
  }

  node(): ChatNode {
    const size = this.#list(this.#number(1));
    const tag = this.#text(this.#number(1));
    const attrs: Record<string, string> = {};
    for (let left = Math.floor((size - 1) / 2); left > 0; left -= 1) {
      const name = this.#text(this.#number(1));
      attrs[name] = this.#text(this.#number(1));
    }
    if (size % 2 === 1) return { tag, attrs };
    const kind = this.#number(1);
    if (kind === 0) return { tag, attrs };
    if (kind === 248 || kind === 249)
      return { tag, attrs, content: Array.from({ length: this.#list(kind) }, () => this.node()) };
    if (kind >= 252 && kind <= 254) return { tag, attrs, content: this.#take(this.#length(kind)) };
    return { tag, attrs, content: this.#text(kind) };
  }

  #text(kind: number): string {
    if (kind === 0) return '';
    if (kind <= singleByteTokens.length) return singleByteTokens[kind - 1]!;
    if (kind >= 236 && kind <= 239) return doubleByteTokens[kind - 236]![this.#number(1)]!;
    if (kind >= 252 && kind <= 254) return this.#take(this.#length(kind)).toString();
    if (kind === 251) return this.#packed('0123456789ABCDEF');
    if (kind === 255) return this.#packed('0123456789-.');
    if (kind === 250) {
      const user = this.#text(this.#number(1));
      return `${user}@${this.#text(this.#number(1))}`;
    }
    if (kind === 247) {
      const [domain, device] = [this.#number(1), this.#number(1)];
      const server = new Map([
        [0, 's.whatsapp.net'],
        [1, 'lid'],
        [128, 'hosted'],
        [129, 'hosted.lid'],
      ]).get(domain);
      return `${this.#text(this.#number(1))}${device === 0 ? '' : `:${device}`}@${server ?? 'unknown'}`;
    }
    if (kind === 245) {
      const user = this.#text(this.#number(1));
      const [device, integrator] = [this.#number(2), this.#number(2)];
      // Clients leave the server out.
      return `${integrator}-${user}${device === 0 ? '' : `:${device}`}@interop`;
    }
    throw new Error(`the simulator does not support value ${kind}`);
  }

  #packed(alphabet: string): string {
    const size = this.#number(1);
    const digits = this.#take(size & 127)
      .toString('hex')
      .slice(0, size > 127 ? -1 : undefined);
    return Array.from(digits, (digit) => alphabet[Number.parseInt(digit, 16)]).join('');
  }

  #list(kind: number): number {
    if (kind !== 248 && kind !== 249) throw new Error('a node is a list');
    return this.#number(kind - 247);
  }

  #length(kind: number): number {
    return kind === 252 ? this.#number(1) : kind === 253 ? this.#number(3) % 2 ** 20 : this.#number(4);
  }

  #number(size: number): number {
    return this.#take(size).readUIntBE(0, size);
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw new Error('a frame is cut');
    return this.#bytes.subarray(this.#at, (this.#at += length));
  }
}
