/** Durations and sizes in policies: a whole number and a unit. */
const durationUnits = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const sizeUnits = { B: 1, KiB: 1_024, MiB: 1_048_576 } as const;

export const durationPattern = '^[1-9][0-9]{0,5}(ms|s|m|h|d)$';
export const sizePattern = '^[1-9][0-9]{0,5}(B|KiB|MiB)$';

/** Parses a duration.
 *  @returns milliseconds; undefined for another text */
export function parseDuration(text: string): number | undefined {
  const unit = new RegExp(durationPattern).exec(text)?.[1];
  return unit === undefined
    ? undefined
    : Number.parseInt(text, 10) * durationUnits[unit as keyof typeof durationUnits];
}

/** Parses a size.
 *  @returns bytes; undefined for another text */
export function parseSize(text: string): number | undefined {
  const unit = new RegExp(sizePattern).exec(text)?.[1];
  return unit === undefined
    ? undefined
    : Number.parseInt(text, 10) * sizeUnits[unit as keyof typeof sizeUnits];
}

/** Writes a duration in the largest unit that divides it. */
export function formatDuration(milliseconds: number): string {
  return format(milliseconds, durationUnits);
}

export function formatSize(bytes: number): string {
  return format(bytes, sizeUnits);
}

function format(amount: number, units: Readonly<Record<string, number>>): string {
  const fitting = Object.entries(units).filter(([, size]) => amount % size === 0);
  const [unit, size] = fitting.reduce((best, each) => (each[1] > best[1] ? each : best));
  return `${amount / size}${unit}`;
}
