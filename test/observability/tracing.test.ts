import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { label } from '../../src/observability/label.ts';
import { spanAttributes, spanNames } from '../../src/observability/span-table.ts';
import { type Tracing, openTracing } from '../../src/observability/tracing.ts';
import type { Collector as Destination } from '../../src/observability/tracing-sdk.ts';
import { createAuthority } from '../support/certificates.ts';
import { type Collector, destination, openCollector } from './collector.ts';

const root = join(import.meta.dirname, '../..');
// In a variable, since the compiler must not ask for it.
const sdk: string = '@opentelemetry/sdk-trace';
const installed = await import(sdk).then(
  () => true,
  () => false,
);
const required = process.env['NARTHEX_PEERS'] === 'required';

interface Connected {
  readonly tracing: Tracing;
  readonly collector: Collector;
  readonly failures: () => number;
  readonly lost: Readonly<Record<'queue' | 'delivery', number>>;
}

async function connected(status?: number, more: Partial<Destination> = {}): Promise<Connected> {
  const collector = await openCollector(status);
  onTestFinished(() => collector.close());
  return { ...(await openTo(`${collector.endpoint}/`, more)), collector };
}

async function openTo(
  endpoint: string,
  more: Partial<Destination> = {},
): Promise<Omit<Connected, 'collector'>> {
  let failures = 0;
  const lost = { queue: 0, delivery: 0 };
  const tracing = await openTracing({
    collector: destination(endpoint, more),
    version: '1.2.3',
    failed: () => (failures += 1),
    dropped: (reason, spans) => void (lost[reason] += spans),
  });
  return { tracing, failures: () => failures, lost };
}

