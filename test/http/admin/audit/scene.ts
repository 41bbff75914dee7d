/** A page of a proxy that has run for a day, with numbers made by a fixed rule, for tests of the page without a proxy. */
import { createAdminApp } from '../../../../src/http/admin/app.ts';
import type { AdminApi } from '../../../../src/http/admin/api.ts';
import type { ExposureDocument } from '../../../../src/http/admin/exposure.ts';
import type { AuditView } from '../../../../src/http/admin/audit/view.ts';
import { auditViewOf } from '../../../../src/app/parts/audit-view.ts';
import { openCatalogue, openPolicy } from '../../../../src/app/files/policies.ts';
import type { PolicyRuntime } from '../../../../src/app/parts/policies.ts';
import { adminServeLimits, serveHttp, type Served } from '../../../../src/http/server/serve.ts';
import { label } from '../../../../src/observability/label.ts';
import { createMetrics, type Metrics } from '../../../../src/observability/metrics.ts';
import { concerns, type Catalogue } from '../../../../src/policy/catalogue.ts';
import { treatmentOf, type Policy } from '../../../../src/policy/policy.ts';
import type { Audience } from '../../../../src/stanza/direction.ts';

export interface SceneOptions {
  readonly policy?: string;
  readonly shadow?: string;
  readonly mode?: Policy['mode'];
  /** Fields of the catalogue, generated beyond those that are shipped. */
  readonly fields?: number;
  readonly gatekeepers?: readonly string[];
  /** Whether nothing has happened yet. */
  readonly empty?: boolean;
}

const at = Date.parse('2026-11-29T17:03:20Z');
const dayMs = 86_400_000;
const digest = (seed: string): string => Buffer.from(seed.repeat(32)).toString('base64url').slice(0, 43);

export interface Scene {
  readonly view: AuditView;
  readonly api: AdminApi;
  /** Returns the document that the page and the API are made of. */
  exposure: ExposureDocument;
}

export async function createScene(options: SceneOptions = {}): Promise<Scene> {
  const { policy = 'balanced', shadow, mode = 'enforce', gatekeepers = ['main'], empty = false } = options;
  const catalogue = catalogueOf(options.fields);
  const enforced = { ...openPolicy(policy), mode };
  const documents = { enforced, shadow: shadow === undefined ? undefined : openPolicy(shadow), share: [] };
  const policies = { catalogue, scopeOf: () => ({ documents }) } as unknown as PolicyRuntime;
  const scene = { exposure: exposureOf(catalogue, documents, gatekeepers, empty) };
  const proxy = { exposure: () => scene.exposure, policies };
  const metrics = metricsOf(empty);
  const gauge = {
    counts: () =>
      empty
        ? []
        : [
            {
              listener: label('clients'),
              gatekeeper: label('main'),
              phase: 'established' as const,
              sessions: 1_284,
            },
          ],
  };
  const audit = (name: string | undefined) => auditViewOf(proxy, name, { metrics, gauge, now: at });
  const api = { audit, exposure: () => scene.exposure } as unknown as AdminApi;
  return Object.assign(scene, { api, view: (await audit(undefined))! });
}

/** Serves the page on a free port of the loopback. */
export async function serveScene(scene: Pick<Scene, 'api'>): Promise<Served> {
  const app = createAdminApp({
    probes: {
      started: () => true,
      readiness: () => {
        throw new RangeError('no probe is asked here');
      },
    },
    metrics: { contentType: 'text/plain', text: async () => '' },
    api: () => scene.api,
    callers: { names: [], addresses: [] },
  });
  return serveHttp({ app, host: '127.0.0.1', port: 0, limits: adminServeLimits });
}

function catalogueOf(fields: number | undefined): Catalogue {
  const shipped = openCatalogue();
  if (fields === undefined) return shipped;
  const [example] = shipped.fields.values();
  const more = Array.from({ length: Math.max(0, fields - shipped.fields.size) }, (_, index) => {
    const name = `custom.field-${index}`;
    return [name, { ...example!, name, title: `A field of our own, number ${index}` }] as const;
  });
  return { ...shipped, fields: new Map([...shipped.fields, ...more].slice(0, fields)) };
}

