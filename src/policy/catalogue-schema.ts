/** The shape of a catalogue file and of an obligations file. */
import { z } from 'zod';
import { treatmentNames } from '../minimisation/treatment.ts';
import { protocolNames } from './protocols.ts';
import { audienceNames } from './schema.ts';

export const fieldClasses = [
  'routing',
  'e2ee-bound',
  'ack-obligated',
  'caps-hash-input',
  'sm-counted',
  'reciprocal',
  'gatekeeper-required',
  'bypass-hint',
  'secret',
  // Accompanies the content of a message and is never a content of its own.
  'auxiliary',
  // Has no sense without what it holds.
  'wrapper',
  // Is about how a stanza is written, not about what it says.
  'wire',
  // Given by a client automatically, so its time reveals distance and activity of the device.
  'automatic-answer',
  // Comes back in a request over HTTP, where there is no session.
  'returned-over-http',
  // Has one value towards all contacts.
  'same-for-all',
  // Tells the gatekeeper that a message has arrived, which it otherwise sends again.
  'settles',
  // Clients put it into the presence with which they come online.
  'in-presence',
] as const;

const valueTypes = [
  'none', 'text', 'time', 'seconds', 'bytes', 'number', 'address', 'version', 'language',
  'identifier', 'uuid', 'resource', 'jid', 'url',
] as const; // prettier-ignore

const fieldName = z.string().regex(/^[a-z][a-z0-9]*([.-][a-z0-9]+)*$/);

const selector = z.union([
  z.string(),
  z.strictObject({
    path: z.string(),
    'on-drop': z.enum(['element']).optional().describe('Drop the whole element: it is not legal without'),
    part: z.enum(['own-resource', 'peer-resource']).optional(),
    form: z.enum(['xmpp-uri']).optional().describe('The JID whose part is meant is in a URI (RFC 5122)'),
    names: z
      .string()
      .regex(/^[A-Za-z_][\w.-]*$/)
      .optional()
      .describe('Attribute by which an answer names what it answers; its stanza id without'),
    words: z.literal(true).optional().describe('The value is among other words of the text'),
  }),
]);

const attributeName = z.string().regex(/^[A-Za-z_][\w.-]*$/);

const lower = z
  .union([
    z.literal('drop').describe('Nothing less can be said, so it is dropped'),
    z.strictObject({
      attribute: attributeName.describe('Attribute of the selected element'),
      values: z
        .record(z.string(), z.string().min(1))
        .describe('The lower value of each; the key "" stands for an element without the attribute'),
    }),
  ])
  .describe('What the treatment `lower` makes of it');

/** What a field is in one protocol. */
const form = {
  source: z.string().describe('Where it is specified'),
  direction: z.enum(['both', 'to-gatekeeper', 'to-client']),
  classes: z.array(z.enum(fieldClasses)).default([]),
  permits: z.array(z.enum(treatmentNames)).min(1),
  lower: lower.optional(),
  select: z.array(selector).min(1).optional(),
  returns: z.array(z.string()).optional().describe('Where a pseudonym comes back, if elsewhere'),
  request: z.array(selector).min(1).optional().describe('That to which it is the answer'),
  answer: z
    .strictObject({
      element: z
        .string()
        .regex(/^\{[^}]+\}[A-Za-z_][\w.-]*$/)
        .optional()
        .describe('Payload of the answer; an empty result without'),
      required: z.array(z.string()).default([]),
      optional: z.array(z.string()).default([]),
    })
    .optional(),
  example: z.string(),
} as const;

const otherForm = z.strictObject({
  ...form,
  breaks: z.string().optional().describe('As in the field without'),
  value: z.enum(valueTypes).optional().describe('As in the field without'),
});

const field = z.strictObject({
  ...form,
  title: z.string(),
  where: z.enum(['stanza', 'stream', 'connection', 'http']).default('stanza'),
  category: z.enum([
    'identity', 'location', 'timing', 'activity', 'social-graph', 'device', 'content-hint', 'secret',
  ]), // prettier-ignore
  reveals: z.string(),
  breaks: z.string(),
  value: z.enum(valueTypes),
});

export const catalogueSchema = z.strictObject({
  apiVersion: z.literal('narthex/v1'),
  kind: z.literal('MetadataCatalogue'),
  metadata: z.strictObject({ name: z.string() }),
  protocol: z.enum(protocolNames).default('xmpp').describe('The protocol of the stanzas in this file'),
  namespaces: z.record(z.string(), z.string()).default({}),
  fields: z.record(fieldName, field).default({}),
  forms: z
    .record(fieldName, z.array(otherForm).min(1))
    .default({})
    .describe(
      'What fields of another protocol are in this one: with the same meaning, so with the same name',
    ),
  structure: z
    .array(
      z.union([
        z.string(),
        z.strictObject({
          path: z.string(),
          wrapper: z.boolean(),
          payload: z.literal(true).optional().describe('Its children are payloads, in whatever namespace'),
        }),
      ]),
    )
    .default([])
    .describe('Elements that hold fields and are none themselves'),
});

export type CatalogueDocument = z.infer<typeof catalogueSchema>;
export type FieldDocument = CatalogueDocument['fields'][string];
export type FormDocument = CatalogueDocument['forms'][string][number];
export type Lowering = NonNullable<FieldDocument['lower']>;
export type FieldClass = (typeof fieldClasses)[number];

export const obligationsSchema = z.strictObject({
  apiVersion: z.literal('narthex/v1'),
  kind: z.literal('Obligations'),
  metadata: z.strictObject({
    name: z.string(),
    source: z.string(),
    protocol: z
      .enum(protocolNames)
      .optional()
      .describe('Of the gatekeepers whose rules they are; all without'),
  }),
  rules: z.array(
    z.strictObject({
      id: z.string(),
      text: z.string(),
      audience: z.enum(audienceNames).optional(),
      requires: z.array(fieldName).optional().describe('Fields that this audience must get as they are'),
      forbids: z.array(fieldName).optional().describe('Fields that this audience must not see'),
      expects: z
        .array(fieldName)
        .optional()
        .describe('Fields that a feature needs: without them a notice, and no error'),
      'kept-by': z.string().optional().describe('What in the product keeps a rule that is about no field'),
      where: z.array(z.string()).optional().describe('Files or folders of the source that do so'),
      'not-kept': z.string().optional().describe('What is missing to keep the rule'),
    }),
  ),
});

/** Returns the JSON Schema of catalogues, for editors. */
export function catalogueJsonSchema(): object {
  return {
    title: 'Narthex metadata catalogue',
    ...z.toJSONSchema(catalogueSchema, { io: 'input', unrepresentable: 'any' }),
  };
}
