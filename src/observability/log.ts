/** The log: one JSON line per event. A facade over pino without free text: names of events and fields are closed
 *  (`events.ts`), values are numbers, flags, words, codes and configured names. */
import { type DestinationStream, pino } from 'pino';
import { type Level, type LimitedEvent, type LogEvent, type LogFields, logEvents } from './events.ts';
import { allowedFields } from './field.ts';
import { LineLimiter } from './line-limiter.ts';

export interface Log {
  /** Writes one event. Never throws on a value of the wrong kind: it writes `[refused]` in its place. */
  readonly write: <Event extends LogEvent>(event: Event, fields: LogFields<Event>) => void;
  /** Writes one event that a peer without an account can cause, if its rate allows. Lines left out are counted, and
   *  reported by `log.suppressed`. */
  readonly writeLimited: <Event extends LimitedEvent>(event: Event, fields: LogFields<Event>) => void;
}

export interface LogOptions {
  readonly level: Level | 'silent';
  /** Returns milliseconds since 1970. */
  readonly now: () => number;
  /** Lines per second of each event that unauthenticated peers can cause; ten seconds of them may come at once. 0
   *  for no limit. */
  readonly unauthenticatedLinesPerSecondMax?: number;
  /** Called for each line that is left out. */
  readonly suppressed?: (event: LimitedEvent) => void;
  /** Number of this process among several that write to the same output; it is then in each line. */
  readonly worker?: number | undefined;
  /** Receives the lines; by default standard output, written synchronously. */
  readonly destination?: DestinationStream | undefined;
  /** Called when standard output cannot be written, once until it can again, with the system's code such as `ENOSPC`. */
  readonly failed?: (systemCode: string) => void;
}

/** Bytes of lines that wait while standard output cannot be written. Later lines are dropped. */
const waitingBytesMax = 65_536;

/** Severity as Google Cloud's and others' pipelines read it; `level` is what Loki, Elastic and pino's tools read. */
const severities: Readonly<Record<Level, string>> = {
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARNING',
  error: 'ERROR',
};

/** Opens the log. */
export function openLog({
  level,
  now,
  unauthenticatedLinesPerSecondMax = 0,
  suppressed = () => {},
  worker,
  destination,
  failed = () => {},
}: LogOptions): Log {
  const logger = pino(
    {
      level,
      // Without pid and host name: the platform adds them.
      base: worker === undefined ? null : { worker },
      timestamp: () => `,"time":"${new Date(now()).toISOString()}"`,
      formatters: { level: (name) => ({ level: name, severity: severities[name as Level] }) },
    },
    destination ?? standardOutput(failed),
  );
  const write: Log['write'] = (event, fields) => {
    const { level: eventLevel, fields: kinds } = logEvents[event];
    if (!logger.isLevelEnabled(eventLevel)) return;
    logger[eventLevel]({ event, ...allowedFields(kinds, fields) });
  };
  const limiter = new LineLimiter(unauthenticatedLinesPerSecondMax, now, (of, lines) =>
    write('log.suppressed', { of, lines }),
  );
  return {
    write,
    writeLimited(event, fields) {
      if (!logger.isLevelEnabled(logEvents[event].level)) return;
      if (limiter.allows(event)) write(event, fields);
      else suppressed(event);
    },
  };
}

/** Opens standard output for lines. A full disk or a closed pipe must not end the sessions, so errors are reported and
 *  each line tries again. */
function standardOutput(failed: (systemCode: string) => void): DestinationStream {
  const output = pino.destination({ dest: 1, sync: true, maxLength: waitingBytesMax });
  let isFailing = false;
  output.on('error', ({ code = 'unknown' }: NodeJS.ErrnoException) => {
    if (isFailing) return;
    isFailing = true;
    failed(code);
  });
  output.on('write', () => (isFailing = false));
  return output;
}
