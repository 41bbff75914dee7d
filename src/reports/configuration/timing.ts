/** What the times of answers tell under a policy (docs/timing.md). */
import { formatDuration } from '../../policy/quantity.ts';
import { isAutomaticAnswer, type Catalogue } from '../../policy/catalogue.ts';
import { treatmentOf } from '../../policy/policy.ts';
import type { ExposureRow } from '../exposure.ts';
import type { Setting } from './setting.ts';
import type { Deployment } from './surroundings.ts';
import type { View } from './views.ts';

/** Treatments after which the time of an answer does not reveal the state of a device. */
const closing: ReadonlySet<string> = new Set(['equalise', 'answer', 'refuse', 'drop', 'absent']);

/** @param rows of the exposure in this view */
export function timingSettings(
  { config, source }: Deployment,
  { policy }: View,
  rows: readonly ExposureRow[],
  catalogue: Catalogue,
): readonly Setting[] {
  const about = `policy ${policy.name}`;
  const answers = rows.filter(({ field }) => isAutomaticAnswer(catalogue.fields.get(field)!));
  const open = answers.filter(({ audiences }) => !closing.has(audiences.gatekeeper.treatment));
  const equalised = answers.flatMap(({ field, audiences }) => {
    const { treatment } = treatmentOf(policy, 'gatekeeper', field);
    if (audiences.gatekeeper.treatment !== 'equalise' || treatment.kind !== 'equalise') return [];
    return [{ field, after: formatDuration(treatment.afterMs), source: audiences.gatekeeper.source }];
  });
  return [
    ...equalised.map(({ field, after, source: at }) => ({
      about,
      says: `${field} leaves ${after} after what it answers was delivered.`,
      source: at,
    })),
    ...open.map(({ field, audiences }) => ({
      about,
      says: `The time of ${field} tells of the device: ${audiences.gatekeeper.words}.`,
      source: audiences.gatekeeper.source,
    })),
    {
      about: 'limit',
      says: `${config.limits.awaitedAnswersMax} stanzas of a session and direction are remembered for their answers.`,
      source: source(['limits', 'awaitedAnswersMax']),
    },
  ];
}
