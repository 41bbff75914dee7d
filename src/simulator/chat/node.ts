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

/** Returns the plain frame of a node: a flag byte, then the node.
 *  @param interopServer whether the server of an interop address is written: servers do, clients leave it out */
export function packNode(node: ChatNode, interopServer: 'written' | 'omitted' = 'written'): Buffer {
  const writer = new NodeWriter(interopServer);
  writer.node(node);
  return Buffer.from(writer.bytes);
}

class NodeWriter {
  readonly bytes: number[] = [0];
  readonly #interopServer: 'written' | 'omitted';

  constructor(interopServer: 'written' | 'omitted') {
    this.#interopServer = interopServer;
  }

  node({ tag, attrs, content }: ChatNode): void {
    const names = Object.keys(attrs);
    this.#list(1 + names.length * 2 + (content === undefined ? 0 : 1));
    this.#text(tag);
    for (const name of names) {
      this.#text(name);
      this.#text(attrs[name]!);
    }
    if (typeof content === 'string') this.#text(content);
    else if (content instanceof Uint8Array) this.#raw(content);
    else if (content !== undefined) {
      this.#list(content.length);
      for (const child of content) this.node(child);
    }
  }

  #list(size: number): void {
    if (size < 256) this.bytes.push(248, size);
    else this.bytes.push(249, size >> 8, size & 255);
  }

  #raw(content: Uint8Array): void {
    const { length } = content;
    if (length < 256) this.bytes.push(252, length);
    else if (length < 2 ** 20) this.bytes.push(253, length >> 16, (length >> 8) & 255, length & 255);
    else this.bytes.push(254, length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255);
    for (const byte of content) this.bytes.push(byte);
  }

  #text(text: string): void {
    const word = single.get(text);
    if (word !== undefined) {
      this.bytes.push(word);
      return;
    }
    const page = double.findIndex((words) => words.has(text));
    if (page !== -1) {
      this.bytes.push(236 + page, double[page]!.get(text)!);
      return;
    }
    const address = /^([^@:]*)(?::([0-9]+))?@([^@]+)$/.exec(text);
    if (address !== null && servers.has(address[3]!)) this.#address(address, text);
    else this.#raw(Buffer.from(text));
  }

  #address([, user = '', device, server = '']: RegExpExecArray, text: string): void {
    const interop = /^([0-9]+)-(.+)$/.exec(user);
    if (server === 'interop' && interop !== null) {
      this.bytes.push(245);
      this.#text(interop[2]!);
      for (const number of [Number(device ?? 0), Number(interop[1])])
        this.bytes.push(number >> 8, number & 255);
      if (this.#interopServer === 'written') this.#text(server);
    } else if (device === undefined) {
      this.bytes.push(250);
      if (user === '') this.bytes.push(0);
      else this.#text(user);
      this.#text(server);
    } else if (server === 's.whatsapp.net' || server === 'lid') {
      this.bytes.push(247, server === 'lid' ? 1 : 0, Number(device));
      this.#text(user);
    } else this.#raw(Buffer.from(text));
  }
}

/** Bounds and form of one node. */
export interface NodeForm {
  /** Whether clients write the server of an interop address; implementations differ. Default: they do not. */
  readonly interopServer?: 'written';
  /** Nesting, the node itself being 1. */
  readonly depthMax: number;
  readonly nodesMax: number;
  /** Attributes of one node. */
  readonly attributesMax: number;
}

/** The form of nodes that clients send. */
export const defaultNodeForm: NodeForm = { depthMax: 128, nodesMax: 10_000, attributesMax: 128 };

/** Parses a plain frame. Nothing may follow the node, and no attribute may occur twice.
 *  @throws Error when it is cut off, exceeds a limit, or has a form that the simulator lacks */
export function unpackNode(frame: Uint8Array, form: NodeForm = defaultNodeForm): ChatNode {
  const reader = new NodeReader(Buffer.from(frame), form);
  const node = reader.node(1);
  if (!reader.isAtEnd) throw new Error('a frame holds one node');
  return node;
}

