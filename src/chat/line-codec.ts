/** Converts nodes to lines, for people and tools: decrypted frames in hexadecimal, the XML form, JSON. */
import { createNames } from '../stanza/names.ts';
import { ns } from '../stanza/namespaces.ts';
import type { Stanza } from '../stanza/stanza.ts';
import { defaultLimits, type StreamLimits } from '../stream/limits.ts';
import { Scanner } from '../stream/scanner.ts';
import { SimdStructure } from '../stream/structure/simd.ts';
import { Workspace } from '../stream/workspace.ts';
import { Decoder, type InteropServerReading } from './decoder.ts';
import { Encoder, type InteropServerWriting } from './encoder.ts';
import { ChatError } from './error.ts';
import { toJsonNode, toXml, type JsonNode } from './json-node.ts';
import { defaultChatLimits, type ChatLimits } from './limits.ts';
import { markPrefix } from './xml-form.ts';
import { XmlReader } from './xml-reader.ts';

export type LineFormat = 'xml' | 'json';

export interface LineCodecOptions {
  readonly interopServer: { readonly read: InteropServerReading; readonly write: InteropServerWriting };
}

const declarations = ` xmlns='${ns.chat}' xmlns:${markPrefix}='${ns.chatMarks}'`;
const header = `<stream:stream xmlns:stream='${ns.streams}'${declarations}>`;

export class LineCodec {
  readonly #limits: ChatLimits = defaultChatLimits;
  readonly #decoder: Decoder;
  readonly #encoder: Encoder;
  readonly #reader: XmlReader;
  readonly #names = createNames([ns.streams, ns.chat, ns.chatMarks, ns.xml, ns.xmlns], []);
  readonly #streamLimits: StreamLimits;
  readonly #workspace: Workspace;

  constructor({ interopServer }: LineCodecOptions) {
    const limits = this.#limits;
    this.#decoder = new Decoder({ limits, interopServer: interopServer.read });
    this.#encoder = new Encoder({ names: this.#names, limits, interopServer: interopServer.write });
    this.#reader = new XmlReader(this.#names);
    this.#streamLimits = streamLimits(limits);
    this.#workspace = new Workspace(new SimdStructure(), this.#streamLimits);
  }

  /** Returns the line of a frame, flag byte included. In XML the element declares both namespaces, so that the line is
   *  a document.
   *  @throws ChatError */
  decode(hex: string, format: LineFormat): string {
    if (!/^(?:[0-9a-fA-F]{2})*$/.test(hex)) throw new ChatError('ERR_CHAT_HEX');
    const xml = this.#decoder.decode(Buffer.from(hex, 'hex'));
    if (format === 'json')
      return this.#scan(xml, (stanza) => JSON.stringify(toJsonNode(this.#reader, stanza)));
    const text = xml.toString();
    const nameEnd = /[ />]/.exec(text)!.index;
    return text.slice(0, nameEnd) + declarations + text.slice(nameEnd);
  }

  /** Returns the frame of a node in XML, with or without the declarations, or in JSON.
   *  @throws ChatError; StreamError for malformed XML */
  encode(line: string, format: LineFormat): string {
    const xml = format === 'json' ? toXml(parsedJson(line), this.#limits) : line;
    return this.#scan(Buffer.from(xml), (stanza) => this.#encoder.encode(stanza).toString('hex'));
  }

  /** Scans one element as the proxy scans a stanza.
   *  @throws ChatError ERR_CHAT_LINE; StreamError */
  #scan<T>(xml: Uint8Array, use: (stanza: Stanza) => T): T {
    const results: T[] = [];
    const scanner = new Scanner({
      names: this.#names,
      limits: this.#streamLimits,
      workspace: this.#workspace,
      sink: {
        header: () => {},
        stanza: (stanza) => {
          results.push(use(stanza));
        },
        whitespace: () => {},
        end: () => {},
      },
    });
    scanner.push(Buffer.from(header));
    scanner.push(xml);
    if (results.length !== 1 || !scanner.atBoundary) throw new ChatError('ERR_CHAT_LINE');
    return results[0]!;
  }
}

function parsedJson(line: string): JsonNode {
  try {
    return JSON.parse(line) as JsonNode;
  } catch (error) {
    throw new ChatError('ERR_CHAT_JSON', error);
  }
}

/** Returns limits of the scanner that admit everything within the chat channel's limits. Marks are elements too. */
function streamLimits(limits: ChatLimits): StreamLimits {
  return {
    ...defaultLimits,
    stanzaBytesMax: limits.xmlBytesMax,
    tagBytesMax: limits.xmlBytesMax,
    nameBytesMax: limits.nameBytesMax,
    depthMax: limits.depthMax + 1,
    elementsMax: limits.nodesMax * 4,
    attributesMax: limits.attributesMax + 4,
  };
}
