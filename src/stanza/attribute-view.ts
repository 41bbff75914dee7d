/** Reads attributes of a stanza in loops over many of them. */
import type { Stanza } from './stanza.ts';
import * as record from './tape.ts';
import { namespaceDeclaration, needsDecoding } from './tape.ts';

/** One attribute of a stanza as fields: one call reads them all, where asking the stanza for each would take
 *  several. */
export class AttributeView {
  /** Tape index of its record. */
  index = 0;
  /** Namespace id: 0 without a prefix, < 0 unknown, `isDeclaration` for `xmlns…`. */
  namespace = 0;
  /** Local name id; 0 when the vocabulary lacks it. */
  local = 0;
  isDeclaration = false;
  // Set by `readValue`.
  /** Offset of the value in the stanza. */
  valueStart = 0;
  /** Offset after the value. */
  valueEnd = 0;
  /** Whether the value is its bytes, without references or white space to resolve. */
  isPlain = true;

  /** Reads the name of the attribute at a tape index, and whether its value is plain. */
  read({ tape }: Stanza, index: number): void {
    this.index = index;
    const namespace = tape[index + record.attribute.namespace]!;
    this.namespace = namespace;
    this.isDeclaration = namespace === namespaceDeclaration;
    this.local = tape[index + record.attribute.local]!;
  }

  /** Reads the offsets of the same attribute's value. */
  readValue({ tape }: Stanza): void {
    const { index } = this;
    this.valueStart = tape[index + record.attribute.valueStart]!;
    const end = tape[index + record.attribute.valueEnd]!;
    this.isPlain = end < needsDecoding;
    this.valueEnd = end & ~needsDecoding;
  }
}
