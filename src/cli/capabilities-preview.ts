/** `narthex capabilities preview`: what the gatekeeper would see of a client, and what each side loses. */
import { unfilteredKinds } from '../capabilities/content-filter.ts';
import {
  advertise,
  baseline,
  discoAnswer,
  rewriteInfo,
  type RewriteReport,
} from '../capabilities/rewrite.ts';
import { requireOneInput } from './input-error.ts';
import { linesOf, loadInfo, loadProfile, loadTable, type CapabilitiesIo } from './capability-inputs.ts';

export interface PreviewOptions {
  readonly profile: string;
  readonly client?: string;
  readonly policies: string;
  readonly format: 'text' | 'json';
}

/** Prints the preview.
 *  @throws InputError */
export async function preview(io: CapabilitiesIo, options: PreviewOptions): Promise<void> {
  requireOneInput([options.profile, options.client]);
  const table = await loadTable(io, options.policies);
  const profile = await loadProfile(io, options.profile, options.policies, table);
  const client = options.client === undefined ? undefined : await loadInfo(io, options.client);
  const { info, report } = rewriteInfo(client ?? baseline(profile, table), profile, table);
  const { elements, nodes, content } = advertise(info, profile);
  if (options.format === 'json') {
    io.out(JSON.stringify({ profile: profile.name, info, elements, nodes, report }));
    return;
  }
  io.out(
    `profile ${profile.name}, ${profile.cohort ? 'a cohort: every client advertises this' : 'not a cohort'}`,
  );
  io.out('');
  io.out('The gatekeeper and every contact see');
  for (const line of linesOf(info)) io.out(`  ${line}`);
  io.out('in presence');
  io.out(`  ${elements === '' ? 'nothing' : elements}`);
  io.out('asked by');
  for (const node of nodes) io.out(`  ${node}`);
  io.out('and answered');
  io.out(`  ${discoAnswer({ content })}`);
  if (client !== undefined) for (const line of describeReport(report)) io.out(line);
  for (const { kind, fromOutside } of unfilteredKinds(profile, table))
    io.out(
      `note: ${kind} is not received, but encrypted messages ${fromOutside === 'never' ? 'never' : 'need not'} show it: there it cannot be kept out`,
    );
}

function describeReport(report: RewriteReport): string[] {
  return [
    '',
    'The gatekeeper and contacts lose',
    ...report.hidden.map(({ feature, reason }) => `  ${feature} (${reason})`),
    ...report.formsHidden.map((form) => `  form ${form}`),
    ...(report.identityReplaced ? ["  the client's own identity"] : []),
    'The profile vouches, the client does not declare',
    ...report.vouched.map((feature) => `  ${feature}`),
    'The client loses',
    ...report.kindsRefused.map(({ kind, loses }) => `  ${kind}: ${loses}`),
    ...report.interestsLost.map((node) => `  notifications of ${node}`),
  ];
}
