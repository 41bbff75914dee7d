/** Every log event: closed names, and for each the fields that it may have. No field is free text (`field.ts`). */
import { connectionRefusals, http2Codes, httpCodes, httpRoutes, mediaEnds } from './http-words.ts';
import type { FieldKinds, FieldValues } from './field.ts';
import { reauthenticationOutcomes } from './reauthentication-outcomes.ts';
import { fileParts } from './file-states.ts';
import { dialCauseNames } from '../errors/causes.ts';
import { authenticationErrorCodes } from '../errors/authentication.ts';
import { tokenErrorCodes } from '../errors/token.ts';
import { stateKindNames } from '../state/kinds.ts';
import { stateLosses } from '../state/observer.ts';

export type Level = 'debug' | 'info' | 'warn' | 'error';

interface EventDefinition {
  readonly level: Level;
  readonly fields: FieldKinds;
}

/** Requests to read all files again. */
const reloadRequests = ['signal', 'api'] as const;

/** Why a recording ended. */
export const recordingEnds = ['duration', 'size', 'stopped', 'write-failed', 'overrun'] as const;

const sides = ['client', 'gatekeeper'] as const;
const tlsModes = ['starttls', 'direct'] as const;

/** The packets that a listener can see. */
export const listenerVisibilities = ['edge', 'behind-balancer', 'unsupported', 'off'] as const;

/** Why a session ended. Also the label values of narthex_session_closes_total. */
export const closeReasons = ['client', 'gatekeeper', 'refused', 'timeout', 'drain', 'error'] as const;
export type CloseReason = (typeof closeReasons)[number];

/** Events that peers without an account, or the store of shared state, can cause at any rate, so their lines are limited. */
export const limitedEvents = [
  'connection.refused',
  'gatekeeper.unreachable',
  'http.connection-refused',
  'http.refused',
  'http.protocol-refused',
  'http.protocol-refused',
  'session.closed',
  'session.reauthenticated',
  'session.refused',
  'state.value-refused',
] as const;
export type LimitedEvent = (typeof limitedEvents)[number];

