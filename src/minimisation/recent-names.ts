import { equalAt } from '../stanza/equal-at.ts';

/** The last few identifiers of one binding with their pseudonyms. A request is mostly answered before as many others
 *  are sent, and then it is mapped back by comparing instead of deciphering. */
export class RecentNames {
  readonly #bytesMax: number;
  readonly #names: Buffer[] = [];
  readonly #lengths: number[] = [];
  /** One place of the same length for each value. */
  readonly #values: Buffer;
  #next = 0;

  /** @param bytesMax longest identifier */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#values = Buffer.allocUnsafe(namesMax * bytesMax);
  }

  /** The name belongs to the value that stands in `bytes[from, to)`. It must not change afterwards. */
  remember(name: Buffer, bytes: Buffer, from: number, to: number): void {
    const slot = this.#next;
    const place = slot * this.#bytesMax - from;
    for (let i = from; i < to; i += 1) this.#values[place + i] = bytes[i]!;
    this.#names[slot] = name;
    this.#lengths[slot] = to - from;
    this.#next = (slot + 1) % namesMax;
  }

  /** The value whose name stands in `bytes[from, to)`. */
  valueAt(bytes: Buffer, from: number, to: number): Buffer | undefined {
    for (let slot = 0; slot < this.#names.length; slot += 1) {
      const name = this.#names[slot]!;
      if (name.length !== to - from || !equalAt(bytes, from, name)) continue;
      const place = slot * this.#bytesMax;
      return Buffer.from(this.#values.subarray(place, place + this.#lengths[slot]!));
    }
    return undefined;
  }
}

const namesMax = 8;
