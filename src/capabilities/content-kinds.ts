/** The table of content kinds (policies/content-kinds.yaml): the features that advertise a kind, the media types of
 *  its files, and how an encrypted or plain stanza shows it. A provider may add kinds and namespaces. */
import { z } from 'zod';
import { ns } from '../stanza/namespaces.ts';
import { parseMediaType, type MediaType } from './media-type.ts';
import type { PlacedDiagnostic } from '../documents/diagnostic.ts';
import { readDocument, type Source } from './document.ts';

/** The form (XEP-0128) in which a client's kinds, media types and sizes are advertised. */
export const contentFormType = 'urn:narthex:content:0';

const step = z.strictObject({
  namespace: z.string().min(1),
  name: z.string().min(1),
  attributes: z.record(z.string(), z.string()).default({}),
});

const place = z.strictObject({
  stanza: z.enum(['message', 'iq']).default('message'),
  path: z.array(step).min(1),
});

const recogniser = z.union([
  place,
  z.strictObject({ body: z.string() }),
  z.strictObject({ type: z.enum(['chat', 'groupchat', 'headline', 'normal']) }),
]);

/** A sign of a kind on a stanza of the chat channel (docs/chat-channel.md): all that it names must hold. */
const chatSign = z.strictObject({
  stanza: z.enum(['message', 'receipt', 'chatstate', 'call']),
  type: z.string().optional().describe('`type` of the stanza; an empty text for none'),
  media: z.string().min(1).optional().describe('`mediatype` of an `enc` in it'),
  edit: z.string().min(1).optional().describe('`edit` of the message'),
  server: z.string().min(1).optional().describe('Server of the JID in `from`'),
  offer: z.enum(['audio', 'video']).optional().describe('What a call offers'),
});

const mediaPattern = z.string().transform((text, context): MediaType => {
  const parsed = parseMediaType(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: 'is no media type' });
  return z.NEVER;
});

const kindSchema = z.strictObject({
  features: z.array(z.string()).default([]),
  also: z.array(z.string()).default([]),
  media: z.array(mediaPattern).default([]),
  recognise: z.array(recogniser).default([]),
  chat: z.array(chatSign).default([]),
  'from-outside': z.enum(['always', 'sometimes', 'never']),
  signal: z.boolean().default(false),
  fallback: z.enum(['strip', 'notice']),
  loses: z.string(),
});

const tableSchema = z.strictObject({
  apiVersion: z.literal('narthex/v1'),
  kind: z.literal('ContentKindTable'),
  kinds: z.record(z.string().regex(/^[a-z][a-z-]{0,62}$/), kindSchema),
  attachments: z.array(place).default([]),
  encryption: z.strictObject({
    elements: z.array(step).default([]),
    features: z.array(z.string()).default([]),
    interests: z.array(z.string()).default([]),
  }),
});

/** One element on the path from a stanza to the element that shows a kind. Attributes must have exactly these
 *  values. */
export type Step = z.output<typeof step>;
/** The place of an element: below a stanza of this kind, step by step. */
export type Place = z.output<typeof place>;
/** How a kind is recognised: by an element in its place, a prefix of the body, or the type of the message. */
type Recogniser = z.output<typeof recogniser>;

export type ChatSign = z.output<typeof chatSign>;

/** How a message is inside another one: as a copy for the account's other devices (XEP-0280), from an archive
 *  (XEP-0313), or forwarded by a user (XEP-0297). */
export type Carriage = 'carbon' | 'archived' | 'forwarded';

/** Places where a message carries another one. */
export const carriers: readonly { readonly place: Place; readonly carriage: Carriage }[] = [
  { place: carrier(['urn:xmpp:carbons:2', 'received']), carriage: 'carbon' },
  { place: carrier(['urn:xmpp:carbons:2', 'sent']), carriage: 'carbon' },
  { place: carrier(['urn:xmpp:mam:2', 'result']), carriage: 'archived' },
  { place: carrier(), carriage: 'forwarded' },
];

function carrier(...around: readonly (readonly [namespace: string, name: string])[]): Place {
  const path = [...around, ['urn:xmpp:forward:0', 'forwarded'], [ns.client, 'message']] as const;
  return { stanza: 'message', path: path.map(([namespace, name]) => ({ namespace, name, attributes: {} })) };
}

export interface ContentKind {
  readonly name: string;
  /** Features that are advertised for clients that receive the kind. */
  readonly features: readonly string[];
  /** Features that are advertised only where the client has them itself. */
  readonly also: readonly string[];
  readonly media: readonly MediaType[];
  readonly recognise: readonly Recogniser[];
  readonly chat: readonly ChatSign[];
  readonly fromOutside: 'always' | 'sometimes' | 'never';
  readonly signal: boolean;
  readonly fallback: 'strip' | 'notice';
  /** What users miss without it, in words. */
  readonly loses: string;
}

export interface ContentKinds {
  readonly kinds: ReadonlyMap<string, ContentKind>;
  readonly attachments: readonly Place[];
  readonly encryption: {
    readonly elements: readonly Step[];
    readonly features: readonly string[];
    /** Nodes, without `+notify`. */
    readonly interests: readonly string[];
  };
}

export type ContentKindsReading =
  | { readonly kind: 'table'; readonly table: ContentKinds }
  | { readonly kind: 'invalid'; readonly problems: readonly PlacedDiagnostic[] };

/** Reads the table. Problems have the code ERR_CONTENT_KINDS, or ERR_YAML where the text is no YAML. */
export function readContentKinds(source: Source): ContentKindsReading {
  const reading = readDocument(source, tableSchema, 'ERR_CONTENT_KINDS');
  if (reading.kind === 'invalid') return reading;
  const { kinds, attachments, encryption } = reading.value;
  const entries = Object.entries(kinds).map(([name, entry]): [string, ContentKind] => {
    const { 'from-outside': fromOutside, ...rest } = entry;
    return [name, { name, fromOutside, ...rest }];
  });
  return { kind: 'table', table: { kinds: new Map(entries), attachments, encryption } };
}

/** Returns the kinds that a file may be of: those with a matching media type, the most specific first. A file
 *  without a declared type may be of any kind that has files. */
export function attachmentKinds(
  table: ContentKinds,
  matches: (pattern: MediaType) => boolean,
): readonly ContentKind[] {
  return [...table.kinds.values()].filter(({ media }) => media.some(matches));
}

/** Returns the names that the vocabulary of the content filter must have. */
export function contentVocabulary(table: ContentKinds): { namespaces: string[]; locals: string[] } {
  const places = [...table.kinds.values()].flatMap(({ recognise }) =>
    recognise.filter((entry) => 'path' in entry),
  );
  const steps = [
    ...[...places, ...table.attachments, ...carriers.map(({ place: carried }) => carried)].flatMap(
      ({ path }) => path,
    ),
    ...table.encryption.elements,
  ];
  return {
    namespaces: steps.map(({ namespace }) => namespace),
    locals: [
      ...steps.flatMap(({ name, attributes }) => [name, ...Object.keys(attributes)]),
      ...attachmentLocals,
    ],
  };
}

/** Children of a file's description (XEP-0446 §3, XEP-0234 §5). */
export const attachmentLocals = ['media-type', 'size'] as const;
