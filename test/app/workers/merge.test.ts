import { describe, expect, it } from 'vitest';
import {
  mergeAudit,
  mergeExposure,
  mergeFiles,
  mergeReadiness,
  mergeRefusals,
  mergeSessions,
} from '../../../src/app/workers/merge.ts';
import type { AuditView } from '../../../src/http/admin/audit/view.ts';
import type { Readiness } from '../../../src/http/admin/app.ts';
import {
  exposureDocument,
  type ExposureDocument,
  type ExposureRow,
} from '../../../src/http/admin/exposure.ts';
import { FileStates } from '../../../src/observability/file-states.ts';
import { label } from '../../../src/observability/label.ts';

const row = (field: string, count: number): ExposureRow => ({
  gatekeeper: 'main',
  audience: 'gatekeeper',
  field,
  namespace: null,
  treatment: 'keep',
  mode: 'enforced',
  policy: 'balanced',
  sinceStart: { count, bytes: 10 * count, sessionsAtLeast: 1, sessionsAtMost: 2 },
  interval: { count: 1, bytes: 10, sessions: 1 },
});

const digest = 'A'.repeat(43);
const document = (
  rows: ExposureRow[],
  startedAt: string,
  other = { rows: 0, count: 0 },
): ExposureDocument => ({
  format: 1,
  at: '2026-12-01T12:00:00.000Z',
  startedAt,
  interval: { from: '2026-12-01T11:59:00.000Z' },
  build: { version: '1.2.3', digest },
  inForce: [],
  ledger: null,
  rows,
  other,
});

describe('what several workers answer', () => {
  it('is, of sessions, their sum by listener, gatekeeper and phase', () => {
    const at = (listener: string, phase: string, sessions: number) => ({
      listener: label(listener),
      gatekeeper: null,
      phase,
      sessions,
    });
    expect(
      mergeSessions([[at('a', 'open', 2), at('b', 'open', 1)], [], [at('a', 'open', 3), at('a', 'new', 1)]]),
    ).toEqual([at('a', 'open', 5), at('b', 'open', 1), at('a', 'new', 1)]);
  });

  it('is, of a support code, what the one says that refused the client', () => {
    const known = { phase: 'open', code: 'ERR_DEPTH', minute: '2026-12-01T12:00Z' };
    expect(mergeRefusals(['unknown', known])).toBe(known);
    expect(mergeRefusals(['unknown', 'too-many'])).toBe('too-many');
    expect(mergeRefusals(['unknown', 'unknown'])).toBe('unknown');
  });

  it('is ready while one is', () => {
    const readiness = (state: 'open' | 'closed'): Readiness => ({
      draining: state === 'closed',
      listeners: [{ name: label('clients'), state }],
      policy: null,
      gatekeeperPolicies: {},
      files: new FileStates().summary(),
    });
    const merged = mergeReadiness([readiness('closed'), readiness('open')]);
    expect([merged.draining, merged.listeners[0]!.state]).toEqual([false, 'open']);
    const none = mergeReadiness([readiness('closed'), readiness('closed')]);
    expect([none.draining, none.listeners[0]!.state]).toEqual([true, 'closed']);
  });

  it('is, of files, the worst state with its problems', () => {
    const good = new FileStates();
    const bad = new FileStates();
    const problem = {
      severity: 'error',
      code: 'ERR_POLICY_FIELD',
      file: 'p.yaml',
      reason: 'r',
      remedy: 'r',
    } as const;
    bad.note('policy', '', 'rejected', [problem]);
    good.note('certificates', '', 'restart-required');
    const merged = mergeFiles([good.summary(), bad.summary()]);
    expect(merged.policy).toEqual({ state: 'rejected', problems: [problem], omitted: 0 });
    expect([merged.certificates.state, merged.regions.state]).toEqual(['restart-required', 'loaded']);
  });

  it('is, of exposure, a valid document with the sums', () => {
    const merged = mergeExposure(
      [
        document([row('a', 1), row('b', 2)], '2026-12-01T11:00:00.000Z', { rows: 3, count: 7 }),
        document([row('b', 5), row('c', 1)], '2026-12-01T10:00:00.000Z', { rows: 1, count: 1 }),
      ],
      2,
    );
    expect(exposureDocument.parse(merged)).toEqual(merged);
    expect(merged.rows).toEqual([
      row('a', 1),
      {
        ...row('b', 7),
        sinceStart: { count: 7, bytes: 70, sessionsAtLeast: 2, sessionsAtMost: 4 },
        interval: { count: 2, bytes: 20, sessions: 2 },
      },
    ]);
    expect(merged.other).toEqual({ rows: 4, count: 9 });
    expect(merged.startedAt).toBe('2026-12-01T10:00:00.000Z');
  });

  it('is, of the live page, the sums of its counts', () => {
    const view = (sessions: number, code: string): AuditView => ({
      gatekeeper: 'main',
      gatekeepers: ['main'],
      sessions,
      exposure: document([row('a', sessions)], '2026-12-01T11:00:00.000Z'),
      fields: [],
      exceptions: [],
      certificates: [],
      signingKey: undefined,
      attestations: [{ carrier: 'stream', outcome: 'sent', count: sessions }],
      refusals: [
        { code: 'ERR_DEPTH', cause: 'c', count: 1 },
        { code, cause: 'c', count: 5 },
      ],
    });
    const merged = mergeAudit([view(2, 'ERR_DEPTH'), view(3, 'ERR_TAG_SIZE')], 10);
    expect([merged.sessions, merged.exposure.rows[0]!.sinceStart.count]).toEqual([5, 5]);
    expect(merged.attestations).toEqual([{ carrier: 'stream', outcome: 'sent', count: 5 }]);
    expect(merged.refusals.map(({ code, count }) => [code, count])).toEqual([
      ['ERR_DEPTH', 7],
      ['ERR_TAG_SIZE', 5],
    ]);
  });
});
