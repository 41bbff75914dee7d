/** Reads stanzas that stand alone, as they follow the header of a client's stream. */
import { chatStanzas } from '../../stanza/chat-stanzas.ts';
import type { Names } from '../../stanza/names.ts';
import { textOf } from '../../stanza/own-bytes.ts';
import { xmppStanzas, type StanzaProtocol } from '../../stanza/protocol.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { defaultLimits } from '../../stream/limits.ts';
import { Scanner } from '../../stream/scanner.ts';
import { SimdStructure } from '../../stream/structure/simd.ts';
import { Workspace } from '../../stream/workspace.ts';
import { chatElement, chatHeader, clientHeader } from './wire.ts';

export class StanzaScanner {
  readonly #names: Names;
  readonly #scanners = new Map<StanzaProtocol, Scanner>();
  #use: ((stanza: Stanza) => void) | undefined;

  constructor(names: Names) {
    this.#names = names;
  }

  /** Passes the stanza in these bytes, which is valid during the call. One that declares the namespace of the chat
   *  channel is of that protocol. The scanner reads nothing more after an error.
   *  @throws SyntaxError when there is not one whole stanza, StreamError when it is refused */
  read(bytes: Uint8Array, use: (stanza: Stanza) => void): void {
    this.#use = use;
    const start = textOf(bytes.subarray(0, startBytesMax));
    const taken = this.#scannerOf(chatElement.test(start) ? chatStanzas : xmppStanzas).push(bytes);
    if (this.#use !== undefined || taken < bytes.length) throw new SyntaxError('expected one whole stanza');
  }

  #scannerOf(protocol: StanzaProtocol): Scanner {
    let scanner = this.#scanners.get(protocol);
    if (scanner === undefined) {
      scanner = this.#make(protocol);
      scanner.push(protocol === chatStanzas ? chatHeader : clientHeader);
      this.#scanners.set(protocol, scanner);
    }
    return scanner;
  }

  #make(protocol: StanzaProtocol): Scanner {
    const scanner: Scanner = new Scanner({
      names: this.#names,
      protocol,
      limits: defaultLimits,
      workspace: new Workspace(new SimdStructure(), defaultLimits),
      sink: {
        header: () => {},
        whitespace: () => {},
        end: () => {},
        stanza: (stanza) => {
          const use = this.#use;
          this.#use = undefined;
          scanner.halt();
          use?.(stanza);
        },
      },
    });
    return scanner;
  }
}

/** Bytes in which the start tag of a recorded stanza of the chat channel declares its namespace. */
const startBytesMax = 4_096;
