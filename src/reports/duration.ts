/** Durations in words, for readers outside of the operation. */

const units = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const;

/** Returns a duration in the largest unit that divides it, such as `10 minutes`. */
export function durationInWords(milliseconds: number): string {
  const [unit, size] = units.find(([, each]) => milliseconds > 0 && milliseconds % each === 0) ?? [
    'millisecond',
    1,
  ];
  const count = milliseconds / size;
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