/** Packages that a process asks for when it opens tracing. */
async function requested(endpoint: string | undefined): Promise<Set<string>> {
  const script = `
    import { registerHooks } from 'node:module';
    const asked = [];
    registerHooks({ resolve(specifier, context, next) {
      if (specifier.startsWith('@opentelemetry/')) asked.push(specifier.split('/')[1]);
      return next(specifier, context);
    } });
    const { openTracing } = await import(${JSON.stringify(join(root, 'src/observability/tracing.ts'))});
    const collector = ${JSON.stringify(endpoint === undefined ? undefined : destination(endpoint)) ?? 'undefined'};
    await openTracing({ collector, version: '1', failed() {}, dropped() {} }).catch(() => {});
    console.log(JSON.stringify(asked));
    process.exit(0);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  return new Set(JSON.parse(stdout) as string[]);
}

/** npm leaves optional packages out when the Node that runs it is older than they ask for. */
describe.skipIf(!installed && !required)(
  'with a collector (skipped when the OpenTelemetry SDK is not installed)',
  () => {
    it('the steps of a session arrive as one trace', async () => {
      const { tracing, collector } = await connected();
      const session = tracing.session({ listener: label('clients'), side: 'client' });
      session.child('authentication').end();
      const dial = session.child('dial', { gatekeeper: label('main') });
      dial.child('tls', { side: 'gatekeeper' }).end();
      dial.fail('ERR_GATEKEEPER_TLS');
      dial.end();
      session.set({ reason: 'refused', stanzasToClient: 3 });
      session.end();
      await tracing.shutdown();

      expect(collector.requests).toEqual(['POST /v1/traces application/json']);
      const spans = new Map(collector.spans().map((span) => [span.name, span]));
      expect([...spans.keys()].toSorted()).toEqual(['authentication', 'dial', 'session', 'tls']);
      expect(new Set([...spans.values()].map(({ traceId }) => traceId)).size).toBe(1);
      const parent = (name: string): string | undefined => spans.get(name)!.parentSpanId;
      expect(parent('session') ?? '').toBe('');
      expect(parent('authentication')).toBe(spans.get('session')!.spanId);
      expect(session.traceId).toBe(spans.get('session')!.traceId);
      expect(parent('dial')).toBe(spans.get('session')!.spanId);
      expect(parent('tls')).toBe(spans.get('dial')!.spanId);
      expect(spans.get('dial')!.status).toEqual({ code: 2, message: 'ERR_GATEKEEPER_TLS' });
      expect(spans.get('session')!.attributes).toEqual([
        { key: 'narthex.listener', value: { stringValue: 'clients' } },
        { key: 'narthex.side', value: { stringValue: 'client' } },
        { key: 'narthex.reason', value: { stringValue: 'refused' } },
        { key: 'narthex.stanzasToClient', value: { intValue: 3 } },
      ]);
      for (const { startTimeUnixNano, endTimeUnixNano } of spans.values())
        expect(BigInt(endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(startTimeUnixNano));
    });

    it('nothing arrives that the table does not name', async () => {
      const { tracing, collector } = await connected();
      const canary = 'juliet@capulet.example';
      const poison = {
        ...Object.fromEntries(Object.keys(spanAttributes).map((key) => [key, canary])),
        jid: canary,
      };
      const session = tracing.session(poison as never);
      for (const name of spanNames) {
        const step = session.child(name as 'dial', poison as never);
        step.fail(canary as never);
        step.end();
      }
      session.end();
      await tracing.shutdown();

      expect(JSON.stringify([collector.spans(), collector.resource()])).not.toContain('juliet');
      const allowed = Object.keys(spanAttributes).map((key) => `narthex.${key}`);
      for (const { attributes, events, links } of collector.spans()) {
        for (const { key, value } of attributes) {
          expect(allowed).toContain(key);
          expect(value).toEqual({ stringValue: '[refused]' });
        }
        expect([events, links]).toEqual([[], []]);
      }
      expect(collector.resource()).toEqual([
        { key: 'service.name', value: { stringValue: 'narthex' } },
        {
          key: 'service.instance.id',
          value: { stringValue: expect.stringMatching(/^[0-9a-f-]{36}$/) as string },
        },
        { key: 'service.version', value: { stringValue: '1.2.3' } },
      ]);
    });

    it('the process is described as configured, its version as it is', async () => {
      const resource = { 'service.name': 'edge', 'k8s.pod.name': 'narthex-0', 'service.version': '9' };
      const { tracing, collector } = await connected(200, { resource });
      tracing.session().end();
      await tracing.shutdown();
      const attributes = collector.resource().map(({ key, value }) => [key, value['stringValue']]);
      expect(Object.fromEntries(attributes)).toMatchObject({ ...resource, 'service.version': '1.2.3' });
    });

    it('a collector with a certificate of its own and a token is reached', async () => {
      const authority = createAuthority();
      const collector = await openCollector(200, authority.issue({ ipv4: ['127.0.0.1'] }));
      onTestFinished(() => collector.close());
      const { tracing } = await openTo(collector.endpoint, {
        authorities: authority.cert,
        headers: { authorization: 'Bearer of-the-collector' },
      });
      tracing.session().end();
      await tracing.shutdown();
      expect(collector.spans()).toHaveLength(1);
      expect(collector.raw()).toContain('authorization\nBearer of-the-collector\n');
    });

    it('a collector whose authority is not trusted gets nothing', async () => {
      const collector = await openCollector(200, createAuthority().issue({ ipv4: ['127.0.0.1'] }));
      onTestFinished(() => collector.close());
      const { tracing, lost } = await openTo(collector.endpoint, { authorities: createAuthority().cert });
      tracing.session().end();
      await tracing.shutdown().catch(() => {});
      expect(collector.requests).toEqual([]);
      expect(lost).toEqual({ queue: 0, delivery: 1 });
    });

    it.each([0, 0.5, 1])('of all traces, %d are recorded, whole', async (sampleRatio) => {
      const { tracing, collector } = await connected(200, { sampleRatio });
      for (let count = 0; count < 400; count += 1) {
        const session = tracing.session();
        session.child('dial').end();
        session.end();
      }
      await tracing.shutdown();
      const traces = Map.groupBy(collector.spans(), ({ traceId }) => traceId);
      expect([...traces.values()].every((spans) => spans.length === 2)).toBe(true);
      // Ten standard deviations of the binomial distribution.
      expect(Math.abs(traces.size - 400 * sampleRatio)).toBeLessThanOrEqual(sampleRatio % 1 === 0 ? 0 : 100);
    });

    it('spans beyond the queue are dropped and counted', async () => {
      const { tracing, collector, lost } = await connected();
      for (let count = 0; count < 3_000; count += 1) tracing.session().end();
      expect(tracing.waiting()).toBe(2_048);
      await tracing.shutdown();
      expect(lost.queue).toBeGreaterThan(0);
      expect(lost.delivery).toBe(0);
      expect(collector.spans().length + lost.queue).toBe(3_000);
      expect(tracing.waiting()).toBe(0);
    });

    it('a request arrives as a trace of its own, by its route and never its path', async () => {
      const { tracing, collector } = await connected();
      tracing.request({ route: '/media/:token', status: 403, problem: 'ERR_MEDIA_TOKEN_AUDIENCE' }, 40);
      tracing.request({ route: '/media/juliet' as '*', status: 200 }, 1);
      await tracing.shutdown();
      const [refused, other] = collector.spans();
      expect([refused!.name, refused!.parentSpanId ?? '', refused!.status]).toEqual([
        'request',
        '',
        { code: 2 },
      ]);
      expect(refused!.attributes).toEqual([
        { key: 'narthex.route', value: { stringValue: '/media/:token' } },
        { key: 'narthex.status', value: { intValue: 403 } },
        { key: 'narthex.problem', value: { stringValue: 'ERR_MEDIA_TOKEN_AUDIENCE' } },
      ]);
      const nanoseconds = BigInt(refused!.endTimeUnixNano) - BigInt(refused!.startTimeUnixNano);
      expect(Number(nanoseconds / 1_000_000n)).toBeGreaterThanOrEqual(39);
      expect(other!.attributes[0]).toEqual({ key: 'narthex.route', value: { stringValue: '[refused]' } });
    });

    it('a failed delivery is reported', async () => {
      const { tracing, failures, lost } = await connected(400);
      tracing.session().end();
      await tracing.shutdown().catch(() => {});
      expect(failures()).toBe(1);
      expect(lost).toEqual({ queue: 0, delivery: 1 });
    });
  },
);

describe.skipIf(installed)('with a collector and without the SDK', () => {
  it('names the missing package', async () => {
    const opening = openTracing({
      collector: destination('http://127.0.0.1:1'),
      version: '1',
      failed: () => {},
      dropped: () => {},
    });
    await expect(opening).rejects.toMatchObject({ code: 'ERR_TRACING_SDK_MISSING' });
  });
});

describe('without a collector', () => {
  it('spans cost nothing and are not exported', async () => {
    const tracing = await openTracing({
      collector: undefined,
      version: '1',
      failed: () => {},
      dropped: () => {},
    });
    const session = tracing.session({ listener: label('clients') });
    const dial = session.child('dial');
    dial.fail('ERR_GATEKEEPER_TLS');
    dial.end();
    session.end();
    expect(session.traceId).toBeUndefined();
    await expect(tracing.shutdown()).resolves.toBeUndefined();
  });

  it('no part of the SDK is loaded, and with one it is', async () => {
    expect(await requested(undefined)).toEqual(new Set(['api']));
    expect(await requested('http://127.0.0.1:1')).toContain('sdk-trace');
  });
});
