/** Prints what a canary run found, for a person and for a program. No value of a canary is printed. */
import type { Field } from '../policy/catalogue.ts';
import { markOf, verdictMeanings, type CanaryReport, type Sighting, type Verdict } from './findings.ts';
import type { Canary } from './canary.ts';
import { placeMeanings } from './places.ts';

/** Names of the policies of a run. */
export interface RunPolicies {
  /** What the proxy runs under. */
  readonly policy: string;
  /** What the findings were compared with. */
  readonly expected: string;
}

/** Returns the report as one JSON document. */
export function canariesJson(report: CanaryReport, policies: RunPolicies): string {
  const { places, skipped, unsent, canaries, leaks, named } = report;
  return JSON.stringify(
    {
      ...policies,
      leaks: leaks.map(({ place, sighting }) => ({ place, ...described(sighting) })),
      places: places.map(({ place, bytes, sightings }) => ({ place, bytes, found: sightings.size })),
      skipped,
      named: named.map(({ place, sighting, what, until }) => ({
        place,
        ...placed(sighting.canary),
        what,
        until,
      })),
      unsent,
      canaries: canaries.map(({ canary, sending, verdicts }) => ({
        ...placed(canary),
        audience: canary.audience,
        sending,
        verdicts,
      })),
    },
    null,
    2,
  );
}

function described({ canary, forms, keptBy }: Sighting): object {
  return {
    ...placed(canary),
    forms: [...forms],
    ...(keptBy.length === 0 ? {} : { keptBy }),
  };
}

function placed({ field: { name, protocol }, direction }: Canary): object {
  return { field: name, protocol, direction };
}

/** Returns the name of a field; one of the chat channel is marked as such. */
function nameOf({ name, protocol }: Pick<Field, 'name' | 'protocol'>): string {
  return protocol === 'chat-channel' ? `${name} (chat)` : name;
}

/** Columns of a name. */
const nameWidth = 31;

/** Returns the report as text. */
export function canariesText(report: CanaryReport, policies: RunPolicies): string {
  const { canaries, unsent, leaks } = report;
  const { policy, expected } = policies;
  const under = policy === expected ? `under ${policy}` : `under ${policy}, compared with ${expected}`;
  const sections = [
    `${canaries.length} values in ${new Set(canaries.map(({ canary }) => canary.field.name)).size} fields, ${under}`,
    placeLines(report),
    matrixLines(report),
    sendingLines(report),
    `Without a value of their own, and not sent:\n${unsent.map(({ field: name, protocol, reason }) => `  ${nameOf({ name, protocol })}: ${reason}`).join('\n')}`,
    namedLines(report),
    leaks.length === 0 ? '✓ no leak' : leakLines(report),
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

function placeLines({ places, skipped }: CanaryReport): string {
  const searched = places.map(
    ({ place, bytes }) => `  ${place.padEnd(11)}${String(bytes).padStart(12)} bytes  ${placeMeanings[place]}`,
  );
  const others = skipped.map(({ place, reason }) => `  ${place.padEnd(11)} not searched: ${reason}`);
  return ['Searched:', ...searched, ...others].join('\n');
}

function matrixLines({ places, canaries }: CanaryReport): string {
  const head = `  ${'field'.padEnd(nameWidth)}${'direction'.padEnd(15)}${places.map(({ place }) => place).join(' ')}`;
  const rows = canaries.map(({ canary, verdicts }) => {
    const cells = places.map(({ place }) => markOf(verdicts[place]!).padEnd(place.length)).join(' ');
    return `  ${nameOf(canary.field).padEnd(nameWidth)}${canary.direction.padEnd(15)}${cells}`.trimEnd();
  });
  const legend = (Object.entries(verdictMeanings) as [Verdict, string][]).map(
    ([verdict, meaning]) => `  ${markOf(verdict)}  ${meaning}`,
  );
  return ['What was found:', head, ...rows, '', ...legend].join('\n');
}

function sendingLines({ canaries }: CanaryReport): string {
  const others = canaries.filter(({ sending }) => sending !== 'sent');
  if (others.length === 0) return '';
  const lines = others.map(
    ({ canary, sending }) => `  ${nameOf(canary.field)} ${canary.direction}: ${sending}`,
  );
  return ['Sent, and something else came of it:', ...lines].join('\n');
}

function namedLines({ named }: CanaryReport): string {
  if (named.length === 0) return '';
  const lines = named.map(
    ({ place, sighting: { canary }, what, until }) =>
      `  ${nameOf(canary.field)} ${canary.direction}, ${place}: ${what}, until ${until}`,
  );
  return ['Kept on purpose:', ...new Set(lines)].join('\n');
}

function leakLines({ leaks }: CanaryReport): string {
  const lines = leaks.flatMap(({ place, sighting: { canary, forms, keptBy } }) => [
    `  ${nameOf(canary.field)} ${canary.direction}, ${place}: ${[...forms].join(', ')}`,
    ...new Set(keptBy.map((path) => `      kept by ${path.join(' < ')}`)),
  ]);
  return [`✗ ${leaks.length} leaks:`, ...lines].join('\n');
}
