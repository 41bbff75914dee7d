/** What the page `/audit` shows of a running proxy. */
import { streamErrors } from '../../errors/stream.ts';
import type {
  AuditCertificate,
  AuditField,
  AuditTreatment,
  AuditView,
  Exposure,
} from '../../http/admin/audit/view.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { SessionGauge } from '../../observability/session-gauge.ts';
import type { TreatmentName } from '../../minimisation/treatment.ts';
import { concerns, type Field } from '../../policy/catalogue.ts';
import { describeTreatment } from '../../policy/describe.ts';
import { summariseExceptions } from '../../policy/exceptions.ts';
import { treatmentOf, type Policy } from '../../policy/policy.ts';
import { audienceNames } from '../../policy/schema.ts';
import type { Audience } from '../../stanza/direction.ts';
import type { Proxy } from '../proxy.ts';

export interface AuditOptions {
  readonly metrics: Pick<Metrics, 'values'>;
  readonly gauge: Pick<SessionGauge, 'counts'>;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Most fields that the page draws. */
export const auditFieldsMax = 1_000;

/** @returns undefined when no gatekeeper has the name
 *  @param name of a gatekeeper; by default the first */
export async function auditViewOf(
  proxy: Pick<Proxy, 'exposure' | 'policies'>,
  name: string | undefined,
  { metrics, gauge, now }: AuditOptions,
): Promise<AuditView | undefined> {
  const exposure = proxy.exposure();
  const gatekeepers = exposure.inForce.map(({ gatekeeper }) => gatekeeper);
  const gatekeeper = name ?? gatekeepers[0] ?? '';
  if (!gatekeepers.includes(gatekeeper)) return undefined;
  const { enforced } = proxy.policies.scopeOf(gatekeeper).documents;
  return {
    gatekeeper,
    gatekeepers,
    sessions: gauge
      .counts()
      .filter((each) => each.gatekeeper === gatekeeper)
      .reduce((sum, { sessions }) => sum + sessions, 0),
    exposure,
    fields: fieldsOf(proxy, gatekeeper),
    exceptions: summariseExceptions(enforced, now),
    certificates: await certificatesOf(metrics),
    signingKey: await signingKeyOf(metrics),
    attestations: (await metrics.values('narthex_attestations_total'))
      .filter(({ labels }) => labels['gatekeeper'] === gatekeeper)
      .map(({ labels, value }) => ({
        carrier: labels['carrier'] ?? '',
        outcome: labels['outcome'] ?? '',
        count: value,
      })),
    refusals: await refusalsOf(metrics),
  };
}

function fieldsOf({ policies }: Pick<Proxy, 'policies'>, gatekeeper: string): readonly AuditField[] {
  const { enforced, shadow } = policies.scopeOf(gatekeeper).documents;
  const fields = [...policies.catalogue.fields.values()].map((field) => {
    const { name, title, category, reveals } = field;
    return {
      name,
      title,
      category,
      reveals,
      treatments: treatmentsOf(enforced, field),
      shadow: shadow && treatmentsOf(shadow, field),
    };
  });
  return fields.toSorted((left, right) => (orderOf(left) < orderOf(right) ? -1 : 1)).slice(0, auditFieldsMax);
}

function orderOf({ category, name }: AuditField): string {
  return `${category} ${name}`;
}

function treatmentsOf(policy: Policy, field: Field): Readonly<Record<Audience, AuditTreatment>> {
  const treatments = audienceNames.map((audience) => {
    const { treatment } = treatmentOf(policy, audience, field.name);
    const { kind } = treatment;
    const exposure = concerns(field, audience) ? exposures[kind] : 'absent';
    return [audience, { kind, words: describeTreatment(treatment), exposure }] as const;
  });
  return Object.fromEntries(treatments) as Record<Audience, AuditTreatment>;
}

const exposures: Readonly<Record<TreatmentName, Exposure>> = {
  keep: 'shown',
  delay: 'reduced',
  equalise: 'reduced',
  pad: 'reduced',
  coarsen: 'reduced',
  lower: 'reduced',
  pseudonymise: 'reduced',
  replace: 'reduced',
  answer: 'withheld',
  drop: 'withheld',
  refuse: 'withheld',
};

async function certificatesOf(metrics: AuditOptions['metrics']): Promise<readonly AuditCertificate[]> {
  const values = await metrics.values('narthex_certificate_not_after_seconds');
  return values
    .map(({ labels, value }) => ({
      use: labels['use'] ?? '',
      name: labels['certificate'] ?? '',
      notAfter: value * 1_000,
    }))
    .toSorted((left, right) => left.notAfter - right.notAfter);
}

async function signingKeyOf(metrics: AuditOptions['metrics']): Promise<AuditView['signingKey']> {
  const [start] = await metrics.values('narthex_signing_key_start_seconds');
  const [next] = await metrics.values('narthex_signing_key_next_start_seconds');
  // Without a start the gauge is 0: no key was ever in use.
  if (start === undefined || start.value === 0) return undefined;
  const following = next === undefined || next.value === 0 ? undefined : next.value * 1_000;
  return { since: start.value * 1_000, next: following };
}

async function refusalsOf(metrics: AuditOptions['metrics']): Promise<AuditView['refusals']> {
  const causes: Readonly<Record<string, { readonly cause: string }>> = streamErrors;
  return (await metrics.values('narthex_refusals_total'))
    .filter(({ value }) => value > 0)
    .map(({ labels, value }) => {
      const code = labels['code'] ?? '';
      return { code, cause: causes[code]?.cause ?? '', count: value };
    })
    .toSorted((left, right) => right.count - left.count);
}
