/** What a policy file says (docs/policies.md): inheritance, treatments, and exceptions in the case of one session. */
import type { Audience } from './catalogue.ts';

export type Scope = 'session' | 'account' | 'conversation' | 'gatekeeper';

export type Grain =
  | { readonly of: 'time' | 'bytes'; readonly grain: number }
  | { readonly of: 'address'; readonly ipv4: number; readonly ipv6: number }
  | { readonly of: 'version' | 'language' };

/** Times in milliseconds, sizes in bytes. */
export type Treatment =
  | { readonly kind: 'keep' | 'drop' | 'lower' }
  | { readonly kind: 'refuse'; readonly condition: string }
  | { readonly kind: 'replace'; readonly text: string }
  | { readonly kind: 'coarsen'; readonly grain: Grain }
  | { readonly kind: 'pseudonymise'; readonly scope: Scope; readonly rotate: number | undefined }
  | { readonly kind: 'pad'; readonly sizes: readonly number[] }
  | { readonly kind: 'delay'; readonly upTo: number }
  | { readonly kind: 'equalise'; readonly after: number }
  | { readonly kind: 'answer'; readonly values: Readonly<Record<string, string>> };

export type Rules = ReadonlyMap<string, Treatment>;
export type Matrix = Readonly<Record<Audience, Rules>>;
export type Unlisted = 'drop' | 'keep' | 'refuse';

export interface Condition {
  readonly 'contact-domain'?: string;
  readonly 'account-domain'?: string;
  readonly gatekeeper?: string;
  readonly listener?: string;
  readonly identity?: Readonly<Record<string, string | number | boolean>>;
  readonly region?: string | readonly string[];
}

export interface Exception {
  readonly when: Condition;
  readonly matrix: Matrix;
  /** First millisecond at which it does not apply. */
  readonly ends: number;
}

export interface Policy {
  readonly mode: 'enforce' | 'shadow';
  readonly unlisted: Unlisted;
  readonly matrix: Matrix;
  readonly exceptions: readonly Exception[];
}

/** What is known of a session. */
export interface Session {
  readonly gatekeeper: string;
  /** Bare JID; '' until known. */
  readonly account: string;
  /** Undefined where it is not known, as are the claims and the region. */
  readonly listener: string | undefined;
  readonly claims: Readonly<Record<string, string | number | boolean>> | undefined;
  readonly region: string | undefined;
  /** The resource that the gatekeeper has bound; '' before. */
  readonly resource: string;
  readonly session: string;
  readonly startedAt: number;
  readonly now: number;
}

type WrittenTreatment = 'keep' | 'drop' | 'lower' | 'refuse' | Readonly<Record<string, unknown>>;
type WrittenAudiences = Partial<Record<Audience, Record<string, WrittenTreatment>>>;

interface WrittenPolicy {
  spec: {
    extends?: string;
    mode?: Policy['mode'];
    unlisted?: Unlisted;
    audiences?: WrittenAudiences;
    exceptions?: { when: Condition; audiences: WrittenAudiences; expires: string | Date }[];
  };
}

const dayMs = 86_400_000;

/** Reads a policy with what it extends.
 *  @param document the file, as its YAML says
 *  @param find returns the document of another policy by its name */
export function readPolicy(document: unknown, find: (name: string) => unknown): Policy {
  const { spec } = document as WrittenPolicy;
  const base = spec.extends === undefined ? nothingSaid : readPolicy(find(spec.extends), find);
  return {
    mode: spec.mode ?? base.mode,
    unlisted: spec.unlisted ?? base.unlisted,
    matrix: merge(base.matrix, matrixOf(spec.audiences)),
    exceptions: [
      ...base.exceptions,
      ...(spec.exceptions ?? []).map(({ when, audiences: changed, expires }) => ({
        when,
        matrix: matrixOf(changed),
        ends: new Date(expires).getTime() + dayMs,
      })),
    ],
  };
}

const nothingSaid: Policy = {
  mode: 'enforce',
  unlisted: 'drop',
  matrix: matrixOf(undefined),
  exceptions: [],
};

