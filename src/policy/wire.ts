import type { Names } from '../stanza/names.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { Edit } from '../stanza/verdict.ts';

/** Text to stanza and back, for the tools: the data plane's own scanner and splice, handed in by the command. */
export interface Wire {
  /** The one element that the text holds, in a stream whose content namespace is jabber:client.
   *  @throws Error in the scanner's words when it is not exactly one. */
  parse(text: string, names: Names): Stanza;
  write(stanza: Stanza, edits: readonly Edit[]): Uint8Array;
}
