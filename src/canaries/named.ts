/** Values that a proxy keeps on purpose after a session: by field, with what keeps them and for how long. A value of
 *  any other field, or kept by anything else, is a leak. */
import type { Canary } from './canary.ts';
import type { PlaceName } from './places.ts';

interface NamedKeeping {
  readonly place: PlaceName;
  readonly fields: readonly string[];
  /** Matches one name of the path that keeps the value alive. */
  readonly keptBy: RegExp;
  readonly what: string;
  readonly until: string;
}

export const keepings: readonly NamedKeeping[] = [
  {
    place: 'heap',
    fields: ['media.fetch', 'push.id', 'push.recipient', 'push.sender', 'push.body', 'push.count'],
    keptBy: /^(ClientRequest|TLSSocket|Socket)\b/,
    what: "Node's record of the last request of a connection that is kept open",
    until: 'the connection closes, at the latest 30 seconds after its last use',
  },
  {
    place: 'heap',
    fields: ['sm.id', 'stream.from', 'bind.resource'],
    keptBy: /^Resumptions\b/,
    what: 'the table of streams that a client may resume',
    until: 'the time that the gatekeeper grants for it is over',
  },
];

/** Returns what keeps a value on purpose; undefined for a leak.
 *  @param keptBy a path per string; every one of them must be known */
export function keptOnPurpose(
  place: PlaceName,
  { field }: Canary,
  keptBy: readonly (readonly string[])[],
): { readonly what: string; readonly until: string } | undefined {
  if (keptBy.length === 0) return undefined;
  const known = keptBy.map((path) =>
    keepings.find(
      (keeping) =>
        keeping.place === place &&
        keeping.fields.includes(field.name) &&
        path.some((name) => keeping.keptBy.test(name)),
    ),
  );
  return known.every((keeping) => keeping !== undefined) ? known[0] : undefined;
}
