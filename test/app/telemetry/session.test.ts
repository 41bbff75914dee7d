/** What the log says of a refused session beyond its code. */
import { describe, expect, it } from 'vitest';
import { ObservedSession } from '../../../src/app/telemetry/session.ts';
import { defectOf } from '../../../src/errors/defect.ts';
import { label } from '../../../src/observability/label.ts';
import { openLog } from '../../../src/observability/log.ts';
import { createMetrics } from '../../../src/observability/metrics.ts';
import { SessionGauge } from '../../../src/observability/session-gauge.ts';
import { openTracing } from '../../../src/observability/tracing.ts';
import type { CloseReason, SessionRefusal } from '../../../src/session/observer.ts';
import { asStreamError, refusalOf } from '../../../src/session/ending.ts';
import { StreamError } from '../../../src/stanza/error.ts';

async function logged(reason: CloseReason, refusal?: SessionRefusal): Promise<Record<string, unknown>> {
  const lines: Record<string, unknown>[] = [];
  const session = new ObservedSession(
    {
      log: openLog({
        level: 'info',
        now: () => 0,
        unauthenticatedLinesPerSecondMax: 100,
        suppressed: () => {},
        destination: { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
      }),
      metrics: createMetrics({ version: '1', processMetrics: false }),
      tracing: await openTracing({ endpoint: undefined, version: '1', failed: () => {} }),
      gauge: new SessionGauge(),
      clock: { wall: () => 0, monotonic: () => 0 },
    },
    label('clients'),
    7,
  );
  session.closed(reason, refusal);
  return lines.find(({ event }) => event === 'session.refused') ?? {};
}

describe('a refused session', () => {
  it('is logged with the side, the offset and the limit', async () => {
    const error = new StreamError('policy-violation', { code: 'ERR_DEPTH', offset: 1234, depthMax: 64 });
    const refusal = refusalOf({ kind: 'refused', error, side: 'gatekeeper' });
    expect(await logged('ERR_DEPTH', refusal)).toMatchObject({ code: 'ERR_DEPTH', side: 'gatekeeper', offset: 1234, limit: 64 });
  }); // prettier-ignore

  it('keeps class and place of a defect, and nothing of its message', async () => {
    const thrown = new TypeError('juliet@capulet.example');
    const error = asStreamError(thrown);
    expect(error.defect).toEqual(defectOf(thrown));
    const line = await logged('ERR_INTERNAL', refusalOf({ kind: 'refused', error, side: 'client' }));
    expect(line).toMatchObject({
      code: 'ERR_INTERNAL',
      side: 'client',
      defect: 'TypeError',
      frame: 'unknown',
    });
    expect(JSON.stringify(line)).not.toContain('juliet');
  });

  it('has no refusal fields where no side was refused', async () => {
    const line = await logged('ERR_WRITE_STALL', refusalOf({ kind: 'stalled' }));
    expect(Object.keys(line)).toEqual(['level', 'time', 'event', 'session', 'listener', 'code']);
  });

  it('accepts no text as the name of a defect', async () => {
    const forged = { side: 'client', detail: { offset: 'juliet' }, defect: undefined } as unknown;
    expect(JSON.stringify(await logged('ERR_DEPTH', forged as SessionRefusal))).not.toContain('juliet');
  });
});
