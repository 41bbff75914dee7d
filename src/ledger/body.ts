/** What the records of a ledger say. No record has a value, an address or an identifier of a user: names of the
 *  operator's files and of the catalogue, digests, counts and times only. */
import { z } from 'zod';

const stream = z.string().regex(/^[0-9a-f]{16}$/);
const hash = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
/** SHA-256 in base64url. */
const digest = hash;
const count = z.int().min(0);
const time = z.iso.datetime({ precision: 3 });

const program = {
  /** Version of Narthex. */
  version: z.string(),
  /** Digest of the files of the program. */
  build: digest,
};

/** A ledger begins: one for each process. `previous` is the last whole record of the stream that ended before it in
 *  the same folder, and `tornBytes` counts the bytes of an unfinished line after that record. */
const opened = z.strictObject({
  kind: z.literal('opened'),
  format: z.literal(1),
  stream,
  ...program,
  previous: z.strictObject({ stream, n: count, hash, tornBytes: count }).optional(),
});

/** The stream goes on in another file. It is the first record of that file. What is in force follows it once more, so that
 *  it is known when the files before are removed. */
const continued = z.strictObject({ kind: z.literal('continued'), stream, file: z.int().min(2), ...program });

/** What is in force from now on, for one gatekeeper. */
const inForce = z.strictObject({
  kind: z.literal('in-force'),
  gatekeeper: z.string(),
  policy: z.string(),
  policyDigest: digest,
  mode: z.enum(['enforce', 'shadow']),
  catalogueDigest: digest,
  /** Of all capability profiles; absent without profiles. */
  profilesDigest: digest.optional(),
});

/** One row of the matrix: how often a field appeared to an audience under a treatment, and in how many sessions. */
const exposureRow = z.strictObject({
  audience: z.string(),
  field: z.string(),
  treatment: z.string(),
  mode: z.enum(['enforced', 'shadow']),
  count,
  /** Of the elements, attributes and texts that were decided, as received; absent where that is not counted. */
  bytes: count.optional(),
  sessions: count,
});

/** What was decided in an interval, for one gatekeeper. An interval with many rows has several such records. */
const exposure = z.strictObject({
  kind: z.literal('exposure'),
  gatekeeper: z.string(),
  from: time,
  to: time,
  rows: z.array(exposureRow),
});

/** An interval in which nothing was decided. */
const idle = z.strictObject({ kind: z.literal('idle'), from: time, to: time });

/** The matrix of an interval had more combinations than the ledger keeps apart; the rest is counted here. */
const overflow = z.strictObject({ kind: z.literal('overflow'), from: time, to: time, decisions: count });

/** Records could not be written in this time. The counts of it are in the records that follow. */
const gap = z.strictObject({
  kind: z.literal('gap'),
  from: time,
  to: time,
  /** The operating system's error, such as ENOSPC. */
  cause: z.string().regex(/^[A-Z][A-Z0-9_]{1,30}$/),
  attempts: count,
});

/** A file was removed because of its size or age, with the last record in it. All files before it in its stream were removed
 *  before. A file that begins says it again of each stream, since the record may be in a file that is removed next. */
const retired = z.strictObject({
  kind: z.literal('retired'),
  stream,
  file: z.int().min(1),
  lastRecord: count,
  lastHash: hash,
});

/** An Ed25519 signature over stream, number and hash of the record before it. `key` is the thumbprint of the public
 *  key (RFC 7638). */
const checkpoint = z.strictObject({
  kind: z.literal('checkpoint'),
  stream,
  key: hash,
  signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
});

/** The process ended in order. */
const closed = z.strictObject({ kind: z.literal('closed'), stream });

export const recordBody = z.discriminatedUnion('kind', [
  opened,
  continued,
  inForce,
  exposure,
  idle,
  overflow,
  gap,
  retired,
  checkpoint,
  closed,
]);

export type RecordBody = z.infer<typeof recordBody>;
export type Retired = z.infer<typeof retired>;
export type ExposureRow = z.infer<typeof exposureRow>;
/** What runs. */
export type Program = Pick<z.infer<typeof opened>, 'version' | 'build'>;
export type InForce = z.infer<typeof inForce>;
