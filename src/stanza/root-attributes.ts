import { editedValueAt } from './edited-value.ts';
import type { Names } from './names.ts';
import type { Stanza } from './stanza.ts';
import * as record from './tape.ts';
import type { Edit } from './verdict.ts';

/** Reads several attributes of a stanza, each without a prefix, in one pass over its start tag. For hot paths. */
export class RootAttributes<Name extends string> {
  readonly #names: readonly Name[];
  /** Tape indexes, in the order of the names; -1 without the attribute. */
  readonly #at: Int32Array;
  /** Number of a name plus one, by the id of a local name; 0 for others. */
  #numbers: Uint8Array = new Uint8Array(0);
  /** What `#numbers` is about. */
  #vocabulary: Names | undefined;
  #stanza!: Stanza;

  constructor(names: readonly Name[]) {
    this.#names = names;
    this.#at = new Int32Array(names.length);
  }

  /** Reads a stanza, which must stay valid while its values are asked for. */
  read(stanza: Stanza): void {
    if (stanza.names !== this.#vocabulary) this.#learn(stanza.names);
    this.#stanza = stanza;
    this.#at.fill(-1);
    const { tape } = stanza;
    const end = stanza.contentOf(0);
    for (let at = stanza.firstAttribute(0); at < end; at = stanza.nextAttribute(at)) {
      if (tape[at + record.attribute.namespace] !== 0) continue;
      const number = this.#numbers[tape[at + record.attribute.local]!]!;
      if (number > 0) this.#at[number - 1] = at;
    }
  }

  /** Returns the value of an attribute; undefined without it. */
  value(name: Name): string | undefined {
    const at = this.#at[this.#names.indexOf(name)]!;
    return at === -1 ? undefined : this.#stanza.value(at);
  }

  /** Returns the value of an attribute as the receiver of the stanza is shown it; undefined without it.
   *  @param edits with which the stanza is sent */
  shown(name: Name, edits: readonly Edit[]): string | undefined {
    const at = this.#at[this.#names.indexOf(name)]!;
    return at === -1 ? undefined : editedValueAt(this.#stanza, at, edits);
  }

  #learn(vocabulary: Names): void {
    this.#vocabulary = vocabulary;
    this.#numbers = new Uint8Array(vocabulary.locals.size + 1);
    this.#names.forEach((name, index) => {
      const local = vocabulary.local(name);
      // Id 0 is every unknown name.
      if (local === 0) throw new RangeError(`the vocabulary lacks ${name}`);
      this.#numbers[local] = index + 1;
    });
  }
}