/** Events by name. `session` is a number that counts up in one process and only groups its lines. */
export const logEvents = {
  'proxy.started': {
    level: 'info',
    fields: {
      version: 'version',
      listeners: 'number',
      domains: 'number',
      gatekeepers: 'number',
      policyDigest: 'digest',
      shadowDigest: 'digest',
      catalogueDigest: 'digest',
      profilesDigest: 'digest',
    },
  },
  'proxy.overloaded': { level: 'warn', fields: { loopDelayMs: 'number', memoryBytes: 'number' } },
  'proxy.recovered': { level: 'info', fields: { loopDelayMs: 'number', memoryBytes: 'number' } },
  'proxy.draining': { level: 'info', fields: { sessions: 'number', drainMs: 'number' } },
  'proxy.stopped': { level: 'info', fields: { sessions: 'number', durationMs: 'number' } },
  'ledger.failed': { level: 'error', fields: { errno: 'label', attempts: 'number' } },
  'ledger.recovered': { level: 'info', fields: {} },
  'recording.started': { level: 'warn', fields: { durationMs: 'number', bytesMax: 'number' } },
  'recording.ended': {
    level: 'warn',
    fields: { reason: recordingEnds, stanzas: 'number', bytes: 'number' },
  },
  'state.connected': { level: 'info', fields: {} },
  'state.lost': { level: 'error', fields: { why: stateLosses } },
  'state.value-refused': { level: 'error', fields: { kind: stateKindNames } },
  'worker.ended': { level: 'error', fields: { worker: 'number', exitCode: 'number', restartMs: 'number' } },
  'workers.draining': { level: 'info', fields: { workers: 'number' } },
  'listener.opened': { level: 'info', fields: { listener: 'label', port: 'number', tls: tlsModes } },
  'listener.signals': { level: 'info', fields: { listener: 'label', syn: listenerVisibilities } },
  'admin.opened': { level: 'info', fields: { port: 'number' } },
  'certificates.loaded': { level: 'info', fields: { certificates: 'number' } },
  'certificates.expired': { level: 'warn', fields: {} },
  'certificates.not-yet-valid': { level: 'warn', fields: {} },
  'policy.loaded': {
    level: 'info',
    fields: {
      version: 'version',
      policy: 'label',
      gatekeeper: 'label',
      policyDigest: 'digest',
      shadowDigest: 'digest',
      catalogueDigest: 'digest',
      warnings: 'number',
    },
  },
  'policy.not-enforced': { level: 'warn', fields: { policy: 'label', gatekeeper: 'label' } },
  'policy.ephemeral-key': { level: 'warn', fields: {} },
  'policy.ephemeral-share-key': { level: 'warn', fields: {} },
  'http.opened': { level: 'info', fields: { port: 'number' } },
  'http.answered': {
    level: 'debug',
    fields: { route: httpRoutes, status: 'number', durationMs: 'number' },
  },
  'http.refused': {
    level: 'warn',
    fields: { route: httpRoutes, status: 'number', code: httpCodes, durationMs: 'number' },
  },
  'http.protocol-refused': { level: 'warn', fields: { code: http2Codes } },
  'http.connection-refused': { level: 'info', fields: { why: connectionRefusals } },
  'http.failed': { level: 'error', fields: { route: httpRoutes, defect: 'defect', frame: 'defect' } },
  'push.delivered': { level: 'debug', fields: {} },
  'media.ended': { level: 'info', fields: { outcome: mediaEnds, bytes: 'number' } },
  'token.claims-unlisted': { level: 'warn', fields: { claims: 'number' } },
  'media.ephemeral-key': { level: 'warn', fields: {} },
  'capabilities.loaded': { level: 'info', fields: { profilesDigest: 'digest' } },
  'regions.loaded': { level: 'info', fields: { rows: 'number' } },
  'signing-keys.loaded': { level: 'info', fields: { keys: 'number' } },
  'reload.requested': { level: 'info', fields: { by: reloadRequests } },
  'reload.rejected': {
    level: 'error',
    fields: {
      part: fileParts,
      code: 'file-code',
      file: 'operator-text',
      line: 'number',
      column: 'number',
      reason: 'operator-text',
      remedy: 'operator-text',
      problems: 'number',
    },
  },
  'reload.restart-required': { level: 'warn', fields: { part: fileParts } },
  'connection.refused': { level: 'warn', fields: { listener: 'label', code: 'code' } },
  'session.opened': { level: 'debug', fields: { session: 'number', trace: 'trace', listener: 'label' } },
  'session.routed': { level: 'debug', fields: { session: 'number', trace: 'trace', gatekeeper: 'label' } },
  'session.reauthenticated': {
    level: 'info',
    fields: {
      gatekeeper: 'label',
      outcome: reauthenticationOutcomes,
      token: tokenErrorCodes,
      refusal: authenticationErrorCodes,
    },
  },
  'session.refused': {
    level: 'warn',
    fields: {
      session: 'number',
      trace: 'trace',
      listener: 'label',
      gatekeeper: 'label',
      side: sides,
      code: 'code',
      offset: 'number',
      limit: 'number',
      cause: dialCauseNames,
      defect: 'defect',
      frame: 'defect',
    },
  },
  'session.closed': {
    level: 'info',
    fields: {
      session: 'number',
      trace: 'trace',
      listener: 'label',
      gatekeeper: 'label',
      reason: closeReasons,
      durationMs: 'number',
      stanzasToGatekeeper: 'number',
      stanzasToClient: 'number',
      bytesToGatekeeper: 'number',
      bytesToClient: 'number',
    },
  },
  'gatekeeper.unreachable': {
    level: 'warn',
    fields: {
      session: 'number',
      trace: 'trace',
      gatekeeper: 'label',
      code: 'code',
      cause: dialCauseNames,
      durationMs: 'number',
    },
  },
  'log.suppressed': { level: 'warn', fields: { of: limitedEvents, lines: 'number' } },
  'tracing.failed': { level: 'error', fields: {} },
} as const satisfies Record<string, EventDefinition>;

export type LogEvent = keyof typeof logEvents;

/** The fields that one event may carry. */
export type LogFields<Event extends LogEvent> = FieldValues<(typeof logEvents)[Event]['fields']>;
