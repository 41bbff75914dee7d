/** Attributes of a stanza in loops over many of them. */
import type { Stanza } from './stanza.ts';
import * as record from './tape.ts';
import { namespaceDeclaration, needsDecoding } from './tape.ts';

/** One attribute of a stanza as fields, for loops over many: read by one call, where asking the stanza for each would
 *  be several. */
export class AttributeView {
  /** Tape index of its record. */
  index = 0;
  /** Interned namespace: 0 without a prefix, < 0 unknown, `isDeclaration` for `xmlns…`. */
  namespace = 0;
  /** Interned local name, 0 when the vocabulary does not know it. */
  local = 0;
  isDeclaration = false;
  // Of the value, once it was read.
  /** Offset of the value in the stanza. */
  valueStart = 0;
  /** Offset after the value. */
  valueEnd = 0;
  /** Whether the bytes of the value are the value: nothing in it is to be decoded. */
  isPlain = true;

  /** Reads the name of the attribute at a tape index. */
  read({ tape }: Stanza, index: number): void {
    this.index = index;
    const namespace = tape[index + record.attribute.namespace]!;
    this.namespace = namespace;
    this.isDeclaration = namespace === namespaceDeclaration;
    this.local = tape[index + record.attribute.local]!;
  }

  /** Reads where the value of the same attribute stands. */
  readValue({ tape }: Stanza): void {
    const { index } = this;
    this.valueStart = tape[index + record.attribute.valueStart]!;
    const end = tape[index + record.attribute.valueEnd]!;
    this.isPlain = end < needsDecoding;
    this.valueEnd = end & ~needsDecoding;
  }
}
