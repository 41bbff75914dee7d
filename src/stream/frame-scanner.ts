/** The scanner of a framed stream (RFC 7395 §3.3): each message is one document with one element, as strictly read as a
 *  stanza of a stream, and is found with nothing outside of it but white space after its end. */
import { StreamError } from '../stanza/error.ts';
import { ns } from '../stanza/namespaces.ts';
import type { Stanza, StreamScope } from '../stanza/stanza.ts';
import { emptyScope, streamPrefix } from './header.ts';
import type { StreamLimits } from './limits.ts';
import { Scanner, type ScannerOptions, type ScannerSink } from './scanner.ts';

const LT = 0x3c;

export type FrameScannerOptions = Pick<ScannerOptions, 'names' | 'limits' | 'workspace' | 'protocol'> & {
  readonly sink: FrameSink;
};

/** Receives what messages hold. Arguments are valid during the call only. */
export interface FrameSink extends Pick<ScannerSink, 'header' | 'stanza'> {
  /** The peer has closed its stream.
   *  @param redirected whether it names another address to connect to */
  end(redirected: boolean): void;
}

export class FrameScanner {
  /** Receives what is found. May be replaced between calls of `push`, and inside a sink call. */
  sink: FrameSink;
  readonly #scanner: Scanner;
  /** `awaited` before `<open/>`. */
  #stream: 'awaited' | 'open' | 'closed' = 'awaited';
  #message: Uint8Array = nothing;

  constructor({ sink, ...options }: FrameScannerOptions) {
    this.sink = sink;
    this.#scanner = new Scanner({
      ...options,
      form: 'documents',
      sink: {
        header: () => {},
        stanza: (element) => this.#take(element),
        whitespace: () => {},
        end: () => {},
      },
    });
  }

  set limits(limits: StreamLimits) {
    this.#scanner.limits = limits;
  }

  get limits(): StreamLimits {
    return this.#scanner.limits;
  }

  /** Makes the next message begin a new stream (RFC 7395 §3.7). */
  restart(): void {
    this.#stream = 'awaited';
  }

  /** Scans one message, and calls the sink for its element.
   *  @throws StreamError ERR_WEBSOCKET_MESSAGE, ERR_WEBSOCKET_NAMESPACE, ERR_STREAM_HEADER, and those of the scanner; all
   *  later input is refused then */
  push(message: Uint8Array): void {
    if (message[0] !== LT) throw notOneElement();
    this.#message = message;
    try {
      this.#scanner.push(message);
      this.#scanner.finish();
    } finally {
      this.#message = nothing;
    }
  }

  #take(element: Stanza): void {
    // Before anything is done with the element: a message is refused or accepted as a whole.
    if (!isWhitespace(this.#message, element.byteLength)) throw notOneElement();
    if (element.namespaceName(0) === ns.framing) this.#takeFraming(element);
    else if (this.#stream === 'open') this.sink.stanza(element);
    else throw unexpected();
  }

  #takeFraming(element: Stanza): void {
    const name = element.localName(0);
    if (element.contentOf(0) !== element.endOf(0)) throw unexpected();
    if (name === 'open' && this.#stream === 'awaited') this.#open(element);
    else if (name === 'close' && this.#stream !== 'closed') {
      this.#stream = 'closed';
      this.sink.end(element.attributeValue(0, 'see-other-uri') !== undefined);
    } else throw unexpected();
  }

  #open(element: Stanza): void {
    const attributes = new Map<string, string>();
    for (const at of element.attributes())
      if (!element.isDeclaration(at)) attributes.set(element.qualifiedName(at), element.value(at));
    const scope = { ...framedScope, lang: attributes.get('xml:lang') ?? '' };
    this.#stream = 'open';
    this.#scanner.enter(scope);
    this.sink.header({ declaration: false, attributes, prefix: streamPrefix, scope });
  }
}

const nothing = new Uint8Array(0);

/** A scope in which every document of a framed stream reads the same as by itself, and what is added to one reads as in a
 *  stream of the proxy. */
const framedScope: StreamScope = {
  ...emptyScope,
  contentNamespace: ns.client,
  declarations: new Map([
    ['', ns.client],
    [streamPrefix, ns.streams],
  ]),
};

function isWhitespace(bytes: Uint8Array, from: number): boolean {
  for (let at = from; at < bytes.length; at += 1) {
    const byte = bytes[at]!;
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return false;
  }
  return true;
}

function notOneElement(): StreamError {
  return new StreamError('bad-format', { code: 'ERR_WEBSOCKET_MESSAGE' });
}

function unexpected(): StreamError {
  return new StreamError('bad-format', { code: 'ERR_STREAM_HEADER' });
}
