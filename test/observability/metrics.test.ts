import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Registry, register } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { streamErrors } from '../../src/errors/stream.ts';
import { label } from '../../src/observability/label.ts';
import { metricTable } from '../../src/observability/metric-table.ts';
import { type Metrics, createMetrics } from '../../src/observability/metrics.ts';

const page = readFileSync(join(import.meta.dirname, '../../METRICS.md'), 'utf8');
const main = label('main');
const clients = label('clients');

const plain = (): Metrics => createMetrics({ version: '1.2.3', processMetrics: false });

/** Samples by `name{labels}`. */
async function samples(metrics: Metrics): Promise<Map<string, number>> {
  const lines = (await metrics.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

/** Every name that the registry exports, without process metrics. */
const exported = async (): Promise<Map<string, string>> =>
  new Map(
    [...(await plain().text()).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name!, type!]),
  );

describe('metrics', () => {
  it('count sessions', async () => {
    const metrics = plain();
    metrics.sessionOpened(clients);
    metrics.sessionOpened(clients);
    metrics.sessionClosed('gatekeeper', 61);
    const now = await samples(metrics);
    expect(now.get('narthex_sessions')).toBe(1);
    expect(now.get('narthex_sessions_total{listener="clients"}')).toBe(2);
    expect(now.get('narthex_session_closes_total{reason="gatekeeper"}')).toBe(1);
    expect(now.get('narthex_session_duration_seconds_bucket{le="60"}')).toBe(0);
    expect(now.get('narthex_session_duration_seconds_bucket{le="600"}')).toBe(1);
  });

  it('count decisions and their bytes, only combinations that occurred, and the rest together', async () => {
    const metrics = createMetrics({ version: '1', processMetrics: false, decisionSeriesMax: 3 });
    const add = (gatekeeper: string, id: number, field: string, sizes?: number[], reason = ''): void =>
      metrics.decisions.add(
        { gatekeeper },
        'client',
        'enforced',
        [{ id, field, treatment: 'drop', reason }],
        strict,
        sizes,
      );
    const strict = { name: 'strict' };
    add('main', 2, 'id.thread', [20]);
    add('main', 2, 'id.thread', [22]);
    add('other-one', 2, 'id.thread');
    add('main', 3, 'unlisted', [7], 'urn:xmpp:x');
    add('main', 4, 'receipt.read', [5]);
    add('main', 5, 'chat-state', [6]);
    const found = [...(await samples(metrics))].filter(([name]) => /policy_(decision|unlisted)/.test(name));
    const labels = (gatekeeper: string): string =>
      `{gatekeeper="${gatekeeper}",audience="client",field="id.thread",treatment="drop",mode="enforced",policy="strict"}`;
    const others =
      '{gatekeeper="other",audience="other",field="other",treatment="other",mode="other",policy="other"}';
    expect(found).toEqual([
      [`narthex_policy_decisions_total${labels('main')}`, 2],
      [`narthex_policy_decisions_total${labels('other-one')}`, 1],
      [`narthex_policy_decisions_total${others}`, 2],
      [`narthex_policy_decision_bytes_total${labels('main')}`, 42],
      [`narthex_policy_decision_bytes_total${others}`, 11],
      [
        'narthex_policy_unlisted_total{gatekeeper="main",audience="client",namespace="urn:xmpp:x",treatment="drop",mode="enforced",policy="strict"}',
        1,
      ],
    ]);
  });

  it('count sessions by policy and by profile, under the names in force', async () => {
    const metrics = plain();
    let policy = label('balanced');
    metrics.watchPolicySessions(() => [
      { labels: { gatekeeper: main, policy }, sessions: 2 },
      { labels: { gatekeeper: main, policy }, sessions: 3 },
    ]);
    const count = { labels: { gatekeeper: main, profile: label('ours') }, sessions: 4 };
    metrics.watchProfileSessions(() => [count]);
    metrics.watchProfileSessions(() => [count]);
    const before = await samples(metrics);
    expect(before.get('narthex_policy_sessions{gatekeeper="main",policy="balanced"}')).toBe(5);
    expect(before.get('narthex_profile_sessions{gatekeeper="main",profile="ours"}')).toBe(8);
    policy = label('house');
    const after = await samples(metrics);
    expect(after.get('narthex_policy_sessions{gatekeeper="main",policy="balanced"}')).toBe(undefined);
    expect(after.get('narthex_policy_sessions{gatekeeper="main",policy="house"}')).toBe(5);
  });

  it('include the traffic counted since the last scrape', async () => {
    const metrics = plain();
    const key = 'narthex_stanzas_total{direction="to-client",kind="iq"}';
    expect((await samples(metrics)).get(key)).toBe(0);
    metrics.traffic['to-client'].iq += 3;
    metrics.traffic['to-client'].bytes += 700;
    expect((await samples(metrics)).get(key)).toBe(3);
    metrics.traffic['to-client'].iq += 1;
    const now = await samples(metrics);
    expect(now.get(key)).toBe(4);
    expect(now.get('narthex_stream_bytes_total{direction="to-client"}')).toBe(700);
    expect(now.get('narthex_stream_bytes_total{direction="to-gatekeeper"}')).toBe(0);
  });

  it('count refusals by code, every code from the start', async () => {
    const metrics = plain();
    metrics.refused('ERR_DEPTH');
    const now = await samples(metrics);
    for (const code of Object.keys(streamErrors))
      expect(now.get(`narthex_refusals_total{code="${code}"}`)).toBe(code === 'ERR_DEPTH' ? 1 : 0);
  });

  it('time dials and handshakes with a gatekeeper', async () => {
    const metrics = plain();
    metrics.dialled(main, 'connected', 0.02);
    metrics.dialled(main, 'failed', 10);
    metrics.dialFailed(main, 'expired');
    metrics.handshaken('gatekeeper', 0.004);
    metrics.certificatesReloaded('rejected');
    const now = await samples(metrics);
    expect(now.get('narthex_dial_duration_seconds_count{gatekeeper="main",outcome="connected"}')).toBe(1);
    expect(now.get('narthex_dial_duration_seconds_sum{gatekeeper="main",outcome="failed"}')).toBe(10);
    expect(now.get('narthex_dial_failures_total{gatekeeper="main",cause="expired"}')).toBe(1);
    expect(now.get('narthex_handshake_duration_seconds_bucket{le="0.005",side="gatekeeper"}')).toBe(1);
    expect(now.get('narthex_certificate_reloads_total{outcome="rejected"}')).toBe(1);
  });

  it('tell when certificates and signing keys end', async () => {
    let now = 1_000_000;
    const metrics = createMetrics({ version: '1.2.3', processMetrics: false, now: () => now });
    metrics.certificateExpires('gatekeeper', main, 5_000);
    metrics.certificateExpires('gatekeeper', main, 6_000);
    metrics.watchSigningKeys(() => [0, 900, 1_100, 1_200]);
    const at = async () => {
      const now = await samples(metrics);
      return [now.get('narthex_signing_key_start_seconds'), now.get('narthex_signing_key_next_start_seconds')];
    };
    expect((await samples(metrics)).get('narthex_certificate_not_after_seconds{use="gatekeeper",certificate="main"}')).toBe(6_000);
    expect(await at()).toEqual([900, 1_100]);
    now = 1_200_000;
    expect(await at()).toEqual([1_200, 0]);
  }); // prettier-ignore

  it('report version and runtime', async () => {
    expect(
      (await samples(plain())).get(`narthex_build_info{version="1.2.3",node="${process.version}"}`),
    ).toBe(1);
  });

  it('share nothing with another instance or the global registry', async () => {
    const [one, other] = [plain(), plain()];
    one.refused('ERR_DEPTH');
    expect((await samples(other)).get('narthex_refusals_total{code="ERR_DEPTH"}')).toBe(0);
    expect(register.getMetricsAsArray()).toEqual([]);
  });
});

describe('the table of metrics', () => {
  it('is what the registry exports', async () => {
    const types = Object.entries(metricTable).map(([name, { type }]) => [name, type]);
    expect(await exported()).toEqual(new Map(types as [string, string][]));
  });

  it('keeps to the conventions', () => {
    for (const [name, { type, help, labels }] of Object.entries(metricTable)) {
      expect(name).toMatch(/^narthex_[a-z]+(_[a-z]+)*$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
      expect(help).toMatch(/^[A-Z].+\.$/);
      for (const name of labels)
        expect([
          'version',
          'node',
          'listener',
          'reason',
          'direction',
          'kind',
          'code',
          'gatekeeper',
          'policy',
          'profile',
          'outcome',
          'side',
          'resource',
          'event',
          'audience',
          'field',
          'treatment',
          'mode',
          'part',
          'namespace',
          'whom',
          'action',
          'carrier',
          'route',
          'status',
          'claim',
          'cause',
          'use',
          'certificate',
          'operation',
          'limit',
        ]).toContain(name);
    }
  });

  it('is what METRICS.md says', () => {
    const rows = [...page.matchAll(/^\| `(narthex_\w+)` +\| (\w+) +\| (.*?) +\| (.*?) +\|$/gm)].map(
      ([, name, type, labels, help]) => ({
        name,
        type,
        labels: labels === '' ? [] : labels!.split(', ').map((text) => text.replaceAll('`', '')),
        help,
      }),
    );
    expect(rows).toEqual(
      Object.entries(metricTable).map(([name, { type, labels, help }]) => ({
        name,
        type,
        labels: [...labels],
        help,
      })),
    );
  });

  it('and METRICS.md names every process metric', async () => {
    const all = createMetrics({ version: '1', processMetrics: true });
    const names = [...(await all.text()).matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name!);
    const process = names.filter((name) => !Object.hasOwn(metricTable, name));
    expect(process.length).toBeGreaterThan(10);
    expect(process.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
    expect(new Registry().getMetricsAsArray()).toEqual([]);
  });
});