class NodeReader {
  readonly #bytes: Buffer;
  readonly #form: NodeForm;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #at = 1;
  #nodes = 0;

  constructor(bytes: Buffer, form: NodeForm) {
    if (bytes[0] !== 0) throw new Error('a client compresses nothing');
    this.#bytes = bytes;
    this.#form = form;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  node(depth: number): ChatNode {
    this.#nodes += 1;
    if (depth > this.#form.depthMax || this.#nodes > this.#form.nodesMax)
      throw new Error('a node exceeds a limit');
    const size = this.#list(this.#number(1));
    const tag = this.#text(this.#number(1));
    if (tag === '') throw new Error('a node has a tag');
    const attrs = this.#attributes(Math.floor((size - 1) / 2));
    if (size % 2 === 1) return { tag, attrs };
    const kind = this.#number(1);
    if (kind === 0) return { tag, attrs };
    if (kind === 248 || kind === 249) return { tag, attrs, content: this.#children(kind, depth + 1) };
    if (kind >= 252 && kind <= 254) return { tag, attrs, content: this.#take(this.#length(kind)) };
    return { tag, attrs, content: this.#text(kind) };
  }

  #attributes(count: number): Record<string, string> {
    if (count > this.#form.attributesMax) throw new Error('a node exceeds a limit');
    const attrs: Record<string, string> = Object.create(null);
    for (let left = count; left > 0; left -= 1) {
      const name = this.#text(this.#number(1));
      if (name in attrs) throw new Error('an attribute occurs twice');
      attrs[name] = this.#text(this.#number(1));
    }
    return { ...attrs };
  }

  #children(kind: number, depth: number): ChatNode[] {
    const children: ChatNode[] = [];
    for (let left = this.#list(kind); left > 0; left -= 1) children.push(this.node(depth));
    return children;
  }

  #text(kind: number): string {
    if (kind === 0) return '';
    if (kind <= singleByteTokens.length) return singleByteTokens[kind - 1]!;
    if (kind >= 236 && kind <= 239) return doubleByteTokens[kind - 236]![this.#number(1)]!;
    if (kind >= 252 && kind <= 254) return this.#decoder.decode(this.#take(this.#length(kind)));
    if (kind === 251) return this.#packed('0123456789ABCDEF');
    if (kind === 255) return this.#packed('0123456789-.');
    if (kind === 250) {
      const user = this.#part();
      return `${user}@${this.#part()}`;
    }
    if (kind === 247) {
      const [domain, device] = [this.#number(1), this.#number(1)];
      const server = new Map([
        [0, 's.whatsapp.net'],
        [1, 'lid'],
        [128, 'hosted'],
        [129, 'hosted.lid'],
      ]).get(domain);
      return `${this.#part()}${device === 0 ? '' : `:${device}`}@${server ?? 'unknown'}`;
    }
    if (kind === 245) {
      const user = this.#part();
      const [device, integrator] = [this.#number(2), this.#number(2)];
      if (this.#form.interopServer === 'written' && this.#part() !== 'interop')
        throw new Error('an interop address has another server');
      return `${integrator}-${user}${device === 0 ? '' : `:${device}`}@interop`;
    }
    throw new Error(`the simulator does not support value ${kind}`);
  }

  /** Reads a part of an address.
   *  @throws Error when it is an address itself */
  #part(): string {
    const kind = this.#number(1);
    if (kind >= 245 && kind <= 250) throw new Error('an address holds no address');
    return this.#text(kind);
  }

  #packed(alphabet: string): string {
    const size = this.#number(1);
    const digits = this.#take(size & 127)
      .toString('hex')
      .slice(0, size > 127 ? -1 : undefined);
    return Array.from(digits, (digit) => {
      const character = alphabet[Number.parseInt(digit, 16)];
      if (character === undefined) throw new Error('a packed text holds no such digit');
      return character;
    }).join('');
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
