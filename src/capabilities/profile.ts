/** Capability profiles (policies/capabilities/*.yaml): the content kinds that its clients can receive, the identity
 *  that the gatekeeper sees, and the clients that the profile is for. */
import { z } from 'zod';
import type { PlacedDiagnostic } from '../documents/diagnostic.ts';
import { claimCharactersMax, type ClaimValue } from '../stanza/ownership-claims.ts';
import type { ContentKinds } from './content-kinds.ts';
import { supportsHash } from './entity-capabilities.ts';
import { parseMediaType, type MediaType } from './media-type.ts';
import { didYouMean, readDocument, type Locate, type Source } from './document.ts';

const units: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

const bytes = z
  .union([z.int().positive(), z.string().regex(/^[1-9]\d{0,9} ?(?:B|KiB|MiB|GiB)$/)], {
    error: 'must be a number of bytes, or one with B, KiB, MiB or GiB',
  })
  .transform((size) => {
    if (typeof size === 'number') return size;
    const [, count, unit] = /^(\d+) ?(\w+)$/.exec(size)!;
    return Number(count) * units[unit!]!;
  })
  .meta({ description: 'Bytes, as a number or with a unit: 65536, 64KiB, 16MiB.' });

const mediaTypes = z.array(
  z.string().refine((text) => parseMediaType(text) !== undefined, { error: 'is no media type' }),
);

const reception = z.union([
  z.boolean(),
  z.strictObject({
    types: mediaTypes.optional().meta({ description: 'Media types received; absent for any.' }),
    'max-bytes': bytes.optional().meta({ description: 'The largest that is received.' }),
    features: z
      .array(z.string().min(1))
      .optional()
      .meta({ description: 'Features advertised for the kind instead of those of the table.' }),
  }),
]);

/** As in `provider.claims.allowed`. */
const claimNameCharactersMax = 128;

const claimError = {
  error: `must be a number, true, false or a text of at most ${claimCharactersMax} characters`,
};

const match = z
  .strictObject({
    'identity-type': z
      .string()
      .optional()
      .meta({ description: "Type of the client's own disco#info identity." }),
    listener: z.string().optional(),
    domain: z.string().optional(),
    claim: z
      .record(
        z.string().min(1).max(claimNameCharactersMax),
        z.union([z.string().max(claimCharactersMax, claimError), z.number(), z.boolean()], claimError),
      )
      .refine((claims) => Object.keys(claims).length > 0, { error: 'must name at least one claim' })
      .optional()
      .meta({
        description:
          'Claims of the ownership token, each with exactly this value. Needs `channelBinding: reauthenticate`, and the ' +
          'names in `provider.claims.allowed`.',
      }),
  })
  .refine((given) => Object.values(given).some((value) => value !== undefined), {
    error: 'must name at least one thing to match; leave match out for the default profile',
  });

const safeText = z
  .string()
  // XEP-0115 joins with `<`: implementations hash a value with one differently.
  .regex(/^[^<>&\p{Cc}]*$/u, { error: 'must not hold <, >, & or control characters' });

const profileSchema = z
  .strictObject({
    apiVersion: z.literal('narthex/v1'),
    kind: z.literal('CapabilityProfile'),
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, { error: 'must be lower-case letters, digits and hyphens' }),
    match: match
      .optional()
      .meta({ description: 'Clients the profile is for. One profile has none: the default.' }),
    identity: z.strictObject({
      category: z
        .string()
        .regex(/^[a-z][a-z0-9-]*$/)
        .default('client'),
      type: z.string().regex(/^[a-z][a-z0-9-]*$/),
      name: safeText.default(''),
      // Explicit: a language inherited from the stream would change the hash between readers.
      lang: z
        .string()
        .regex(/^[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*$/)
        .default('en'),
    }),
    node: safeText.min(1).meta({ description: 'Node of the XEP-0115 element: a URI of the provider.' }),
    receives: z
      .record(z.string(), reception)
      .meta({ description: 'Content kinds by name. A kind that is not named is not received.' }),
    features: z
      .array(safeText.min(1))
      .default([])
      .meta({ description: 'Features that are no content kind.' }),
    interests: z
      .union([z.enum(['all', 'keep-e2ee', 'none']), z.array(safeText.min(1))])
      .default('keep-e2ee')
      .meta({
        description: '+notify interests (XEP-0163): a list of nodes, all, none, or what encryption needs.',
      }),
    cohort: z
      .boolean()
      .default(true)
      .meta({ description: 'Every client of the profile advertises the same bytes.' }),
    'content-form': z
      .boolean()
      .default(true)
      .meta({ description: 'Advertise kinds, media types and sizes.' }),
    caps: z.boolean().default(true).meta({ description: 'Advertise by XEP-0115.' }),
    'hash-sets': z
      .array(
        z.string().refine((name) => name !== 'sha-1' && supportsHash(name), { error: 'is no hash function' }),
      )
      .default(['sha-256', 'sha3-256'])
      .meta({ description: 'Hash functions to advertise by XEP-0390; empty for none.' }),
    'on-unsupported-content': z.enum(['bounce', 'drop', 'fallback']).default('bounce'),
    contacts: z.enum(['filter', 'pass']).default('filter').meta({
      description: "What contacts advertise reaches the client cut down to this profile's kinds, or as is.",
    }),
  })
  .refine(({ cohort, interests }) => !(cohort && interests === 'all'), {
    path: ['interests'],
    error: 'all makes clients distinguishable, which cohort: true forbids',
  });

