/** Generates policy documents: every treatment that a field permits, with every kind of parameter, in every shape of file. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Audience, Catalogue, Field } from '../reference/catalogue.ts';
import type { Condition, Unlisted } from '../reference/language.ts';
import type { Random } from '../support/random.ts';

/** A treatment as a file has it. */
export type WrittenTreatment = string | Readonly<Record<string, unknown>>;
export type WrittenRules = Record<string, WrittenTreatment>;
export type WrittenAudiences = Partial<Record<Audience, WrittenRules>>;

export interface WrittenException {
  readonly when: Condition;
  readonly audiences: WrittenAudiences;
  readonly why: string;
  readonly 'approved-by': string;
  readonly expires: string;
}

/** A policy as a file has it. JSON is YAML too. */
export interface PolicyDocument {
  readonly apiVersion: 'narthex/v1';
  readonly kind: 'MetadataPolicy';
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly extends?: string;
    readonly mode?: 'enforce' | 'shadow';
    readonly unlisted?: Unlisted;
    readonly audiences?: WrittenAudiences;
    readonly exceptions?: readonly WrittenException[];
  };
}

/** Documents by name: one, and those that it extends. */
export type Documents = Readonly<Record<string, PolicyDocument>>;

const shipped = ['passthrough', 'balanced', 'strict'] as const;
const folder = new URL('../../policies/', import.meta.url).pathname;
const shippedTexts = new Map(
  shipped.map((name) => [name as string, readFileSync(`${folder}${name}.yaml`, 'utf8')]),
);
const shippedDocuments = new Map(
  [...shippedTexts].map(([name, text]) => [name, parse(text) as PolicyDocument]),
);

/** Returns the text of a policy: one of these documents, or a shipped one.
 *  @throws RangeError for any other name */
export function textOf(name: string, documents: Documents): string {
  const document = documents[name];
  if (document !== undefined) return JSON.stringify(document);
  const text = shippedTexts.get(name);
  if (text === undefined) throw new RangeError(`no policy ${name}`);
  return text;
}

/** Returns the same as data.
 *  @throws RangeError for any other name */
export function documentOf(name: string, documents: Documents): PolicyDocument {
  const document = documents[name] ?? shippedDocuments.get(name);
  if (document === undefined) throw new RangeError(`no policy ${name}`);
  return document;
}

const grains: Readonly<Record<string, readonly unknown[]>> = {
  time: ['1h', '1d', '50ms', '7m'],
  seconds: ['1h', '30s'],
  bytes: ['64KiB', '1000B'],
  number: ['10B'],
  address: [{ ipv4: 24, ipv6: 48 }, { ipv4: 0, ipv6: 0 }, { ipv4: 32, ipv6: 128 }],
  version: ['major'],
  language: ['primary'],
}; // prettier-ignore
const scopes = ['session', 'account', 'conversation', 'gatekeeper'] as const;
const rotations = [undefined, undefined, '1d', '30d'] as const;
const conditions = [
  undefined,
  'forbidden',
  'item-not-found',
  'service-unavailable',
  'not-acceptable',
] as const;
const texts = ['', 'same', 'a & b <c>', '0'] as const;

/** Returns a treatment that the field permits. */
export function anyTreatment(
  { permits, value, classes, where, answerNeeds, answerMay }: Field,
  kind: string,
  random: Random,
): WrittenTreatment {
  if (!permits.includes(kind)) throw new RangeError(`${kind} is not permitted`);
  switch (kind) {
    case 'refuse': {
      const condition = random.pick(conditions);
      return condition === undefined ? 'refuse' : { refuse: { condition } };
    }
    case 'replace':
      return { replace: random.pick(texts) };
    case 'coarsen':
      return { coarsen: random.pick(grains[value] ?? ['1h']) };
    case 'pseudonymise': {
      const isOverHttp = where === 'http' || classes.has('returned-over-http');
      const possible = classes.has('same-for-all')
        ? scopes.filter((each) => each !== 'conversation')
        : scopes;
      const rotate = random.pick(rotations);
      return {
        pseudonymise: {
          scope: isOverHttp ? 'gatekeeper' : random.pick(possible),
          ...(rotate !== undefined && { rotate }),
        },
      };
    }
    case 'pad':
      return { pad: random.pick([['1KiB'], ['256B', '1KiB', '4KiB'], ['4KiB', '300B']]) };
    case 'delay':
      return { delay: { 'up-to': random.pick(['1s', '5s', '100ms']) } };
    case 'equalise':
      return { equalise: { after: random.pick(['3s', '1s', '10s']) } };
    case 'answer': {
      const names = [...answerNeeds, ...answerMay.filter(() => random.once(2))];
      return { answer: Object.fromEntries(names.map((name) => [name, random.pick(texts)])) };
    }
    default:
      return random.once(12) ? { [kind]: {}, why: 'it is so' } : kind;
  }
}

