/** Audits recordings: replays them through the stages under one policy or two, and computes the figures. */
import { Audit, type AuditedPolicy, type AuditFigures } from '../../audit/audit.ts';
import type { ViewLimits } from '../../audit/client-views.ts';
import type { Catalogue } from '../../policy/catalogue.ts';
import { vocabularyOf } from '../../policy/compile.ts';
import type { Direction } from '../../stanza/direction.ts';
import { RecordedStreams } from './recorded-streams.ts';
import { Replay } from './replay.ts';

export interface RecordingAuditOptions {
  /** Files, `-` for standard input. */
  readonly files: readonly string[];
  readonly catalogue: Catalogue;
  /** One or two. */
  readonly policies: readonly AuditedPolicy[];
  /** Direction of plain XML streams. */
  readonly direction: Direction;
  /** Returns milliseconds since 1970. */
  readonly clock: () => number;
  readonly progress: (state: AuditProgress) => void;
  readonly limits?: ViewLimits;
}

export interface AuditProgress {
  readonly bytes: number;
  readonly stanzas: number;
  readonly sessions: number;
}

export interface RecordingAudit extends AuditFigures {
  readonly sessions: number;
  readonly bytes: number;
  /** Stanzas without XML in the recording, which no figure includes. */
  readonly stanzasWithoutXml: number;
}

/** Reads every file.
 *  @throws RecordingMissing; RecordingUnusable ERR_RECORDING_FORMAT, ERR_RECORDING_VERSION, ERR_RECORDING_LINE,
 *  ERR_AUDIT_STREAM */
export async function auditRecordings(options: RecordingAuditOptions): Promise<RecordingAudit> {
  const { files, catalogue, policies, direction, clock, limits } = options;
  const names = vocabularyOf(catalogue);
  const audit = new Audit({ catalogue, names, policies, ...(limits !== undefined && { limits }) });
  const replays = policies.map(({ policy }) => new Replay(policy, { catalogue, names, clock }));
  let bytes = 0;
  const streams = new RecordedStreams({
    names,
    direction,
    sink: (session, towards, seen) => {
      audit.received(session, towards, seen);
      replays.forEach((replay, index) =>
        replay.forward(session, towards, seen, (forwarded) =>
          audit.forwarded(index, session, towards, forwarded),
        ),
      );
    },
    progress: (read) => {
      bytes += read;
      options.progress({ bytes, stanzas: audit.stanzas, sessions: streams.sessions });
    },
  });
  for (const file of files) await streams.read(file);
  const { sessions, stanzasWithoutXml } = streams;
  return { ...audit.figures(), sessions, bytes, stanzasWithoutXml };
}