/** Fields that a day of chats has, by how often. */
const usual: Readonly<Record<string, number>> = {
  'id.stanza': 48_231, 'content.body': 20_411, 'chat-state': 31_877, 'receipt.delivered': 17_204, 'receipt.read': 15_980,
  'presence.show': 2_911, 'presence.status': 1_204, 'presence.priority': 2_880, 'id.thread': 981, 'bind.resource': 1_302,
  'conn.client-ip': 1_302, 'client.version': 612, 'client.os': 604, 'pep.geoloc': 37, 'pep.mood': 9, 'message.delay-stamp': 7_723,
  'style.fingerprint': 52_008, 'http.user-agent': 410, 'id.origin': 20_402, 'presence.capabilities': 3_120, 'stream.lang': 1_302,
}; // prettier-ignore

function exposureOf(
  catalogue: Catalogue,
  { enforced, shadow }: { readonly enforced: Policy; readonly shadow: Policy | undefined },
  gatekeepers: readonly string[],
  empty: boolean,
): ExposureDocument {
  const names = [...catalogue.fields.keys()];
  const counted = names.flatMap((field, index) => {
    const made = (index * 7_919) % 5 === 0 ? ((index * 104_729) % 997) + 1 : 0;
    const count = usual[field] ?? made;
    return count === 0 ? [] : [{ field, count }];
  });
  const rowsOf = (policy: Policy, mode: 'enforced' | 'shadow') =>
    (['gatekeeper', 'client'] as const satisfies Audience[]).flatMap((audience, index) =>
      counted
        .filter(({ field }) => concerns(catalogue.fields.get(field)!, audience))
        .map(({ field, count }) => {
          const times = Math.ceil(count / (1 + 2 * index));
          return {
            gatekeeper: gatekeepers[0]!,
            audience,
            field,
            namespace: null,
            treatment: treatmentOf(policy, audience, field).treatment.kind,
            mode,
            policy: policy.name,
            sinceStart: {
              count: times,
              bytes: times * 34,
              sessionsAtLeast: Math.min(times, 880),
              sessionsAtMost: Math.min(times, 1_302),
            },
            interval: { count: times % 41, bytes: (times % 41) * 34, sessions: times % 17 },
          };
        }),
    );
  const unlisted = ['urn:xmpp:jingle-message:0', 'vcard-temp:x:update', 'other'].map((namespace, index) => ({
    gatekeeper: gatekeepers[0]!,
    audience: 'gatekeeper' as const,
    field: 'unlisted',
    namespace,
    treatment: 'drop',
    mode: 'enforced' as const,
    policy: enforced.name,
    sinceStart: { count: 512 >> index, bytes: 9_000, sessionsAtLeast: 12, sessionsAtMost: 40 },
    interval: { count: 3, bytes: 120, sessions: 1 },
  }));
  const mode = enforced.mode === 'enforce' ? 'enforced' : 'shadow';
  return {
    format: 1,
    at: new Date(at).toISOString(),
    startedAt: new Date(at - dayMs).toISOString(),
    interval: { from: new Date(at - 20_000).toISOString() },
    build: { version: '0.1.0', digest: digest('build') },
    inForce: gatekeepers.map((gatekeeper) => ({
      gatekeeper,
      state: 'loaded',
      policy: { name: enforced.name, mode: enforced.mode },
      policyDigest: digest('policy'),
      share: [],
      shadow: shadow === undefined ? null : { name: shadow.name, digest: digest('shadow') },
      catalogueDigest: digest('catalogue'),
      profilesDigest: digest('profiles'),
    })),
    ledger: empty ? null : { stream: '5f1d09c2ab3e7740', n: 2_881, hash: digest('head'), failing: null },
    rows: empty
      ? []
      : [...rowsOf(enforced, mode), ...(shadow === undefined ? [] : rowsOf(shadow, 'shadow')), ...unlisted],
    other: { rows: 0, count: 0 },
  };
}

function metricsOf(empty: boolean): Metrics {
  const metrics = createMetrics({ version: '0.1.0', processMetrics: false, now: () => at });
  if (empty) return metrics;
  metrics.certificateExpires('listener', label('0'), (at + 61 * dayMs) / 1_000);
  metrics.certificateExpires('gatekeeper', label('main'), (at + 9 * dayMs) / 1_000);
  metrics.certificateExpires('push', label('main'), (at + 200 * dayMs) / 1_000);
  metrics.watchSigningKeys(() => [(at - 12 * dayMs) / 1_000, (at + 18 * dayMs) / 1_000]);
  for (let n = 0; n < 1_302; n += 1) metrics.attested(label('main'), label('header'), label('made'));
  for (let n = 0; n < 17; n += 1) metrics.refused('ERR_XML_NOT_WELL_FORMED');
  for (let n = 0; n < 4; n += 1) metrics.refused('ERR_OVERLOAD');
  return metrics;
}
