/** The shape of a policy file. Its JSON Schema, for editors, is generated from here (deploy/schema). */
import { z } from 'zod';
import { stanzaConditions } from '../minimisation/treatment.ts';
import { durationPattern, sizePattern } from './quantity.ts';

/** Most exceptions of one policy, inherited ones included. */
export const exceptionsMax = 30;

/** Most sizes that stanzas are padded to. */
export const bucketsMax = 16;

export const audienceNames = ['gatekeeper', 'client', 'provider', 'operator'] as const;

/** A name that fits a label of logs and metrics. */
const name = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/);
const fieldName = z.string().regex(/^(\*|[a-z][a-z0-9]*([.-][a-z0-9]+)*)$/);
const duration = z
  .string()
  .regex(new RegExp(durationPattern))
  .describe('A number and a unit: 500ms, 5s, 30m, 12h, 30d');
const size = z.string().regex(new RegExp(sizePattern)).describe('A number and a unit: 512B, 4KiB, 1MiB');
const why = z.string().min(1).optional().describe('Shown in explanations as the reason');

/** Treatments without parameters. */
const bare = z.enum(['keep', 'drop', 'lower', 'refuse']);

/** Parameters of each treatment. */
export const treatmentParameters = {
  keep: z.strictObject({}),
  drop: z.strictObject({}),
  lower: z.strictObject({}),
  refuse: z.strictObject({ condition: z.enum(stanzaConditions).optional() }),
  replace: z.string().max(256),
  pseudonymise: z.strictObject({
    scope: z.enum(['session', 'account', 'conversation', 'gatekeeper']),
    rotate: duration.optional(),
  }),
  coarsen: z.union([
    duration,
    size,
    z.enum(['major', 'primary']),
    z.strictObject({ ipv4: z.int().min(0).max(32), ipv6: z.int().min(0).max(128) }),
  ]),
  pad: z.array(size).min(1).max(bucketsMax),
  delay: z.strictObject({ 'up-to': duration }),
  equalise: z.strictObject({ after: duration }),
  answer: z.record(z.string().regex(/^[a-z][a-z0-9_-]*$/), z.string().max(256)),
} as const;

const parametrised = (
  Object.entries(treatmentParameters) as [keyof typeof treatmentParameters, z.ZodType][]
).map(([key, parameters]) => z.strictObject({ [key]: parameters, why }));

const treatmentSchema = z.union([bare, ...parametrised]);

const matrix = z.record(fieldName, treatmentSchema);
const audiences = z.strictObject({
  gatekeeper: matrix.optional(),
  client: matrix.optional(),
  provider: matrix.optional(),
  operator: matrix.optional(),
});

/** In one condition. */
const regionsMax = 300;

const region = z
  .string()
  .regex(/^[A-Z]{2}(-[A-Z0-9]{1,3})?$/, 'a country such as AT, or a region such as AT-9');

const condition = z
  .strictObject({
    'contact-domain': z.string().min(1).optional(),
    'account-domain': z.string().min(1).optional(),
    gatekeeper: z.string().min(1).optional(),
    listener: z
      .string()
      .min(1)
      .optional()
      .describe('The name of the listener that the client has connected to'),
    identity: z
      .record(z.string().min(1).max(128), z.union([z.string().max(256), z.number(), z.boolean()]))
      .refine((claims) => Object.keys(claims).length > 0, 'names no claim')
      .optional()
      .describe("Claims of the client's ownership token, which must all have these values"),
    region: z
      .union([region, z.array(region).min(1).max(regionsMax)])
      .optional()
      .describe(
        "Countries (AT) or regions (AT-9) of the client's address, by the table of narthex.yaml (regions.geofeedFile). " +
          'For an address that is not in it, the stricter treatment holds',
      ),
  })
  .refine((value) => Object.keys(value).length > 0, 'names no condition');

const exceptionSchema = z.strictObject({
  when: condition,
  audiences,
  why: z.string().min(1),
  'approved-by': z.string().min(1),
  expires: z.iso.date(),
});

/** In one policy, and of one entry. */
export const acceptsMax = 100;
const acceptedFieldsMax = 200;

const acceptedWarning = z.strictObject({
  code: z.string().regex(/^WARN_POLICY_[A-Z_]+$/),
  field: z.union([fieldName, z.array(fieldName).min(1).max(acceptedFieldsMax)]),
  audience: z.enum(audienceNames),
  why: z.string().min(1).describe('Why the policy means it'),
});

const inlineTest = z.strictObject({
  name: z.string().min(1),
  from: z.enum(['client', 'gatekeeper']),
  given: z.string().min(1),
  expect: z.string().describe('What leaves, `nothing`, or `unchanged`'),
  reply: z.string().optional().describe('What the sender gets back'),
});

export const policySchema = z.strictObject({
  apiVersion: z.literal('narthex/v1'),
  kind: z.literal('MetadataPolicy'),
  metadata: z.strictObject({
    name,
    owner: z.string().optional(),
    description: z.string().optional(),
  }),
  spec: z.strictObject({
    extends: name.optional().describe('The policy whose every rule holds unless this one says otherwise'),
    mode: z.enum(['enforce', 'shadow']).optional(),
    unlisted: z.enum(['drop', 'keep', 'refuse']).optional().describe('What the catalogue does not know'),
    audiences: audiences.optional(),
    exceptions: z.array(exceptionSchema).max(exceptionsMax).optional(),
    accepts: z
      .array(acceptedWarning)
      .max(acceptsMax)
      .optional()
      .describe('Warnings that are meant; one that nothing warns of is an error'),
    tests: z.array(inlineTest).optional(),
  }),
});

export type PolicyDocument = z.infer<typeof policySchema>;
export type TreatmentDocument = z.infer<typeof treatmentSchema>;

/** Returns the JSON Schema for editors (`# yaml-language-server: $schema=…`). */
export function policyJsonSchema(): object {
  return { title: 'Narthex metadata policy', ...z.toJSONSchema(policySchema, { unrepresentable: 'any' }) };
}
