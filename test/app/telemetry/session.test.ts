/** What the log says of a refused session beyond its code. */
import { describe, expect, it } from 'vitest';
import { ObservedSession } from '../../../src/app/telemetry/session.ts';
import { defectOf } from '../../../src/errors/defect.ts';
import { traceId } from '../../../src/observability/identifiers.ts';
import { label } from '../../../src/observability/label.ts';
import { openLog } from '../../../src/observability/log.ts';
import { createMetrics } from '../../../src/observability/metrics.ts';
import { SessionGauge } from '../../../src/observability/session-gauge.ts';
import type { SpanAttributes } from '../../../src/observability/span-table.ts';
import { openTracing, type Span, type Tracing } from '../../../src/observability/tracing.ts';
import type { CloseReason, SessionRefusal } from '../../../src/session/observer.ts';
import { asStreamError, refusalOf } from '../../../src/session/ending.ts';
import { GatekeeperTlsError } from '../../../src/transport/gatekeeper-error.ts';
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
      tracing: await openTracing({ collector: undefined, version: '1', failed: () => {}, dropped: () => {} }),
      gauge: new SessionGauge(),
      clock: { wall: () => 0, monotonic: () => 0 },
    },
    label('clients'),
    7,
  );
  session.closed(reason, refusal);
  return lines.find(({ event }) => event === 'session.refused') ?? {};
}

/** Spans as they are made: name, attributes, code of a failure. */
interface RecordedSpan {
  readonly name: string;
  readonly attributes: Record<string, unknown>;
  failed?: string;
}

function recordedTracing(spans: RecordedSpan[]): Tracing {
  const open = (name: string, attributes: SpanAttributes = {}): Span => {
    const recorded: RecordedSpan = { name, attributes: { ...attributes } };
    spans.push(recorded);
    return {
      traceId: traceId('4bf92f3577b34da6a3ce929d0e0e4736'),
      child: open,
      set: (more) => void Object.assign(recorded.attributes, more),
      fail: (code) => void (recorded.failed = code),
      end: () => {},
    };
  };
  return {
    session: (attributes) => open('session', attributes),
    request: () => {},
    waiting: () => 0,
    shutdown: async () => {},
  };
}

describe('a traced session', () => {
  const session = (lines: Record<string, unknown>[], spans: RecordedSpan[]): ObservedSession =>
    new ObservedSession(
      {
        log: openLog({
          level: 'debug',
          now: () => 0,
          destination: { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
        }),
        metrics: createMetrics({ version: '1', processMetrics: false }),
        tracing: recordedTracing(spans),
        gauge: new SessionGauge(),
        clock: { wall: () => 0, monotonic: () => 0 },
      },
      label('clients'),
      7,
    );

  it('names the gatekeeper and the cause in its spans, and its trace in every line', () => {
    const lines: Record<string, unknown>[] = [];
    const spans: RecordedSpan[] = [];
    const failed = session(lines, spans);
    failed.phase('securing');
    failed.phase('dialling');
    failed.dialled('main', 'ERR_GATEKEEPER_TLS', 12, 'expired');
    const error = new GatekeeperTlsError('expired');
    failed.closed('ERR_GATEKEEPER_TLS', refusalOf({ kind: 'refused', error, side: 'client' }));
    expect(spans).toMatchObject([
      { name: 'session', attributes: { listener: 'clients', gatekeeper: 'main', cause: 'expired', reason: 'refused' }, failed: 'ERR_GATEKEEPER_TLS' },
      { name: 'tls' },
      { name: 'dial', attributes: { gatekeeper: 'main', cause: 'expired' }, failed: 'ERR_GATEKEEPER_TLS' },
    ]);
    expect(lines.map(({ event, session, trace, cause }) => [event, session, trace, cause])).toEqual(
      ['session.opened', 'gatekeeper.unreachable', 'session.refused', 'session.closed'].map((event) => [
        event,
        7,
        '4bf92f3577b34da6a3ce929d0e0e4736',
        /unreachable|refused/.test(event) ? 'expired' : undefined,
      ]),
    );
  }); // prettier-ignore

  it('names the gatekeeper while its client authenticates', () => {
    const spans: RecordedSpan[] = [];
    const lines: Record<string, unknown>[] = [];
    const routed = session(lines, spans);
    routed.phase('dialling');
    routed.dialled('main', 'ok', 12);
    routed.phase('authenticating');
    expect(spans.at(-1)).toMatchObject({ name: 'authentication', attributes: { gatekeeper: 'main' } });
    expect(lines.at(-1)).toMatchObject({ event: 'session.routed', gatekeeper: 'main', session: 7 });
  });
});

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
    expect(Object.keys(line)).toEqual(['level', 'severity', 'time', 'event', 'session', 'listener', 'code']);
  });

  it('accepts no text as the name of a defect', async () => {
    const forged = { side: 'client', detail: { offset: 'juliet' }, defect: undefined } as unknown;
    expect(JSON.stringify(await logged('ERR_DEPTH', forged as SessionRefusal))).not.toContain('juliet');
  });
});
