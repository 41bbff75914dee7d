/** Turns the life of sessions into log lines, metrics and spans. */
import type { Log } from '../../observability/log.ts';
import { FileStates } from '../../observability/file-states.ts';
import { label, type Label } from '../../observability/label.ts';
import type { DialOutcome, Metrics } from '../../observability/metrics.ts';
import { type GaugedSession, SessionGauge } from '../../observability/session-gauge.ts';
import type { Span, Tracing } from '../../observability/tracing.ts';
import type { CloseReason, SessionObserver } from '../../session/observer.ts';
import type { PacedResource } from '../../session/pacing.ts';
import type { Phase } from '../../session/phase.ts';
import { catalogueFields } from '../../signals/claims.ts';
import type { Direction } from '../../stanza/direction.ts';
import type { StreamErrorCode } from '../../stanza/error.ts';
import type { StanzaKind } from '../../stanza/protocol.ts';
import type { ProxyObserver } from '../proxy.ts';
import { fileObserver, outcomeOf, problemsOf, stateOf } from './files.ts';
import { reportHttp } from './http.ts';

export interface ObserveOptions {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  /** Where sessions are counted; by default in a gauge of its own. */
  readonly gauge?: SessionGauge;
  /** Keeps what became of changed files; by default one that is not read. */
  readonly files?: FileStates;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

export function createObserver(options: ObserveOptions): ProxyObserver {
  const { log, metrics, gauge = new SessionGauge(), files = new FileStates() } = options;
  const noteFiles = fileObserver(files, { log, metrics });
  let sessions = 0;
  return {
    session: (listener) => new ObservedSession(options, gauge, label(listener), ++sessions),
    refused(listener, code) {
      metrics.refused(code);
      log.write('connection.refused', { listener: label(listener), code });
    },
    load({ kind, loopDelayMs, memoryBytes }) {
      metrics.overloaded(kind === 'overloaded');
      log.write(kind === 'overloaded' ? 'proxy.overloaded' : 'proxy.recovered', {
        loopDelayMs: Math.round(loopDelayMs),
        memoryBytes,
      });
    },
    reauthenticated(gatekeeper, outcome, token) {
      metrics.reauthenticated(label(gatekeeper), outcome);
      log.write('session.reauthenticated', {
        gatekeeper: label(gatekeeper),
        outcome,
        ...(token === undefined ? {} : { token }),
      });
    },
    certificates(report) {
      if (report.kind === 'expired') log.write('certificates.expired', {});
      else if (report.kind === 'not-yet-valid') log.write('certificates.not-yet-valid', {});
      else {
        metrics.certificatesReloaded(outcomeOf(report.kind));
        if (report.kind === 'reloaded') log.write('certificates.loaded', { certificates: 1 });
        noteFiles('certificates', report.name, stateOf(report.kind), problemsOf(report));
      }
    },
    policy(report) {
      if (report.kind === 'ephemeral-key') {
        log.write('policy.ephemeral-key', {});
        return;
      }
      if (report.kind !== 'loaded') metrics.policyReloaded(outcomeOf(report.kind));
      noteFiles('policy', 'policy', stateOf(report.kind), problemsOf(report));
      if (report.kind === 'rejected') return;
      const policy = label(report.policy);
      metrics.policyEnforced(report.mode === 'enforce');
      log.write('policy.loaded', { policy, warnings: report.warnings });
      if (report.mode === 'shadow') log.write('policy.not-enforced', { policy });
    },
    restart: ({ part, name, kind, problems }) => noteFiles(part, name, kind, problems),
    decided: (audience, mode, decisions) => metrics.decisions.add(audience, mode, decisions),
    http: {
      report: (event) => reportHttp(event, options),
      refused(why) {
        metrics.http.connectionRefused(why);
        log.write('http.connection-refused', { why });
      },
      ephemeralMediaKey: () => log.write('media.ephemeral-key', {}),
    },
    capabilities: {
      asked: (whom) => metrics.capabilitiesAsked(whom),
      answered: () => metrics.capabilitiesAnswered(),
      held: () => metrics.presenceHeld(),
      gated: (action, kind) => metrics.contentRefused(action, label(kind)),
      reloaded(report) {
        metrics.capabilitiesReloaded(outcomeOf(report.kind));
        if (report.kind === 'reloaded') log.write('capabilities.loaded', {});
        noteFiles('capabilities', report.name, stateOf(report.kind), problemsOf(report));
      },
    },
    signals: {
      synVisibility: (listener, syn) => log.write('listener.signals', { listener: label(listener), syn }),
      captured: (signal, outcome) => metrics.signalCaptured(catalogueFields[signal], label(outcome)),
      attested: (gatekeeper, carrier, outcome) =>
        metrics.attested(label(gatekeeper), label(carrier), label(outcome)),
      keys(report) {
        metrics.signingKeysReloaded(outcomeOf(report.kind));
        if (report.kind === 'reloaded') log.write('signing-keys.loaded', { keys: report.keys });
        noteFiles('signing-keys', 'signing keys', stateOf(report.kind), problemsOf(report));
      },
    },
  };
}

const dialOutcomes: Readonly<Partial<Record<StreamErrorCode, DialOutcome>>> = {
  ERR_GATEKEEPER_UNREACHABLE: 'unreachable',
  ERR_GATEKEEPER_TLS: 'tls',
};

class ObservedSession implements SessionObserver {
  readonly #options: ObserveOptions;
  readonly #listener: Label;
  readonly #session: number;
  readonly #opened: number;
  readonly #span: Span;
  readonly #gauged: GaugedSession;
  #step: Span | undefined;
  #gatekeeper: Label | undefined;
  readonly #stanzas: Record<Direction, number> = { 'to-gatekeeper': 0, 'to-client': 0 };
  readonly #bytes: Record<Direction, number> = { 'to-gatekeeper': 0, 'to-client': 0 };

