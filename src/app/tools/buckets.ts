/** Computes sizes to pad to from recordings. */
import { measureBuckets, optimalBuckets, type Leakage, type SizeGroup } from '../../audit/buckets.ts';
import { kindOf, SizeCounts } from '../../audit/size-counts.ts';
import { paddingBytesMax, paddingOf } from '../../minimisation/pad.ts';
import type { Catalogue } from '../../policy/catalogue.ts';
import { vocabularyOf } from '../../policy/compile.ts';
import { treatmentOf, type Policy } from '../../policy/policy.ts';
import { bucketsMax } from '../../policy/schema.ts';
import { audienceOf, type Direction } from '../../stanza/direction.ts';
import type { AuditProgress } from './audit.ts';
import { RecordedStreams } from './recorded-streams.ts';
import { Replay } from './replay.ts';

export interface BucketOptions {
  readonly files: readonly string[];
  readonly catalogue: Catalogue;
  /** The policy after which the sizes are counted; as received without one. */
  readonly policy: Policy | undefined;
  /** Direction of the stanzas that are padded. */
  readonly direction: Direction;
  readonly leakage: Leakage;
  /** Bytes of padding for each byte of stanzas. */
  readonly overhead: number;
  /** Returns milliseconds since 1970. */
  readonly clock: () => number;
  readonly progress: (state: AuditProgress) => void;
}

/** What a choice of buckets leaves and costs. */
export interface BucketFigures {
  /** Sizes in bytes, ascending; empty without padding. */
  readonly buckets: readonly number[];
  /** Entropy of the padded size, in bits. */
  readonly sizeBits: number;
  /** Mutual information of the padded size and the kind of stanza, in bits. */
  readonly kindBits: number;
  /** Bytes of padding for each byte of stanzas. */
  readonly overhead: number;
}

export interface BucketAnswer {
  readonly sessions: number;
  readonly stanzas: number;
  readonly bytes: number;
  readonly sizes: number;
  readonly kinds: number;
  /** Bytes to which sizes were rounded up, because there are too many; 1 when they were not. */
  readonly grain: number;
  readonly without: BucketFigures;
  /** Undefined where no buckets keep the overhead. */
  readonly computed: BucketFigures | undefined;
  /** Of the policy's own buckets, where it has some. */
  readonly own: BucketFigures | undefined;
}

/** Reads the recordings, and returns the buckets that leak least.
 *  @throws RecordingMissing; RecordingUnusable ERR_RECORDING_FORMAT, ERR_RECORDING_VERSION, ERR_RECORDING_LINE,
 *  ERR_AUDIT_STREAM */
export async function computeBuckets(options: BucketOptions): Promise<BucketAnswer> {
  const { counts, sessions } = await countSizes(options);
  const { stanzas, bytes, sizes, kinds } = counts;
  const exact = counts.exact();
  const { groups, grain } = counts.groups();
  const found = optimalBuckets(groups, options.leakage, {
    paddingMax: Math.floor(bytes * options.overhead),
    bucketsMax,
    stanzaPaddingMax: paddingBytesMax,
  });
  const own = ownBuckets(options);
  const figures = (buckets: readonly number[]): BucketFigures => figuresOf(exact, bytes, buckets);
  return {
    sessions,
    stanzas,
    bytes,
    sizes,
    kinds: kinds.length,
    grain,
    without: figures([]),
    computed: found === undefined ? undefined : figures(found.ends),
    own: own === undefined ? undefined : figures(own),
  };
}

async function countSizes(options: BucketOptions): Promise<{ counts: SizeCounts; sessions: number }> {
  const { files, catalogue, policy, direction, clock } = options;
  const names = vocabularyOf(catalogue);
  const counts = new SizeCounts();
  const replay =
    policy === undefined ? undefined : new Replay(policy, { catalogue, names, clock, pads: false });
  let bytes = 0;
  const streams = new RecordedStreams({
    names,
    direction,
    sink: (session, towards, seen) => {
      // Only stanzas are padded.
      if (towards !== direction || seen.stanza.kind === 'nonza') return;
      const kind = kindOf(seen.stanza);
      if (replay === undefined) counts.add(kind, seen.size);
      else
        replay.forward(session, towards, seen, (forwarded) => {
          if (forwarded !== undefined) counts.add(kind, forwarded.size);
        });
    },
    progress: (read) => {
      bytes += read;
      options.progress({ bytes, stanzas: counts.stanzas, sessions: streams.sessions });
    },
  });
  for (const file of files) await streams.read(file);
  return { counts, sessions: streams.sessions };
}

function ownBuckets({ policy, direction }: BucketOptions): readonly number[] | undefined {
  if (policy === undefined) return undefined;
  const { treatment } = treatmentOf(policy, audienceOf(direction), 'content.wire-size');
  return treatment.kind === 'pad' ? treatment.buckets : undefined;
}

function figuresOf(groups: readonly SizeGroup[], bytes: number, buckets: readonly number[]): BucketFigures {
  const padTo = (size: number): number => (buckets.length === 0 ? size : size + paddingOf(size, buckets));
  const { leakage: sizeBits, padding } = measureBuckets(groups, 'size', padTo);
  const { leakage: kindBits } = measureBuckets(groups, 'kind', padTo);
  return { buckets, sizeBits, kindBits, overhead: bytes === 0 ? 0 : padding / bytes };
}
