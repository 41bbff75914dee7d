import type { Names } from '../stanza/names.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { Edit } from '../stanza/verdict.ts';

/** Converts text to a stanza and back for the tools, with the scanner and splice of real traffic. The command passes
 *  it in. */
export interface Wire {
  /** Parses the one element in the text, in a stream of the chat channel where the element declares its namespace, and
   *  otherwise in a stream of jabber:client.
   *  @throws Error in the scanner's words when it is not exactly one */
  parse(text: string, names: Names): Stanza;
  write(stanza: Stanza, edits: readonly Edit[]): Uint8Array;
}