/** Conditions of exceptions, each of which some sessions meet, some do not, and some may meet. */
const whens: readonly Condition[] = [
  { 'contact-domain': 'partner.example' },
  { 'contact-domain': 'B.example' },
  { 'account-domain': 'provider.example' },
  { gatekeeper: 'gk' },
  { gatekeeper: 'other', 'contact-domain': 'partner.example' },
  { listener: 'vpn' },
  { identity: { plan: 'gold' } },
  { identity: { plan: 'gold', age: 3 }, listener: 'vpn' },
  { region: 'AT' },
  { region: ['BE', 'DE-BY'] },
  { region: 'AT-9', 'contact-domain': 'montague.example' },
];

/** What a generator of policies is given. */
export interface PolicyMaterial {
  readonly catalogue: Catalogue;
  readonly random: Random;
}

/** Fields whose treatment for an audience a policy may set. What a pseudonym of the user's own resource is for the client, once
 *  the resource is bound, no document says. */
export function fieldsFor({ fields }: Catalogue, audience: 'gatekeeper' | 'client'): readonly Field[] {
  const direction = audience === 'gatekeeper' ? 'to-gatekeeper' : 'to-client';
  return [...fields.values()].filter(
    ({ name, where, directions }) =>
      (where === 'stanza' || where === 'stream') &&
      directions.includes(direction) &&
      (name !== 'bind.resource' || audience === 'gatekeeper'),
  );
}

/** Makes a policy called `generated`, in one to three documents. */
export function generatePolicy({ catalogue, random }: PolicyMaterial): Documents {
  const documents: Record<string, PolicyDocument> = {};
  const rules = (many: number): WrittenAudiences => ({
    gatekeeper: rulesFor('gatekeeper', many),
    client: rulesFor('client', many),
  });
  const rulesFor = (audience: 'gatekeeper' | 'client', many: number): WrittenRules => {
    const fields = fieldsFor(catalogue, audience);
    const chosen = random.once(6)
      ? fields
      : Array.from({ length: random.below(many) }, () => random.pick(fields));
    return Object.fromEntries(
      chosen.map((field) => [field.name, anyTreatment(field, treatmentFor(field), random)]),
    );
  };
  const treatmentFor = ({ permits }: Field): string => (random.once(6) ? 'keep' : random.pick(permits));
  const base = random.once(3) ? undefined : random.pick(shipped);
  const parent = random.once(4) ? 'parent' : base;
  const allKept = (audiences: WrittenAudiences): WrittenAudiences =>
    Object.fromEntries(
      Object.entries(audiences).map(([audience, each]) => [audience, { '*': 'keep', ...each }]),
    );
  const roots = (audiences: WrittenAudiences): WrittenAudiences =>
    base === undefined && parent === undefined ? allKept(audiences) : audiences;
  if (parent === 'parent') {
    const audiences = rules(10);
    documents['parent'] = document('parent', base, {
      audiences: base === undefined ? allKept(audiences) : audiences,
      ...(random.once(2) && { unlisted: random.pick(['drop', 'keep', 'refuse'] as const) }),
      ...(random.once(4) && { exceptions: exceptions(1) }),
    });
  }
  function exceptions(count: number): WrittenException[] {
    return Array.from({ length: count }, () => ({
      when: random.pick(whens),
      audiences: rules(6),
      why: 'agreed',
      'approved-by': 'board',
      expires: random.pick(['2026-11-22', '2026-11-23', '2027-03-31']),
    }));
  }
  documents['generated'] = document('generated', parent, {
    ...(random.once(30) && { mode: 'shadow' as const }),
    ...(random.once(2) && { unlisted: random.pick(['drop', 'drop', 'keep', 'refuse'] as const) }),
    audiences: roots(rules(random.pick([4, 14, 60]))),
    ...(random.once(3) && { exceptions: exceptions(1 + random.below(3)) }),
  });
  return documents;
}

function document(name: string, parent: string | undefined, spec: PolicyDocument['spec']): PolicyDocument {
  return {
    apiVersion: 'narthex/v1',
    kind: 'MetadataPolicy',
    metadata: { name },
    spec: { ...(parent !== undefined && { extends: parent }), ...spec },
  };
}
