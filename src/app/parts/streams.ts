/** The XMPP listeners and their sessions. */
import type { Config } from '../../config/schema.ts';
import { defaultDelayLimits } from '../../session/delay-queue.ts';
import { ReadBatch } from '../../session/read-batch.ts';
import type { SessionOptions } from '../../session/machine.ts';
import type { StageFactory } from '../../session/stage.ts';
import { defaultResumptionLimits, Resumptions } from '../../session/stream-management/resumptions.ts';
import { StreamRecords } from '../../session/stream-management/stream-records.ts';
import type { SupportCodes } from '../../session/support-codes.ts';
import { systemTimers } from '../../session/timers.ts';
import { StreamServer } from '../../session/stream-server.ts';
import type { StateStore } from '../../state/store.ts';
import { Admission } from '../../transport/admission.ts';
import type { CertificateStore } from '../../transport/certificates.ts';
import { secureClient } from '../../transport/server-tls.ts';
import { WriteStallWatch } from '../../transport/write-stall.ts';
import type { Clock } from '../clock.ts';
import type { ProxyObserver } from '../observer.ts';
import { assemble, type Part } from '../part.ts';
import { unpredictable } from '../random.ts';
import type { Gatekeepers } from './gatekeepers.ts';
import type { Scanning } from './scanning.ts';
import { ratesOf } from './session-limits.ts';
import type { Signals } from './signals.ts';

export interface Streams extends Part {
  readonly server: StreamServer;
}

export interface StreamsOptions {
  readonly scanning: Scanning;
  readonly certificates: CertificateStore;
  readonly gatekeepers: Gatekeepers;
  readonly signals: Signals;
  readonly stages: readonly StageFactory[];
  readonly filterHeader: SessionOptions['filterHeader'];
  readonly regionOf: SessionOptions['regionOf'];
  /** Returns whether the process is overloaded; no session starts then. */
  readonly overloaded: () => boolean;
  readonly supportCodes: SupportCodes;
  /** Counts of streams, where replicas share it. */
  readonly state: StateStore;
  /** Whether other processes of the product listen to the same ports. */
  readonly sharedPorts: boolean;
  readonly tap: SessionOptions['tap'];
  readonly observer: ProxyObserver;
  readonly clock: Clock;
}

/** Prepares the listeners; `server.start()` opens them. */
export function createStreams(
  { listeners, limits, timeouts }: Pick<Config, 'listeners' | 'limits' | 'timeouts'>,
  options: StreamsOptions,
): Promise<Streams> {
  const { observer, signals, clock } = options;
  return assemble((parts) => {
    const writeStalls = parts.track(
      new WriteStallWatch({ writeStallMs: timeouts.writeStallMs, now: clock.monotonic }),
    );
    const { resumptionsMax, resumptionBytesMax } = limits;
    const records = openRecords(options);
    const resumptions = new Resumptions({ resumptionsMax, resumptionBytesMax }, clock.monotonic, records);
    observer.resumable(() => resumptions.size);
    const server = new StreamServer({
      listeners: listeners.map((listener) => signals.listener(listener)),
      capture: signals.capture,
      admission: new Admission({
        connectionsMax: limits.connectionsMax,
        connectionsPerAddressMax: limits.connectionsPerAddressMax || Number.MAX_SAFE_INTEGER,
      }),
      observe: (listener) => observer.session(listener),
      onRefused: (listener, code) => observer.refused(listener, code),
      session: sessionOptions({ limits, timeouts }, writeStalls, resumptions, options),
      drain: {
        spreadMs: drainSpreadMsOf(timeouts),
        resumesElsewhere: resumptions.shared,
        random: unpredictable,
      },
      sharedPorts: options.sharedPorts,
    });
    const drain = async (graceMs: number): Promise<void> => {
      await server.drain(graceMs);
      await records?.settled();
    };
    parts.track({
      drain,
      close: async () => {
        await drain(0);
        records?.close();
      },
    });
    return { server };
  });
}

/** Returns the records of streams; undefined for a process that shares no state. */
function openRecords({ state, clock }: StreamsOptions): StreamRecords | undefined {
  if (!state.shared) return undefined;
  const { resumptionMs: lifeMs } = defaultResumptionLimits;
  return new StreamRecords({ state, lifeMs, now: clock.monotonic, schedule: systemTimers });
}

function sessionOptions(
  { limits, timeouts }: Pick<Config, 'limits' | 'timeouts'>,
  writeStalls: WriteStallWatch,
  resumptions: Resumptions,
  options: StreamsOptions,
): SessionOptions {
  const { overloaded, scanning, certificates, gatekeepers, signals, stages, filterHeader } = options;
  const { supportCodes, clock } = options;
  return {
    ...scanning,
    stages,
    tap: options.tap,
    resumptions,
    delays: {
      ...defaultDelayLimits,
      awaitedAnswersMax: limits.awaitedAnswersMax,
      unacknowledgedMax: limits.unacknowledgedMax,
    },
    filterHeader,
    regionOf: options.regionOf,
    route: gatekeepers.route,
    secure: async (socket, signal, onClientHello) => {
      const options = { certificates, handshakeTimeoutMs: timeouts.handshakeMs, signal, onClientHello };
      const { socket: secured, serverName, alpn, ...facts } = await secureClient(socket, options);
      const { handshakeMs: milliseconds, protocolVersion: version } = facts;
      return { socket: secured, handshake: { milliseconds, serverName, alpn, version } };
    },
    captured: (evidence) => signals.captured(evidence),
    writeStalls,
    reads: new ReadBatch(),
    preAuthenticationMs: timeouts.preAuthMs,
    closeGraceMs: timeouts.closeGraceMs,
    idleMs: timeouts.idleMs,
    rates: ratesOf(limits, timeouts),
    sessionAgeMs: () => (timeouts.sessionAgeMs === 0 ? 0 : timeouts.sessionAgeMs + jitter(timeouts)),
    overloaded,
    supportCode: (phase, code) => supportCodes.note(phase, code),
    schedule: systemTimers,
    now: clock.monotonic,
    clock: clock.wall,
  };
}

/** Part of the time for draining over which sessions end, where the file does not say. The rest is for closing. */
const spreadPart = 0.8;

function drainSpreadMsOf({ drainMs, drainSpreadMs }: Config['timeouts']): number {
  return drainSpreadMs ?? drainMs * spreadPart;
}

/** Returns a random number of milliseconds, by which the ends of sessions that started together are spread. */
function jitter({ sessionAgeJitterMs }: Config['timeouts']): number {
  return Math.round(sessionAgeJitterMs * unpredictable());
}
