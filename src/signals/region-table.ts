/** Regions by address prefix: the longest prefix that holds an address decides. */
import { prefixOf, type IpAddress } from './ip-address.ts';

/** Where a prefix is used, as far as its publisher says. */
export interface Region {
  /** Two letters (ISO 3166-1); '' when the publisher asks not to locate the prefix. */
  readonly country: string;
  /** Code of a subdivision that begins with the country (ISO 3166-2); '' without. */
  readonly subdivision: string;
}

export class RegionTable {
  /** By address family, by length of the prefix in bits, by its bytes. */
  readonly #prefixes = {
    4: new Map<number, Map<string, Region>>(),
    6: new Map<number, Map<string, Region>>(),
  };
  /** Lengths in use, the longest first. */
  readonly #lengths: { 4: number[]; 6: number[] } = { 4: [], 6: [] };

  /** Adds a prefix. @returns false when it is there already; the table is then as before */
  add(network: IpAddress, prefixBits: number, region: Region): boolean {
    const { version } = network;
    let prefixes = this.#prefixes[version].get(prefixBits);
    if (prefixes === undefined) {
      this.#prefixes[version].set(prefixBits, (prefixes = new Map()));
      this.#lengths[version] = [...this.#prefixes[version].keys()].toSorted((a, b) => b - a);
    }
    const key = keyOf(network);
    if (prefixes.has(key)) return false;
    prefixes.set(key, region);
    return true;
  }

  /** Returns the region of an address; undefined when no prefix holds it, or when the longest one has no country. */
  find(address: IpAddress): Region | undefined {
    const { version } = address;
    for (const bits of this.#lengths[version]) {
      const found = this.#prefixes[version].get(bits)!.get(keyOf(prefixOf(address, bits)));
      if (found !== undefined) return found.country === '' ? undefined : found;
    }
    return undefined;
  }
}

function keyOf({ bytes }: IpAddress): string {
  return String.fromCharCode(...bytes);
}
