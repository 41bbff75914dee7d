/** Reports events of a proxy as log lines, metrics and spans. */
import type { FileStates } from '../../observability/file-states.ts';
import { digest, type Version } from '../../observability/identifiers.ts';
import type { AuthenticationErrorCode } from '../../errors/authentication.ts';
import { isTokenErrorCode, type TokenErrorCode } from '../../errors/token.ts';
import { label } from '../../observability/label.ts';
import { catalogueFields } from '../../signals/claims.ts';
import type { StateObserver } from '../../state/observer.ts';
import type {
  CapabilitiesObserver,
  HttpObserver,
  PolicyReport,
  ProxyObserver,
  RecordingReport,
  SignalsObserver,
} from '../observer.ts';
import { digestFields, fileObserver, type NoteFiles, outcomeOf, problemsOf, stateOf } from './files.ts';
import { reportHttp } from './http.ts';
import { ObservedSession, type SessionTelemetry } from './session.ts';

export interface TelemetryOptions extends SessionTelemetry {
  /** Version of the product. */
  readonly version: Version;
  /** Stores the state of the operator's files. */
  readonly files: FileStates;
}

export function createObserver(options: TelemetryOptions): ProxyObserver {
  const { log, metrics, files } = options;
  const noteFiles = fileObserver(files, { log, metrics });
  let sessions = 0;
  return {
    session: (listener) => new ObservedSession(options, label(listener), ++sessions),
    refused(listener, code) {
      metrics.refused(code);
      log.writeLimited('connection.refused', { listener: label(listener), code });
    },
    resumable: (size) => metrics.watchResumptions(size),
    load({ kind, loopDelayMs, memoryBytes }) {
      metrics.overloaded(kind === 'overloaded');
      log.write(kind === 'overloaded' ? 'proxy.overloaded' : 'proxy.recovered', {
        loopDelayMs: Math.round(loopDelayMs),
        memoryBytes,
      });
    },
    ledger(failure) {
      metrics.ledgerFailing(failure !== undefined);
      if (failure === undefined) log.write('ledger.recovered', {});
      else
        log.write('ledger.failed', { errno: label(failure.cause.toLowerCase()), attempts: failure.attempts });
    },
    recording: (report) => recordingReported(report, options),
    reauthenticated(gatekeeper, outcome, code) {
      metrics.reauthenticated(label(gatekeeper), outcome);
      log.writeLimited('session.reauthenticated', {
        gatekeeper: label(gatekeeper),
        outcome,
        ...codeOf(code),
      });
    },
    certificates(report) {
      if (report.kind === 'validity')
        metrics.certificateExpires(report.use, label(report.certificate), report.notAfter / 1_000);
      else if (report.kind === 'expired') log.write('certificates.expired', {});
      else if (report.kind === 'not-yet-valid') log.write('certificates.not-yet-valid', {});
      else {
        metrics.certificatesReloaded(outcomeOf(report.kind));
        if (report.kind === 'reloaded') log.write('certificates.loaded', { certificates: 1 });
        noteFiles('certificates', report.name, stateOf(report.kind), problemsOf(report));
      }
    },
    policy: (report) => policyReported(report, options, noteFiles),
    policySessions: (count) =>
      metrics.watchPolicySessions(() =>
        count().map(({ gatekeeper, policy, sessions: open }) => ({
          labels: { gatekeeper: label(gatekeeper), policy: label(policy) },
          sessions: open,
        })),
      ),
    regions(report) {
      if (report.kind === 'loaded') log.write('regions.loaded', { rows: report.rows });
      noteFiles('regions', 'regions', report.kind, problemsOf(report));
    },
    restart: ({ part, name, kind, problems }) => noteFiles(part, name, kind, problems),
    decisions: metrics.decisions,
    http: httpObserver(options),
    state: stateObserver(options),
    capabilities: capabilitiesObserver(options, noteFiles),
    signals: signalsObserver(options, noteFiles),
  };
}

/** Returns the field of a code with which an authentication was refused. */
function codeOf(code: TokenErrorCode | AuthenticationErrorCode | undefined) {
  if (code === undefined) return {};
  return isTokenErrorCode(code) ? { token: code } : { refusal: code };
}