  constructor(options: ObserveOptions, gauge: SessionGauge, listener: Label, session: number) {
    this.#options = options;
    this.#listener = listener;
    this.#session = session;
    this.#opened = options.now();
    this.#span = options.tracing.session({ listener });
    this.#gauged = gauge.enter(listener, 'securing' satisfies Phase);
    options.metrics.sessionOpened(listener);
    options.log.write('session.opened', { session, listener });
  }

  phase(phase: Phase): void {
    this.#gauged.move({ phase });
    this.#step?.end();
    this.#step = undefined;
    if (phase === 'securing') this.#step = this.#span.child('tls', { side: 'client' });
    else if (phase === 'dialling') this.#step = this.#span.child('dial');
    else if (phase === 'authenticating') this.#step = this.#span.child('authentication');
    else if (phase === 'closing') this.#step = this.#span.child('close');
  }

  secured(side: 'client' | 'gatekeeper', outcome: 'ok' | StreamErrorCode, milliseconds: number): void {
    if (outcome === 'ok') this.#options.metrics.handshaken(side, milliseconds / 1_000);
    else this.#step?.fail(outcome);
  }

  dialled(gatekeeper: string, outcome: 'ok' | StreamErrorCode, milliseconds: number): void {
    const { log, metrics } = this.#options;
    this.#gatekeeper = label(gatekeeper);
    this.#gauged.move({ gatekeeper: this.#gatekeeper });
    const result = outcome === 'ok' ? 'connected' : (dialOutcomes[outcome] ?? 'refused');
    metrics.dialled(this.#gatekeeper, result, milliseconds / 1_000);
    if (outcome === 'ok') {
      log.write('session.routed', { session: this.#session, gatekeeper: this.#gatekeeper });
      return;
    }
    this.#step?.fail(outcome);
    log.write('gatekeeper.unreachable', {
      gatekeeper: this.#gatekeeper,
      code: outcome,
      durationMs: Math.round(milliseconds),
    });
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

  paced(side: 'client' | 'gatekeeper', resource: PacedResource): void {
    this.#options.metrics.paced(side, resource);
  }

  closed(reason: CloseReason): void {
    const { log, metrics, now } = this.#options;
    const durationMs = now() - this.#opened;
    const session = this.#session;
    const listener = this.#listener;
    const gatekeeper = this.#gatekeeper === undefined ? {} : { gatekeeper: this.#gatekeeper };
    if (reason !== 'client-closed' && reason !== 'gatekeeper-closed') {
      metrics.refused(reason);
      log.write('session.refused', { session, listener, ...gatekeeper, code: reason });
      this.#span.fail(reason);
    }
    const word = closeWord(reason);
    metrics.sessionClosed(word, durationMs / 1_000);
    log.write('session.closed', {
      session,
      listener,
      ...gatekeeper,
      reason: word,
      durationMs: Math.round(durationMs),
      stanzasToGatekeeper: this.#stanzas['to-gatekeeper'],
      stanzasToClient: this.#stanzas['to-client'],
      bytesToGatekeeper: this.#bytes['to-gatekeeper'],
      bytesToClient: this.#bytes['to-client'],
    });
    this.#step?.end();
    this.#span.end();
    this.#gauged.leave();
  }
}

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
