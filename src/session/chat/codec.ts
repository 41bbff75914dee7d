/** Between frames of the chat channel and stanzas in their XML form. Each call is complete when it returns, so that one
 *  codec serves all sessions with a gatekeeper. */
import { Decoder, type InteropServerReading } from '../../chat/decoder.ts';
import { Encoder, type InteropServerWriting } from '../../chat/encoder.ts';
import { ChatError } from '../../chat/error.ts';
import type { ChatLimits } from '../../chat/limits.ts';
import { chatStanzas } from '../../stanza/chat-stanzas.ts';
import type { Names } from '../../stanza/names.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import type { StreamLimits } from '../../stream/limits.ts';
import { Scanner } from '../../stream/scanner.ts';
import type { Workspace } from '../../stream/workspace.ts';
import { writeHeader } from '../../stream/write.ts';

export interface ChatCodecOptions {
  /** Vocabulary of the stanzas. */
  readonly names: Names;
  readonly limits: ChatLimits;
  /** Limits of the XML form, in both directions. */
  readonly streamLimits: StreamLimits;
  readonly interopServer: { readonly read: InteropServerReading; readonly write: InteropServerWriting };
  /** Workspace of the scanners that read from peers. */
  readonly workspace: Workspace;
  /** A workspace of its own: a stanza to send is scanned while the scanner that found it is at work. */
  readonly sendingWorkspace: Workspace;
}

const header = writeHeader(new Map(), chatStanzas);

export class ChatCodec {
  readonly #options: ChatCodecOptions;
  #decoder: Decoder | undefined;
  #encoder: Encoder | undefined;
  #receiving: ElementScanner | undefined;
  #sending: ElementScanner | undefined;

  constructor(options: ChatCodecOptions) {
    this.#options = options;
  }

  /** Returns the XML form of a decrypted frame, in memory of its own.
   *  @throws ChatError with a WireErrorCode */
  decode(frame: Uint8Array): Uint8Array {
    const { limits, interopServer, workspace } = this.#options;
    this.#decoder ??= new Decoder({ limits, interopServer: interopServer.read });
    const xml = this.#decoder.decode(frame);
    const copy = workspace.output.take(xml.length);
    copy.set(xml);
    return copy;
  }

  /** Passes the stanza of the gatekeeper that these bytes hold, which is valid during the call. The bytes must not
   *  change afterwards.
   *  @throws StreamError, or what `use` throws */
  read(xml: Uint8Array, use: (stanza: Stanza) => void): void {
    const scanner = (this.#receiving ??= this.#scanner(this.#options.workspace));
    try {
      scanner.read(xml, 0, xml.length, use);
    } catch (error) {
      // A scanner takes nothing after an error, and it serves other sessions too.
      this.#receiving = undefined;
      throw error;
    }
  }

  /** Encodes the elements in `bytes[start, end)`.
   *  @param take called with each frame before encryption, which is valid during the call
   *  @param refused called with an element that has no form in the binary protocol
   *  @throws StreamError, or what a callback throws */
  encode(
    bytes: Uint8Array,
    { start, end }: { readonly start: number; readonly end: number },
    take: (frame: Uint8Array) => void,
    refused: (stanza: Stanza) => void,
  ): void {
    const { names, limits, interopServer, sendingWorkspace } = this.#options;
    const encoder = (this.#encoder ??= new Encoder({ names, limits, interopServer: interopServer.write }));
    const scanner = (this.#sending ??= this.#scanner(sendingWorkspace));
    try {
      scanner.read(bytes, start, end, (stanza) => {
        const frame = encoded(encoder, stanza);
        if (frame === undefined) refused(stanza);
        else take(frame);
      });
    } catch (error) {
      this.#sending = undefined;
      throw error;
    }
  }

  /** Lets go of what is left of earlier stanzas, and of the sessions that had them. */
  forget(): void {
    this.#decoder = undefined;
    this.#encoder = undefined;
    this.#receiving = undefined;
    this.#sending = undefined;
    this.#options.sendingWorkspace.forget();
  }

  #scanner(workspace: Workspace): ElementScanner {
    const { names, streamLimits } = this.#options;
    return new ElementScanner(names, streamLimits, workspace);
  }
}

/** Returns the frame of a stanza; undefined when it has none. */
function encoded(encoder: Encoder, stanza: Stanza): Uint8Array | undefined {
  try {
    return encoder.encode(stanza);
  } catch (error) {
    if (error instanceof ChatError) return undefined;
    throw error;
  }
}

/** Scans whole elements, as they follow the header of the chat channel's XML form. */
class ElementScanner {
  readonly #scanner: Scanner;
  #use: (stanza: Stanza) => void = unused;

  constructor(names: Names, limits: StreamLimits, workspace: Workspace) {
    this.#scanner = new Scanner({
      names,
      limits,
      workspace,
      protocol: chatStanzas,
      sink: {
        header: () => {},
        stanza: (stanza) => this.#use(stanza),
        whitespace: () => {},
        end: () => {},
      },
    });
    this.#scanner.push(header);
  }

  read(bytes: Uint8Array, start: number, end: number, use: (stanza: Stanza) => void): void {
    this.#use = use;
    try {
      this.#scanner.push(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
    } finally {
      // The scanner serves all sessions: a session's callback would keep the session alive after its end.
      this.#use = unused;
    }
  }
}

const unused = (): void => {};
