/** Reports the life of a session as log lines, metrics and spans. */
import type { TraceId } from '../../observability/identifiers.ts';
import { label, type Label } from '../../observability/label.ts';
import type { Log } from '../../observability/log.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { GaugedSession, SessionGauge } from '../../observability/session-gauge.ts';
import type { Span, Tracing } from '../../observability/tracing.ts';
import { defectFields, type DefectName } from '../../observability/defect-fields.ts';
import type { EqualisedOutcome, WaitingStanza } from '../../session/dispatch.ts';
import type { CloseReason, SessionObserver, SessionRefusal } from '../../session/observer.ts';
import type { PacedResource } from '../../session/pacing.ts';
import type { Phase } from '../../session/phase.ts';
import type { Direction } from '../../stanza/direction.ts';
import type { DialCause } from '../../errors/causes.ts';
import type { StreamErrorCode } from '../../errors/stream.ts';
import type { StanzaKind } from '../../stanza/protocol.ts';
import type { Clock } from '../clock.ts';

export interface SessionTelemetry {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly gauge: SessionGauge;
  readonly clock: Clock;
}

/** Reports one session: spans by phase, metrics, and log lines without user data. */
export class ObservedSession implements SessionObserver {
  readonly #options: SessionTelemetry;
  readonly #listener: Label;
  /** Fields of each line of this session: its number, and the id of its trace where there is one. */
  readonly #names: { readonly session: number; readonly trace?: TraceId };
  readonly #opened: number;
  readonly #span: Span;
  readonly #gauged: GaugedSession;
  #step: Span | undefined;
  #gatekeeper: Label | undefined;
  /** Whether the session was established. It then has an account, so its lines are not limited. */
  #established = false;
  readonly #stanzas: Record<Direction, number> = { 'to-gatekeeper': 0, 'to-client': 0 };
  readonly #bytes: Record<Direction, number> = { 'to-gatekeeper': 0, 'to-client': 0 };

