/** The data policy of a service as XEP-0504 has it: two forms for the answer to disco#info (XEP-0128), one for the proxy and
 *  one for the gatekeeper that it relays to. Every value is computed from a report about a configuration. */
import type { ConfigurationReport } from './configuration/configuration.ts';
import { keepsUserData, type KeptAt } from './configuration/retention.ts';
import type { ExposureReport } from './exposure.ts';
import { visibleTo } from './visible.ts';

/** A field of a data form (XEP-0004). */
interface FormField {
  readonly name: string;
  readonly type: 'hidden' | 'list-single' | 'list-multi' | 'text-single' | 'text-multi' | 'boolean';
  readonly values: readonly string[];
}

export interface DataPolicyForm {
  readonly fields: readonly FormField[];
}

export interface DataPolicyOptions {
  /** Address of the terms of service; undefined to leave the field out. */
  readonly terms: string | undefined;
}

/** Returns the forms for the users of one gatekeeper.
 *  @param report with the views of this gatekeeper only, at least one */
export function dataPolicyForms(
  report: ConfigurationReport<ExposureReport>,
  { terms }: DataPolicyOptions,
): readonly [service: DataPolicyForm, gatekeeper: DataPolicyForm] {
  const { kept, login } = report.surroundings;
  const { gatekeeper } = report.views[0]!;
  const stores = keepsUserData(kept);
  const byToken = login.some((each) => each.gatekeeper === gatekeeper && each.byToken);
  const service: readonly FormField[] = [
    { name: 'FORM_TYPE', type: 'hidden', values: ['urn:xmpp:data-policy:0'] },
    { name: 'auth_data', type: 'list-single', values: [byToken ? 'restricted' : 'plain'] },
    { name: 'data_transmission', type: 'list-single', values: ['encrypted'] },
    { name: 'encryption_algorithm', type: 'text-single', values: ['TLS 1.2 or newer'] },
    { name: 'data_retention', type: 'text-single', values: [stores ? 'unknown' : '0'] },
    { name: 'data_deletion', type: 'boolean', values: ['false'] },
    ...(terms === undefined ? [] : [{ name: 'tos', type: 'text-single' as const, values: [terms] }]),
    { name: 'access_policy', type: 'list-multi', values: ['admins'] },
    ...(stores
      ? []
      : [
          { name: 'backup_frequency', type: 'text-single' as const, values: ['0'] },
          { name: 'backup_retention', type: 'text-single' as const, values: ['0'] },
        ]),
    { name: 'extra_info', type: 'text-multi', values: serviceNotes(report, byToken) },
  ];
  const relayed: readonly FormField[] = [
    { name: 'FORM_TYPE', type: 'hidden', values: ['urn:xmpp:data-policy:identity:gateway:xmpp:0'] },
    { name: 'data_transmission', type: 'list-single', values: ['encrypted'] },
    { name: 'encryption_algorithm', type: 'text-single', values: ['TLS 1.2 or newer'] },
    { name: 'data_retention', type: 'text-single', values: ['unknown'] },
    { name: 'extra_info', type: 'text-multi', values: gatekeeperNotes(report) },
  ];
  return [{ fields: service }, { fields: relayed }];
}

function serviceNotes(
  { surroundings }: ConfigurationReport<ExposureReport>,
  byToken: boolean,
): readonly string[] {
  const keptAt = (at: KeptAt) => surroundings.kept.filter(({ ofUsers, where }) => ofUsers && where === at);
  return [
    'End-to-end encrypted content passes unread and unchanged.',
    byToken
      ? 'The service receives a token of the provider, which is for this service and ends.'
      : 'The service passes authentication on. It receives a password where the client sends one in plain text.',
    ...keptAt('memory').map(({ what, bound }) => `In memory only: ${what}, ${bound}.`),
    ...keptAt('store').map(
      ({ what, bound }) => `Sealed, in a store that its servers share: ${what}, ${bound}.`,
    ),
    'Administrators of the service can read what is not end-to-end encrypted while it passes.',
  ];
}

function gatekeeperNotes(report: ConfigurationReport<ExposureReport>): readonly string[] {
  const { whole, changed, withheld, isEnforced } = visibleTo(report.views.map((view) => view.report));
  const { gatekeeper } = report.views[0]!;
  const counts =
    `Of the metadata of users, ${gatekeeper} receives ${whole.length} kinds as they are, ${changed.length} in a changed ` +
    `form, and ${withheld.length} not at all.`;
  return [
    ...(isEnforced ? [] : ['For some users the policy is on trial, and withholds nothing.']),
    counts,
    'What it keeps of that, and how long, is its own policy.',
  ];
}

/** Writes the forms as elements for an answer to disco#info. */
export function writeDataPolicy(forms: readonly DataPolicyForm[]): string {
  return forms.map(({ fields }) => writeForm(fields)).join('\n');
}

function writeForm(fields: readonly FormField[]): string {
  const lines = fields.flatMap(({ name, type, values }) => [
    `  <field var='${name}' type='${type}'>`,
    ...values.map((value) => `    <value>${escapeXml(value)}</value>`),
    '  </field>',
  ]);
  return ["<x xmlns='jabber:x:data' type='result'>", ...lines, '</x>'].join('\n');
}

/** Escapes text, and replaces characters that XML 1.0 does not have. */
function escapeXml(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '\u{FFFD}')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}
