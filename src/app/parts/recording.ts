/** A recording of the streams of a running proxy. Off by default; `narthex serve --record` opens it. */
import { selectorLiterals } from '../../policy/literals.ts';
import { RecordingFile } from '../../recording/file.ts';
import { Mask } from '../../recording/mask.ts';
import { recordingFormat, type InForceRecord } from '../../recording/record.ts';
import { Recorder } from '../../recording/recorder.ts';
import { Tokens } from '../../recording/tokens.ts';
import { RecordingWriter } from '../../recording/writer.ts';
import type { StanzaTap } from '../../session/tap.ts';
import { SetupError, systemCode } from '../../transport/error.ts';
import type { Clock } from '../clock.ts';
import type { RecordingReport } from '../observer.ts';
import type { Part } from '../part.ts';
import { productVersion } from '../version.ts';
import { inForceAt } from './ledger-source.ts';
import type { PolicyRuntime } from './policies.ts';

/** Where to, and when the recording ends by itself. All three are required. */
export interface RecordingOptions {
  readonly file: string;
  readonly durationMs: number;
  readonly bytesMax: number;
}

export interface RecordingParts {
  /** Names of all gatekeepers. */
  readonly gatekeepers: readonly string[];
  readonly policies: PolicyRuntime;
  readonly report: (report: RecordingReport) => void;
  readonly clock: Clock;
}

export class Recording implements Part {
  /** Given to every session. */
  readonly tap: StanzaTap;
  readonly #writer: RecordingWriter;
  readonly #timer: NodeJS.Timeout;
  readonly #inForce: () => readonly InForceRecord[];
  #recorded: string;

  /** Creates the file, and begins.
   *  @throws SetupError ERR_RECORDING_UNWRITABLE */
  static async open(options: RecordingOptions, parts: RecordingParts): Promise<Recording> {
    let file: RecordingFile;
    try {
      file = await RecordingFile.create(options.file);
    } catch (error) {
      throw new SetupError(
        'ERR_RECORDING_UNWRITABLE',
        `cannot create ${options.file} (${systemCode(error)})`,
        'Name a file that does not exist, in a folder that the process may write to',
      );
    }
    return new Recording(file, options, parts);
  }

  private constructor(
    sink: RecordingFile,
    { durationMs, bytesMax }: RecordingOptions,
    { gatekeepers, policies, report, clock }: RecordingParts,
  ) {
    const tokens = new Tokens();
    const beganAt = clock.wall() - clock.monotonic();
    const now = (): number => beganAt + clock.monotonic();
    const recorder = new Recorder({
      mask: new Mask(tokens, selectorLiterals(policies.catalogue)),
      tokens,
      now,
      write: (record) => this.#writer.write(record),
    });
    this.tap = recorder;
    this.#writer = new RecordingWriter({
      sink,
      bytesMax,
      now: () => tokens.time(now()),
      stopped: () => {
        recorder.stop();
        tokens.forget();
        clearTimeout(this.#timer);
      },
      ended: (end) => report({ kind: 'ended', ...end }),
    });
    this.#timer = setTimeout(() => void this.#writer.end('duration'), durationMs).unref();
    this.#inForce = () => inForceRecords(gatekeepers, policies);
    this.#writer.write({
      kind: 'recording',
      format: recordingFormat,
      version: productVersion(),
      at: tokens.time(now()),
      durationMsMax: durationMs,
      bytesMax,
    });
    this.#recorded = '';
    this.changed();
    report({ kind: 'started', durationMs, bytesMax });
  }

  /** Records what is in force, where it is something else than before. Called when policies have changed. */
  changed(): void {
    const records = this.#inForce();
    const text = JSON.stringify(records);
    if (text === this.#recorded) return;
    this.#recorded = text;
    for (const record of records) this.#writer.write(record);
  }

  /** Ends the recording. */
  async close(): Promise<void> {
    await this.#writer.end('stopped');
  }
}

function inForceRecords(
  gatekeepers: readonly string[],
  policies: Pick<PolicyRuntime, 'scopeOf'>,
): readonly InForceRecord[] {
  return inForceAt(gatekeepers, policies, undefined).map(
    ({ kind, gatekeeper, policy, policyDigest, mode, catalogueDigest }) => ({
      kind,
      gatekeeper,
      policy,
      policyDigest,
      mode,
      catalogueDigest,
    }),
  );
}
