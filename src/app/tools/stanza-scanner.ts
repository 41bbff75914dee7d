/** Reads stanzas that stand alone, as they follow the header of a client's stream. */
import type { Names } from '../../stanza/names.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { defaultLimits } from '../../stream/limits.ts';
import { Scanner } from '../../stream/scanner.ts';
import { SimdStructure } from '../../stream/structure/simd.ts';
import { Workspace } from '../../stream/workspace.ts';
import { clientHeader } from './wire.ts';

export class StanzaScanner {
  readonly #scanner: Scanner;
  #use: ((stanza: Stanza) => void) | undefined;

  constructor(names: Names) {
    this.#scanner = new Scanner({
      names,
      limits: defaultLimits,
      workspace: new Workspace(new SimdStructure(), defaultLimits),
      sink: {
        header: () => {},
        whitespace: () => {},
        end: () => {},
        stanza: (stanza) => {
          const use = this.#use;
          this.#use = undefined;
          this.#scanner.halt();
          use?.(stanza);
        },
      },
    });
    this.#scanner.push(clientHeader);
  }

  /** Passes the stanza in these bytes, which is valid during the call. The scanner reads nothing more after an error.
   *  @throws SyntaxError when there is not one whole stanza, StreamError when it is refused */
  read(bytes: Uint8Array, use: (stanza: Stanza) => void): void {
    this.#use = use;
    const taken = this.#scanner.push(bytes);
    if (this.#use !== undefined || taken < bytes.length) throw new SyntaxError('expected one whole stanza');
  }
}
