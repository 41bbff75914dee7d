/** Encodes XML to the binary protocol: writes the node of a stanza in the XML form (xml-form.ts). Equal nodes give
 *  equal bytes: attributes are written in one order, whatever the client's library. */
import type { Names } from '../stanza/names.ts';
import type { Stanza } from '../stanza/stanza.ts';
import { compareAttributes } from './attribute-order.ts';
import { ByteWriter } from './byte-writer.ts';
import { ChatError } from './error.ts';
import type { ChatLimits } from './limits.ts';
import { ValueWriter } from './value-writer.ts';
import { frameFlag, wire } from './values.ts';
import { XmlReader, type NodeAttribute, type NodeContent } from './xml-reader.ts';

/** Whether the server's name is written after an interop JID. Implementations disagree. */
export type InteropServerWriting = 'omit' | 'send';

export interface EncoderOptions {
  /** Vocabulary of the stanzas, which must have both namespaces of the XML form. */
  readonly names: Names;
  readonly limits: ChatLimits;
  readonly interopServer: InteropServerWriting;
}

export class Encoder {
  readonly #limits: ChatLimits;
  readonly #reader: XmlReader;
  readonly #out: ByteWriter;
  readonly #values: ValueWriter;
  #nodes = 0;

  constructor({ names, limits, interopServer }: EncoderOptions) {
    this.#limits = limits;
    this.#reader = new XmlReader(names);
    this.#out = new ByteWriter(limits.frameBytesMax, () => new ChatError('ERR_CHAT_FRAME_SIZE'));
    this.#values = new ValueWriter(this.#out, interopServer, limits);
  }

  /** Returns the frame of a stanza before encryption, flag byte included, valid until the next call.
   *  @throws ChatError with an XmlErrorCode, or for a limit */
  encode(stanza: Stanza): Buffer {
    this.#nodes = 0;
    this.#out.reset();
    this.#out.byte(frameFlag.plain);
    this.#node(stanza, 0, 1);
    return this.#out.bytes();
  }

  #node(stanza: Stanza, index: number, depth: number): void {
    const { depthMax, nodesMax, attributesMax } = this.#limits;
    if (depth > depthMax) throw new ChatError('ERR_CHAT_DEPTH');
    this.#nodes += 1;
    if (this.#nodes > nodesMax) throw new ChatError('ERR_CHAT_NODE_COUNT');
    const { tag, attributes, content } = this.#reader.read(stanza, index);
    if (attributes.length > attributesMax) throw new ChatError('ERR_CHAT_ATTRIBUTE_COUNT');
    this.#listStart(1 + 2 * attributes.length + (content.kind === 'none' ? 0 : 1));
    this.#values.name(tag);
    this.#attributes(attributes);
    this.#content(stanza, content, depth);
  }

  #attributes(attributes: NodeAttribute[]): void {
    attributes.sort((one, other) => compareAttributes(one.name, other.name));
    let last: string | undefined;
    for (const { name, value } of attributes) {
      // In the XML form an attribute can be in two places.
      if (name === last) throw new ChatError('ERR_CHAT_DUPLICATE_ATTRIBUTE');
      last = name;
      this.#values.name(name);
      this.#values.attribute(value);
    }
  }

  #content(stanza: Stanza, content: NodeContent, depth: number): void {
    if (content.kind === 'text') this.#values.textContent(content.text);
    else if (content.kind === 'bytes') this.#values.bytes(content.bytes);
    else if (content.kind === 'nodes') {
      this.#listStart(content.indices.length);
      for (const child of content.indices) this.#node(stanza, child, depth + 1);
    }
  }

  #listStart(size: number): void {
    if (size > 0xffff) throw new ChatError('ERR_CHAT_NODE_COUNT');
    this.#out.byte(size < 256 ? wire.list8 : wire.list16);
    if (size >= 256) this.#out.byte(size >> 8);
    this.#out.byte(size & 0xff);
  }
}
