/** Searches one place after the other for the canaries of a run, and judges what was found. */
import type { Canaries, Canary } from '../../canaries/canary.ts';
import { isShown } from '../../canaries/expectation.ts';
import {
  judge,
  PlaceSearch,
  type CanaryReport,
  type SearchedPlace,
  type SkippedPlace,
} from '../../canaries/findings.ts';
import { HeapSnapshot } from '../../canaries/heap-snapshot.ts';
import type { Inspector } from '../../canaries/inspector.ts';
import { placeMeanings, type PlaceName } from '../../canaries/places.ts';
import { writableMemory } from '../../canaries/process-memory.ts';
import { Search, type Hit } from '../../canaries/search.ts';
import type { Policy } from '../../policy/policy.ts';
import { systemClock } from '../clock.ts';
import { readAdmin } from './admin.ts';

export class Gathering {
  readonly #canaries: Canaries;
  readonly #search: Search;
  readonly #places: SearchedPlace[] = [];
  readonly #skipped: SkippedPlace[] = [];

  constructor(canaries: Canaries) {
    this.#canaries = canaries;
    this.#search = new Search(canaries.sent.map(({ forms }) => forms));
  }

  /** Compares what was found with what a policy lets each party have now. Places are in the order of the documentation.
   *  @param sending what became of each canary */
  report(sending: ReadonlyMap<Canary, string>, expected: Policy): CanaryReport {
    const order = Object.keys(placeMeanings);
    const now = systemClock.wall();
    return judge({
      canaries: this.#canaries,
      sending,
      places: this.#places.toSorted((one, other) => order.indexOf(one.place) - order.indexOf(other.place)),
      skipped: this.#skipped,
      isShown: (canary) => isShown(expected, canary, now),
    });
  }

  /** Searches the bytes of a place; texts are Latin-1. */
  look(name: PlaceName, ...parts: readonly (Uint8Array | string)[]): void {
    const place = this.#open(name);
    for (const part of parts) place.look(typeof part === 'string' ? Buffer.from(part, 'latin1') : part);
    this.#places.push(place.done());
  }

  skip(place: PlaceName, reason: string): void {
    this.#skipped.push({ place, reason });
  }

  /** Searches the answers of an admin port.
   *  @param url `http://host:port`
   *  @throws TypeError when nothing answers */
  async lookAtAdmin(url: string): Promise<void> {
    const { metrics, others } = await readAdmin(url);
    this.look('metrics', metrics);
    this.look('admin', others);
  }

  /** Searches the strings and the buffers of a process, after a garbage collection. */
  async lookInside(inspector: Inspector): Promise<void> {
    const heap = this.#open('heap');
    const json = await inspector.heapSnapshot();
    const snapshot = new HeapSnapshot(json);
    heap.count(json.length);
    for (const { canary, form, keptBy } of snapshot.search(this.#search)) heap.note(canary, form, keptBy);
    const buffers = this.#open('buffers');
    for await (const { bytes, snapshotId } of inspector.arrayBuffers()) {
      buffers.count(bytes.length);
      const hits: Hit[] = [];
      this.#search.each(bytes, (hit) => void hits.push(hit));
      if (hits.length === 0) continue;
      const keptBy = snapshot.keptBy(await snapshotId());
      for (const { canary, form } of hits) buffers.note(canary, form, keptBy);
    }
    this.#places.push(heap.done(), buffers.done());
  }

  /** Searches the pages of a process; skips them where the system forbids it. */
  async lookAtPages(pid: number): Promise<void> {
    const memory = this.#open('memory');
    try {
      for await (const piece of writableMemory(pid, this.#search.longest)) memory.look(piece);
      this.#places.push(memory.done());
    } catch (error) {
      this.skip('memory', `the system does not let it be read (${(error as NodeJS.ErrnoException).code})`);
    }
  }

  #open(name: PlaceName): PlaceSearch {
    return new PlaceSearch(name, this.#canaries.sent, this.#search);
  }
}
