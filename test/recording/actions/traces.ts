/** What an observer of the connection between proxy and gatekeeper has of an action: when how many bytes went in which
 *  direction. Taken from a recording, as if there were no proxy (`before`) and as it is (`after`). */
import type { StanzaRecord } from '../../../src/recording/record.ts';
import type { Sample } from './classifier.ts';

/** An action that a client was made to perform, in milliseconds since 1970. */
export interface Label {
  readonly action: string;
  readonly from: number;
  readonly to: number;
}

export type View = 'before' | 'after';

/** Bytes that were seen. */
interface Event {
  readonly at: number;
  readonly bytes: number;
  readonly outgoing: boolean;
}

/** Stanzas of each direction whose sizes are features, and gaps between stanzas. */
const sizes = 3;
const gaps = 3;
/** A gap that is not there. */
const noGapMs = 0;

/** @param shiftMs by which the times of the recording are earlier */
export function samplesOf(
  records: readonly StanzaRecord[],
  labels: readonly Label[],
  shiftMs: number,
  view: View,
): Sample[] {
  return labels.map(({ action, from, to }) => {
    const own = records.filter(({ at }) => at + shiftMs >= from && at + shiftMs < to);
    const events = own.flatMap((record) => eventOf(record, view)).toSorted((one, other) => one.at - other.at);
    return { action, features: events.length === 0 ? undefined : featuresOf(events) };
  });
}

/** What the gatekeeper sends is the same with and without the proxy; what it is sent is not. */
function eventOf({ direction, at, received, forwarded, waited }: StanzaRecord, view: View): Event[] {
  const outgoing = direction === 'to-gatekeeper';
  if (!outgoing || view === 'before') return received === 0 ? [] : [{ at, bytes: received, outgoing }];
  return forwarded === 0 ? [] : [{ at: at + waited, bytes: forwarded, outgoing }];
}

function featuresOf(events: readonly Event[]): readonly number[] {
  const out = events.filter(({ outgoing }) => outgoing).map(({ bytes }) => bytes);
  const back = events.filter(({ outgoing }) => !outgoing).map(({ bytes }) => bytes);
  const between = events.slice(1).map(({ at }, index) => Math.log2(1 + at - events[index]!.at));
  return [
    out.length,
    back.length,
    sum(out),
    sum(back),
    ...padded(out, sizes, 0),
    ...padded(back, sizes, 0),
    ...padded(between, gaps, noGapMs),
  ];
}

function padded(values: readonly number[], length: number, filler: number): readonly number[] {
  return Array.from({ length }, (_, index) => values[index] ?? filler);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