function matrixOf(written: WrittenAudiences | undefined): Matrix {
  return forEach(
    (audience) =>
      new Map(Object.entries(written?.[audience] ?? {}).map(([field, each]) => [field, toTreatment(each)])),
  );
}

function forEach(rules: (audience: Audience) => Rules): Matrix {
  return {
    gatekeeper: rules('gatekeeper'),
    client: rules('client'),
    provider: rules('provider'),
    operator: rules('operator'),
  };
}

function merge(under: Matrix, over: Matrix): Matrix {
  return forEach((audience) => new Map([...under[audience], ...over[audience]]));
}

const units: Readonly<Record<string, number>> = {
  ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: dayMs, B: 1, KiB: 1_024, MiB: 1_048_576,
}; // prettier-ignore

function amount(text: string): number {
  const [, digits, unit] = /^(\d+)(\w+)$/.exec(text)!;
  return Number(digits) * units[unit!]!;
}

export function toTreatment(written: WrittenTreatment): Treatment {
  if (written === 'keep' || written === 'drop' || written === 'lower') return { kind: written };
  if (written === 'refuse') return { kind: 'refuse', condition: 'policy-violation' };
  const [kind, value] = Object.entries(written).find(([key]) => key !== 'why')! as [Treatment['kind'], never];
  switch (kind) {
    case 'refuse':
      return { kind, condition: (value as { condition?: string }).condition ?? 'policy-violation' };
    case 'replace':
      return { kind, text: value };
    case 'coarsen':
      return { kind, grain: toGrain(value) };
    case 'pseudonymise': {
      const { scope, rotate } = value as { scope: Scope; rotate?: string };
      return { kind, scope, rotate: rotate === undefined ? undefined : amount(rotate) };
    }
    case 'pad':
      return { kind, sizes: (value as string[]).map(amount).toSorted((a, b) => a - b) };
    case 'delay':
      return { kind, upTo: amount(value['up-to']) };
    case 'equalise':
      return { kind, after: amount(value['after']) };
    case 'answer':
      return { kind, values: value };
    default:
      return { kind };
  }
}

function toGrain(written: string | { ipv4: number; ipv6: number }): Grain {
  if (typeof written !== 'string') return { of: 'address', ...written };
  if (written === 'major') return { of: 'version' };
  if (written === 'primary') return { of: 'language' };
  return { of: written.endsWith('B') ? 'bytes' : 'time', grain: amount(written) };
}

/** Returns the treatment of a field; a field that is neither named nor covered by `*` is treated as unlisted. */
export function treatmentOf(rules: Rules, unlisted: Unlisted, field: string): Treatment {
  return rules.get(field) ?? rules.get('*') ?? toTreatment(unlisted);
}

/** Returns the rules that hold for a stanza of a session.
 *  @param contact bare JID of the other party, '' for none */
export function matrixFor(policy: Policy, session: Session, contact: string): Matrix {
  let { matrix } = policy;
  for (const { when, matrix: changed, ends } of policy.exceptions) {
    const holds = session.now < ends ? holding(when, session, contact) : 'no';
    if (holds === 'no') continue;
    matrix = merge(matrix, holds === 'yes' ? changed : stricterOf(matrix, changed, policy.unlisted));
  }
  return matrix;
}

/** Returns those changes under which an audience is shown less than without them. */
function stricterOf(matrix: Matrix, changed: Matrix, unlisted: Unlisted): Matrix {
  return forEach((audience) => {
    const rules = matrix[audience];
    return new Map(
      [...changed[audience]].filter(
        ([field, to]) => shows(treatmentOf(rules, unlisted, field), to) === 'less',
      ),
    );
  });
}

type Holding = 'yes' | 'no' | 'unknown';

