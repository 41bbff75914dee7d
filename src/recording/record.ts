/** The form of a recording: JSON lines. The first line is a `recording`; then come what is in force, sessions, one
 *  record for each stanza, and the end. No record has an address, an identifier or a text of a user: the values in
 *  `xml` are tokens (tokens.ts), and times are shifted by one random offset for the whole recording. */
import { z } from 'zod';
import { directions } from '../stanza/direction.ts';

/** The format that is written, and the only one that is read. */
export const recordingFormat = 1;

/** Most bytes of a line. A stanza whose line would be longer is recorded without its XML. */
export const recordLineBytesMax = 1_048_576;

/** Whole numbers that JSON keeps exactly. */
const whole = z.int().min(0);
const counted = z.int().min(1);
/** SHA-256 in base64url. */
const digest = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const name = z.string().max(256);

/** The first line. */
const recording = z.strictObject({
  kind: z.literal('recording'),
  format: z.literal(recordingFormat),
  /** Version of Narthex. */
  version: z.string().max(64),
  /** Shifted milliseconds since 1970. */
  at: whole,
  /** After how many milliseconds, and at which size in bytes, the recording ends by itself. */
  durationMsMax: counted,
  bytesMax: counted,
});

/** What is in force from now on, for one gatekeeper. */
const inForce = z.strictObject({
  kind: z.literal('in-force'),
  /** Name in the configuration. */
  gatekeeper: name,
  policy: name,
  policyDigest: digest,
  mode: z.enum(['enforce', 'shadow']),
  catalogueDigest: digest,
});

/** What is known of a session from now on. The first one precedes the session's first stanza. */
const session = z.strictObject({
  kind: z.literal('session'),
  /** Number in this recording, from 1. */
  session: counted,
  /** Names in the configuration. */
  gatekeeper: name,
  listener: name,
  /** Token of the account's bare JID and of its resource, as in `xml`; '' until known. */
  account: z.string(),
  resource: z.string(),
  /** Whether it is established: all stanzas are decided. Before, only what negotiates and authenticates passes. */
  established: z.boolean(),
});

/** A stanza or nonza. It is recorded when it has left or was dropped, so those that wait stand after later ones. */
const stanza = z.strictObject({
  kind: z.literal('stanza'),
  session: counted,
  direction: z.enum(directions),
  /** When it was read, or made by the proxy, in shifted milliseconds since 1970. */
  at: whole,
  /** Bytes on the wire: as read, 0 for one of the proxy's own; and as sent on with padding, 0 for a dropped one. */
  received: whole,
  forwarded: whole,
  /** Milliseconds from reading to sending. */
  waited: whole,
  /** The stanza as read, with tokens for its values. Absent for the proxy's own and for those above the limit. */
  xml: z.string().optional(),
});

/** Why a recording ended. `overrun`: more stanzas came than could be written. */
export const endReasons = ['duration', 'size', 'stopped', 'write-failed', 'overrun'] as const;
export type EndReason = (typeof endReasons)[number];

/** The last line. Absent after a kill or a failing write. */
const end = z.strictObject({ kind: z.literal('end'), at: whole, reason: z.enum(endReasons), stanzas: whole });

const anyRecord = z.discriminatedUnion('kind', [recording, inForce, session, stanza, end]);

export type RecordingRecord = z.infer<typeof anyRecord>;
export type RecordingHeader = z.infer<typeof recording>;
export type InForceRecord = z.infer<typeof inForce>;
export type SessionRecordLine = z.infer<typeof session>;
export type StanzaRecord = z.infer<typeof stanza>;
export type EndRecord = z.infer<typeof end>;

/** Renders a record as a line with its line feed. */
export function renderRecord(record: RecordingRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** A record, or why the line is none. */
export type ParsedRecord =
  | { readonly kind: 'record'; readonly record: RecordingRecord }
  | { readonly kind: 'other-format'; readonly format: number }
  | { readonly kind: 'malformed'; readonly reason: string };

/** Parses a line without its line feed. Reasons quote names of properties, no value. */
export function parseRecord(line: string): ParsedRecord {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return { kind: 'malformed', reason: 'it is not JSON' };
  }
  const read = anyRecord.safeParse(parsed);
  if (read.success) return { kind: 'record', record: read.data };
  const format = z.object({ kind: z.literal('recording'), format: counted }).safeParse(parsed);
  if (format.success && format.data.format !== recordingFormat)
    return { kind: 'other-format', format: format.data.format };
  return { kind: 'malformed', reason: reasonOf(read.error) };
}

function reasonOf({ issues }: z.ZodError): string {
  const issue = issues[0]!;
  if (issue.code === 'unrecognized_keys') return 'it has a property that the format lacks';
  const path = issue.path.join('.');
  if (path === '') return 'it is no JSON object';
  return path === 'kind' ? 'it has no known `kind`' : `\`${path}\` is missing, or of another form`;
}