  constructor(options: SessionTelemetry, listener: Label, session: number) {
    this.#options = options;
    this.#listener = listener;
    this.#opened = options.clock.monotonic();
    this.#span = options.tracing.session({ listener });
    this.#gauged = options.gauge.enter(listener, 'securing' satisfies Phase);
    options.metrics.sessionOpened(listener);
    const { traceId: trace } = this.#span;
    this.#names = { session, ...(trace !== undefined && { trace }) };
    options.log.write('session.opened', { ...this.#names, listener });
  }

  phase(phase: Phase): void {
    this.#gauged.move({ phase });
    this.#established ||= phase === 'established';
    this.#step?.end();
    this.#step = undefined;
    if (phase === 'securing') this.#step = this.#span.child('tls', { side: 'client' });
    else if (phase === 'dialling') this.#step = this.#span.child('dial');
    else if (phase === 'authenticating')
      this.#step = this.#span.child('authentication', this.#gatekeeper && { gatekeeper: this.#gatekeeper });
    else if (phase === 'closing') this.#step = this.#span.child('close');
  }

  secured(side: 'client' | 'gatekeeper', outcome: 'ok' | StreamErrorCode, milliseconds: number): void {
    if (outcome === 'ok') this.#options.metrics.handshaken(side, milliseconds / 1_000);
    else this.#step?.fail(outcome);
  }

  dialled(
    gatekeeper: string,
    outcome: 'ok' | StreamErrorCode,
    milliseconds: number,
    cause?: DialCause,
  ): void {
    const { log, metrics } = this.#options;
    const named = { gatekeeper: label(gatekeeper) };
    this.#gatekeeper = named.gatekeeper;
    this.#gauged.move(named);
    this.#span.set(named);
    this.#step?.set(named);
    metrics.dialled(named.gatekeeper, outcome === 'ok' ? 'connected' : 'failed', milliseconds / 1_000);
    if (outcome === 'ok') {
      log.write('session.routed', { ...this.#names, ...named });
      return;
    }
    const why = cause === undefined ? {} : { cause };
    metrics.dialFailed(named.gatekeeper, cause ?? 'proxy');
    this.#step?.set(why);
    this.#step?.fail(outcome);
    const durationMs = Math.round(milliseconds);
    const line = { ...this.#names, ...named, code: outcome, ...why, durationMs };
    log.writeLimited('gatekeeper.unreachable', line);
  }

  stanza(direction: Direction, kind: StanzaKind): void {
    this.#stanzas[direction] += 1;
    this.#options.metrics.traffic[direction][kind] += 1;
  }

  bytes(direction: Direction, count: number): void {
    this.#bytes[direction] += count;
    this.#options.metrics.traffic[direction].bytes += count;
  }

  padded(direction: Direction, bytes: number): void {
    this.#options.metrics.padding[direction] += bytes;
  }

  waited(what: WaitingStanza, milliseconds: number): void {
    this.#options.metrics.waited(what, milliseconds / 1_000);
  }

  equalised(outcome: EqualisedOutcome): void {
    this.#options.metrics.equalised(outcome);
  }

  paced(side: 'client' | 'gatekeeper', resource: PacedResource): void {
    this.#options.metrics.paced(side, resource);
  }

  closed(reason: CloseReason, refusal?: SessionRefusal): void {
    const { log, metrics, clock } = this.#options;
    const durationMs = clock.monotonic() - this.#opened;
    const names = this.#names;
    const listener = this.#listener;
    const gatekeeper = this.#gatekeeper === undefined ? {} : { gatekeeper: this.#gatekeeper };
    const write = this.#established ? log.write : log.writeLimited;
    if (reason !== 'client-closed' && reason !== 'gatekeeper-closed') {
      metrics.refused(reason);
      const refused = refusalFields(refusal);
      write('session.refused', { ...names, listener, ...gatekeeper, code: reason, ...refused });
      this.#span.set(refused);
      this.#span.fail(reason);
    }
    const word = closeWord(reason);
    metrics.sessionClosed(word, durationMs / 1_000);
    const ended = {
      reason: word,
      stanzasToGatekeeper: this.#stanzas['to-gatekeeper'],
      stanzasToClient: this.#stanzas['to-client'],
    };
    this.#span.set(ended);
    write('session.closed', {
      ...names,
      listener,
      ...gatekeeper,
      ...ended,
      durationMs: Math.round(durationMs),
      bytesToGatekeeper: this.#bytes['to-gatekeeper'],
      bytesToClient: this.#bytes['to-client'],
    });
    this.#step?.end();
    this.#span.end();
    this.#gauged.leave();
  }
}

/** Returns what log and span have of a refusal in addition to its code. A detail has an offset and at most one
 *  limit, whose name follows from the code. */
function refusalFields(refusal: SessionRefusal | undefined): {
  readonly side?: 'client' | 'gatekeeper';
  readonly offset?: number;
  readonly limit?: number;
  readonly defect?: DefectName;
  readonly frame?: DefectName;
  readonly cause?: DialCause;
} {
  if (refusal === undefined) return {};
  const { offset, ...limits } = refusal.detail;
  const [limit] = Object.values(limits);
  return {
    side: refusal.side,
    ...(typeof offset === 'number' && { offset }),
    ...(typeof limit === 'number' && { limit }),
    ...(refusal.defect && defectFields(refusal.defect)),
    ...(refusal.cause && { cause: refusal.cause }),
  };
}

/** Returns the label of a metric for why a session ended. */
function closeWord(reason: CloseReason): 'client' | 'gatekeeper' | 'refused' | 'timeout' | 'drain' | 'error' {
  switch (reason) {
    case 'client-closed':
      return 'client';
    case 'gatekeeper-closed':
    case 'ERR_GATEKEEPER_CLOSED':
      return 'gatekeeper';
    case 'ERR_SHUTDOWN':
      return 'drain';
    case 'ERR_INTERNAL':
      return 'error';
    case 'ERR_HANDSHAKE_TIMEOUT':
    case 'ERR_PRE_AUTH_TIMEOUT':
    case 'ERR_IDLE_TIMEOUT':
    case 'ERR_WRITE_STALL':
      return 'timeout';
    default:
      return 'refused';
  }
}
