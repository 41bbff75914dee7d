import { equalAt } from '../stanza/equal-at.ts';
import { ownCopy } from '../stanza/own-bytes.ts';

/** Caches the last identifiers of one binding with their pseudonyms. Most requests are answered before as many
 *  others are sent, and are then mapped back by comparison, without decryption. */
export class RecentNames {
  readonly #bytesMax: number;
  readonly #names: Buffer[] = [];
  readonly #lengths: number[] = [];
  /** A slot of the same length for each value. */
  readonly #values: Buffer;
  #next = 0;

  /** @param bytesMax bytes of the longest identifier */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#values = Buffer.allocUnsafeSlow(namesMax * bytesMax);
  }

  /** Stores a name for the value in `bytes[from, to)`. The name must not change afterwards. */
  remember(name: Buffer, bytes: Buffer, from: number, to: number): void {
    const slot = this.#next;
    const place = slot * this.#bytesMax - from;
    for (let i = from; i < to; i += 1) this.#values[place + i] = bytes[i]!;
    this.#names[slot] = name;
    this.#lengths[slot] = to - from;
    this.#next = (slot + 1) % namesMax;
  }

  /** Returns the value whose name is in `bytes[from, to)`; undefined when it is not cached. */
  valueAt(bytes: Buffer, from: number, to: number): Buffer | undefined {
    for (let slot = 0; slot < this.#names.length; slot += 1) {
      const name = this.#names[slot]!;
      if (name.length !== to - from || !equalAt(bytes, from, name)) continue;
      const place = slot * this.#bytesMax;
      return ownCopy(this.#values.subarray(place, place + this.#lengths[slot]!));
    }
    return undefined;
  }
}

const namesMax = 8;