function holding(when: Condition, session: Session, contact: string): Holding {
  const { listener, claims, region } = session;
  const parts: Holding[] = [];
  const is = (holds: boolean): number => parts.push(holds ? 'yes' : 'no');
  if (when.gatekeeper !== undefined) is(when.gatekeeper === session.gatekeeper);
  if (when['account-domain'] !== undefined)
    is(session.account !== '' && domain(session.account) === when['account-domain'].toLowerCase());
  if (when['contact-domain'] !== undefined) is(domain(contact) === when['contact-domain'].toLowerCase());
  if (when.listener !== undefined)
    parts.push(listener === undefined ? 'unknown' : listener === when.listener ? 'yes' : 'no');
  if (when.identity !== undefined) {
    const wanted = Object.entries(when.identity);
    if (claims === undefined) parts.push('unknown');
    else is(wanted.every(([name, value]) => Object.hasOwn(claims, name) && claims[name] === value));
  }
  if (when.region !== undefined) parts.push(inRegion([when.region].flat(), region));
  if (parts.includes('no')) return 'no';
  return parts.includes('unknown') ? 'unknown' : 'yes';
}

/** An address of which only the country is known may be in any part of it. */
function inRegion(wanted: readonly string[], region: string | undefined): Holding {
  if (region === undefined) return 'unknown';
  const [country = ''] = region.split('-');
  if (wanted.includes(country) || wanted.includes(region)) return 'yes';
  return region === country && wanted.some((each) => each.startsWith(`${country}-`)) ? 'unknown' : 'no';
}

export function domain(jid: string): string {
  return jid
    .replace(/\/.*$/s, '')
    .replace(/^[^@]*@/, '')
    .toLowerCase();
}

/** How much of a value each treatment shows. Equal numbers cannot be compared, but for their parameters. */
const shown: Readonly<Record<Treatment['kind'], number>> = {
  keep: 6, delay: 5, pad: 5, equalise: 4, coarsen: 3, lower: 3, pseudonymise: 2, replace: 1, answer: 1, drop: 0, refuse: 0,
}; // prettier-ignore

/** Scopes of a pseudonym, from the one that links least. */
const links: readonly Scope[] = ['session', 'conversation', 'account', 'gatekeeper'];

/** Compares two treatments of one field.
 *  @returns what the second shows, measured at the first; `differently` where that is neither more nor less */
export function shows(before: Treatment, after: Treatment): 'more' | 'less' | 'differently' {
  const byKind = shown[after.kind] - shown[before.kind];
  const difference = after.kind === before.kind ? byParameters(before, after) : byKind;
  if (difference === 0) return 'differently';
  return difference > 0 ? 'more' : 'less';
}

function byParameters(before: Treatment, after: Treatment): number {
  if (before.kind === 'pseudonymise' && after.kind === 'pseudonymise')
    return links.indexOf(after.scope) - links.indexOf(before.scope) || rotation(after) - rotation(before);
  if (before.kind === 'delay' && after.kind === 'delay') return before.upTo - after.upTo;
  if (before.kind === 'equalise' && after.kind === 'equalise') return before.after - after.after;
  if (before.kind === 'pad' && after.kind === 'pad') return finerSizes(before.sizes, after.sizes);
  if (before.kind === 'coarsen' && after.kind === 'coarsen') return finer(before.grain, after.grain);
  return 0;
}

function finer(before: Grain, after: Grain): number {
  if (before.of === 'address' && after.of === 'address')
    return sameSign(after.ipv4 - before.ipv4, after.ipv6 - before.ipv6);
  if ('grain' in before && 'grain' in after) return before.grain - after.grain;
  return 0;
}

/** A pseudonym that does not rotate lasts longest. */
function rotation({ rotate }: { readonly rotate: number | undefined }): number {
  return rotate ?? Number.MAX_SAFE_INTEGER;
}

/** More of one and less of the other is neither. */
function sameSign(one: number, other: number): number {
  return one * other < 0 ? 0 : one + other;
}

/** Sizes tell lengths apart at each of them, and above the largest at its multiples. Those show more that do so wherever the
 *  others do. */
function finerSizes(before: readonly number[], after: readonly number[]): number {
  return Number(tellsApart(after, before)) - Number(tellsApart(before, after));
}

function tellsApart(finer: readonly number[], coarser: readonly number[]): boolean {
  const largest = finer.at(-1)!;
  const isBorder = (size: number): boolean =>
    finer.includes(size) || (size > largest && size % largest === 0);
  return coarser.at(-1)! % largest === 0 && coarser.every(isBorder);
}
