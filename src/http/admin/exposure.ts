/** The answer of `GET /api/exposure`: what each audience was shown, in counts. No value, address or identifier is in it.
 *
 *  Two spans of time: since the start of the process, and since the current interval began. With a ledger the interval
 *  is the one that its next record will cover. Without a ledger it is a minute. Either ends early when another policy
 *  comes into force. */
import { z } from 'zod';

/** Most combinations that the configuration lets an answer list (`admin.exposureRowsMax`). */
export const exposureRowsLimit = 50_000;

const count = z.int().min(0);
/** Of the elements, attributes and texts that decisions were about, as received. 0 for what is in no stanza. */
const bytes = count;
/** SHA-256 in base64url. */
const digest = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const time = z.iso.datetime();
const policyMode = z.enum(['enforce', 'shadow']);

const policyInForce = z.strictObject({ name: z.string(), mode: policyMode });

/** What is in force for one gatekeeper. */
const inForce = z.strictObject({
  gatekeeper: z.string(),
  /** `rejected`: newer files have errors, so these are still in force. */
  state: z.enum(['loaded', 'rejected']),
  /** Under mode `shadow` nothing is enforced: every field passes unchanged. */
  policy: policyInForce,
  policyDigest: digest,
  /** Enforced in place of `policy` for these parts of the accounts, in percent. */
  share: z.array(policyInForce.extend({ percent: z.number() })),
  /** Asked and counted in addition, without effect. */
  shadow: z.strictObject({ name: z.string(), digest }).nullable(),
  catalogueDigest: digest,
  /** Of all capability profiles; null without profiles. */
  profilesDigest: digest.nullable(),
});

/** How often a field appeared to an audience under a treatment. */
const exposureRow = z.strictObject({
  gatekeeper: z.string(),
  audience: z.enum(['gatekeeper', 'client', 'provider', 'operator']),
  field: z.string(),
  /** For the field `unlisted`: a registered namespace, or `other`. */
  namespace: z.string().nullable(),
  treatment: z.string(),
  /** `shadow`: the decision was counted, and the field passed unchanged. */
  mode: z.enum(['enforced', 'shadow']),
  /** Name of the policy that decided. */
  policy: z.string(),
  sinceStart: z.strictObject({
    count,
    bytes,
    /** A session that lasts longer than an interval is counted in each, so the number lies between the two. */
    sessionsAtLeast: count,
    sessionsAtMost: count,
  }),
  interval: z.strictObject({ count, bytes, sessions: count }),
});

export const exposureDocument = z.strictObject({
  format: z.literal(1),
  /** When it was written. */
  at: time,
  /** When the process began to count. */
  startedAt: time,
  interval: z.strictObject({ from: time }),
  /** `digest` is over the code that runs. */
  build: z.strictObject({ version: z.string(), digest }),
  inForce: z.array(inForce),
  /** The last record of this process's ledger; null without a ledger. */
  ledger: z
    .strictObject({
      stream: z.string(),
      n: count,
      hash: digest,
      /** While it cannot be written: since when, and the operating system's error. */
      failing: z.strictObject({ since: time, cause: z.string() }).nullable(),
    })
    .nullable(),
  /** In the order in which the combinations first occurred. */
  rows: z.array(exposureRow).max(exposureRowsLimit),
  /** Combinations beyond `admin.exposureRowsMax`, and decisions on them. */
  other: z.strictObject({ rows: count, count }),
});

export type ExposureDocument = z.infer<typeof exposureDocument>;
export type ExposureRow = z.infer<typeof exposureRow>;
