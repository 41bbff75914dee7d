/** The log: one JSON line per event. A facade over pino that has no way to pass a text on: names of events and
 *  fields are closed (`events.ts`), values are numbers, flags, words, codes and configured names. */
import { type DestinationStream, pino } from 'pino';
import { type Level, type LogEvent, type LogFields, logEvents } from './events.ts';
import { allowedFields } from './field.ts';

export interface Log {
  /** Writes one event. Never throws on a value of the wrong kind: it says `[refused]` in its place. */
  readonly write: <Event extends LogEvent>(event: Event, fields: LogFields<Event>) => void;
}

export interface LogOptions {
  readonly level: Level | 'silent';
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Where lines go; standard output, written at once, by default. */
  readonly destination?: DestinationStream | undefined;
}

/** Opens the log. */
export function openLog({ level, now, destination }: LogOptions): Log {
  const logger = pino(
    {
      level,
      // No pid and host name: the platform knows both better.
      base: null,
      timestamp: () => `,"time":"${new Date(now()).toISOString()}"`,
      formatters: { level: (name) => ({ level: name }) },
    },
    destination ?? pino.destination({ dest: 1, sync: true }),
  );
  return {
    write(event, fields) {
      const { level: eventLevel, fields: kinds } = logEvents[event];
      if (!logger.isLevelEnabled(eventLevel)) return;
      logger[eventLevel]({ event, ...allowedFields(kinds, fields) });
    },
  };
}