function recordingReported(report: RecordingReport, { log, metrics }: TelemetryOptions): void {
  metrics.recording(report.kind === 'started');
  if (report.kind === 'started') {
    const { durationMs, bytesMax } = report;
    log.write('recording.started', { durationMs, bytesMax });
  } else {
    const { reason, stanzas, bytes } = report;
    log.write('recording.ended', { reason, stanzas, bytes });
  }
}

function policyReported(report: PolicyReport, options: TelemetryOptions, noteFiles: NoteFiles): void {
  const { log, metrics, version } = options;
  if (report.kind === 'ephemeral-key') return log.write('policy.ephemeral-key', {});
  if (report.kind === 'ephemeral-share-key') return log.write('policy.ephemeral-share-key', {});
  if (report.kind !== 'loaded') metrics.policyReloaded(outcomeOf(report.kind));
  // No gatekeeper has the empty name.
  noteFiles('policy', report.gatekeeper ?? '', stateOf(report.kind), problemsOf(report));
  if (report.kind === 'rejected') return;
  const at = report.gatekeeper === undefined ? {} : { gatekeeper: label(report.gatekeeper) };
  const isEnforced = report.policies.every(({ mode }) => mode === 'enforce');
  for (const gatekeeper of report.gatekeepers) metrics.policyEnforced(label(gatekeeper), isEnforced);
  for (const { name, mode } of report.policies) {
    const policy = label(name);
    log.write('policy.loaded', {
      version,
      policy,
      ...at,
      ...digestFields(report),
      warnings: report.warnings,
    });
    if (mode === 'shadow') log.write('policy.not-enforced', { policy, ...at });
  }
}

function httpObserver(options: TelemetryOptions): HttpObserver {
  const { log, metrics } = options;
  return {
    report: (event) => reportHttp(event, options),
    refused(why) {
      metrics.http.connectionRefused(why);
      log.writeLimited('http.connection-refused', { why });
    },
    ephemeralMediaKey: () => log.write('media.ephemeral-key', {}),
  };
}

function stateObserver({ log, metrics }: TelemetryOptions): StateObserver {
  return {
    operated: (operation, outcome, milliseconds) =>
      metrics.state.operated(operation, outcome, milliseconds / 1_000),
    up() {
      metrics.state.up(true);
      log.write('state.connected', {});
    },
    down(why) {
      metrics.state.up(false);
      log.write('state.lost', { why });
    },
    refused(kind) {
      metrics.state.refused(kind);
      log.writeLimited('state.value-refused', { kind });
    },
  };
}

function capabilitiesObserver(
  { log, metrics }: TelemetryOptions,
  noteFiles: NoteFiles,
): CapabilitiesObserver {
  return {
    asked: (whom) => metrics.capabilitiesAsked(whom),
    answered: () => metrics.capabilitiesAnswered(),
    held: () => metrics.presenceHeld(),
    filtered: (action, kind) => metrics.contentRefused(action, label(kind)),
    profileSessions: (count) =>
      metrics.watchProfileSessions(() =>
        count().map(({ gatekeeper, profile, sessions }) => ({
          labels: { gatekeeper: label(gatekeeper), profile: label(profile) },
          sessions,
        })),
      ),
    reloaded(report, profilesDigest) {
      metrics.capabilitiesReloaded(outcomeOf(report.kind));
      if (report.kind === 'reloaded')
        log.write('capabilities.loaded', { profilesDigest: digest(profilesDigest) });
      noteFiles('capabilities', report.name, stateOf(report.kind), problemsOf(report));
    },
  };
}

function signalsObserver({ log, metrics }: TelemetryOptions, noteFiles: NoteFiles): SignalsObserver {
  return {
    synVisibility: (listener, syn) => log.write('listener.signals', { listener: label(listener), syn }),
    captured: (signal, outcome) => metrics.signalCaptured(catalogueFields[signal], label(outcome)),
    attested: (gatekeeper, carrier, outcome) =>
      metrics.attested(label(gatekeeper), label(carrier), label(outcome)),
    signing: (starts) => metrics.watchSigningKeys(starts),
    fieldsIgnored: (listener, count) => metrics.proxyFieldsIgnored(label(listener), count),
    keys(report) {
      metrics.signingKeysReloaded(outcomeOf(report.kind));
      if (report.kind === 'reloaded') log.write('signing-keys.loaded', { keys: report.keys });
      noteFiles('signing-keys', 'signing keys', stateOf(report.kind), problemsOf(report));
    },
  };
}
