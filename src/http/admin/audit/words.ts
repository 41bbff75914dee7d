/** Numbers, sizes and times as the page writes them. */

/** Returns a whole number with thousands apart: `12,345`. */
export function numberOf(value: number): string {
  return value.toLocaleString('en');
}

const units = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Returns a size in units of a thousand: `310 kB`. */
export function sizeOf(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 1_000 && unit < units.length - 1) [value, unit] = [value / 1_000, unit + 1];
  return `${unit > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** Returns `one` for 1, otherwise `many`, after the number. */
export function countOf(value: number, one: string, many = `${one}s`): string {
  return `${numberOf(value)} ${value === 1 ? one : many}`;
}

/** Returns a number of sessions that is known within two bounds. */
export function sessionsOf(atLeast: number, atMost: number): string {
  return atLeast === atMost
    ? countOf(atMost, 'session')
    : `${numberOf(atLeast)} to ${numberOf(atMost)} sessions`;
}

/** Returns a date and minute in UTC: `2026-11-29 17:03 UTC`. @param time milliseconds since 1970 */
export function minuteOf(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

const dayMs = 86_400_000;

/** Returns how far away a day is: `in 12 days`, `today`, `3 days ago`. */
export function daysTo(time: number, now: number): string {
  const days = Math.floor((time - now) / dayMs);
  if (days === 0) return 'within a day';
  return days > 0 ? `in ${countOf(days, 'day')}` : `${countOf(-days, 'day')} ago`;
}

/** Returns the beginning of a digest, by which people compare it. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 12);
}