/** How one kind is received. */
export interface Reception {
  readonly types?: readonly MediaType[];
  /** The media types as the profile has them, for the form. */
  readonly typeNames: readonly string[];
  readonly bytesMax?: number;
  /** Features to advertise for the kind. */
  readonly features: readonly string[];
}

export interface ProfileMatch {
  readonly identityType?: string;
  readonly listener?: string;
  readonly domain?: string;
  readonly claims: ReadonlyMap<string, ClaimValue>;
}

export interface CapabilityProfile {
  readonly name: string;
  /** Absent for the default profile. */
  readonly match?: ProfileMatch;
  readonly identity: {
    readonly category: string;
    readonly type: string;
    readonly name: string;
    readonly lang: string;
  };
  readonly node: string;
  readonly receives: ReadonlyMap<string, Reception>;
  readonly features: readonly string[];
  readonly interests: 'all' | 'keep-e2ee' | 'none' | readonly string[];
  readonly cohort: boolean;
  readonly contentForm: boolean;
  readonly caps: boolean;
  readonly hashSets: readonly string[];
  readonly onUnsupportedContent: 'bounce' | 'drop' | 'fallback';
  readonly contacts: 'filter' | 'pass';
}

/** `at` makes problems at places of the profile. */
export type ProfileReading =
  | { readonly kind: 'profile'; readonly profile: CapabilityProfile; readonly at: Locate }
  | { readonly kind: 'invalid'; readonly problems: readonly PlacedDiagnostic[] };

/** Reads one profile. Problems have the codes ERR_CAPABILITY_PROFILE, ERR_CONTENT_KIND for a kind that the table
 *  lacks, or ERR_YAML where the text is no YAML. */
export function readProfile(source: Source, table: ContentKinds): ProfileReading {
  const reading = readDocument(source, profileSchema, 'ERR_CAPABILITY_PROFILE');
  if (reading.kind === 'invalid') return reading;
  const problems = unknownKinds(reading.value, table, reading.at);
  if (problems.length > 0) return { kind: 'invalid', problems };
  return { kind: 'profile', profile: toProfile(reading.value, table), at: reading.at };
}

/** Returns the JSON Schema of a profile, for editors: deploy/schema/capability-profile.schema.json. */
export function profileJsonSchema(): object {
  return {
    ...z.toJSONSchema(profileSchema, { io: 'input', target: 'draft-2020-12' }),
    title: 'Narthex capability profile',
  };
}

type Written = z.output<typeof profileSchema>;

function unknownKinds({ receives }: Written, table: ContentKinds, at: Locate): PlacedDiagnostic[] {
  const known = [...table.kinds.keys()];
  return Object.keys(receives)
    .filter((name) => !table.kinds.has(name))
    .map((name) =>
      at(
        ['receives', name],
        {
          code: 'ERR_CONTENT_KIND',
          reason: `no content kind '${name}'`,
          remedy: didYouMean(name, known) ?? 'Use a kind of the table, or add it there',
        },
        true,
      ),
    );
}

function toProfile(written: Written, table: ContentKinds): CapabilityProfile {
  const { name, identity, node, features, interests, cohort, caps, contacts } = written;
  return {
    name,
    identity,
    node,
    features,
    interests,
    cohort,
    caps,
    contacts,
    ...(written.match === undefined ? {} : { match: toMatch(written.match) }),
    receives: receptions(written, table),
    contentForm: written['content-form'],
    hashSets: written['hash-sets'],
    onUnsupportedContent: written['on-unsupported-content'],
  };
}

function toMatch(written: NonNullable<Written['match']>): ProfileMatch {
  const { 'identity-type': identityType, listener, domain, claim } = written;
  return {
    ...(identityType === undefined ? {} : { identityType }),
    ...(listener === undefined ? {} : { listener }),
    ...(domain === undefined ? {} : { domain }),
    claims: new Map(Object.entries(claim ?? {})),
  };
}

function receptions({ receives }: Written, table: ContentKinds): Map<string, Reception> {
  const received = new Map<string, Reception>();
  for (const [name, given] of Object.entries(receives)) {
    if (given === false) continue;
    const { types, 'max-bytes': bytesMax, features } = given === true ? {} : given;
    received.set(name, {
      ...(types === undefined ? {} : { types: types.map((text) => parseMediaType(text)!) }),
      typeNames: types ?? [],
      ...(bytesMax === undefined ? {} : { bytesMax }),
      features: features ?? table.kinds.get(name)!.features,
    });
  }
  return received;
}
