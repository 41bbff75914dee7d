import type { Treatment } from '../minimisation/treatment.ts';
import { formatDuration, formatSize } from './quantity.ts';

/** Writes a treatment as a policy file would, on one line. */
export function describeTreatment(treatment: Treatment): string {
  switch (treatment.kind) {
    case 'keep':
    case 'drop':
    case 'lower':
      return treatment.kind;
    case 'replace':
      return `replace "${treatment.value}"`;
    case 'pseudonymise': {
      const rotation =
        treatment.rotateMs === undefined ? '' : `, rotated every ${formatDuration(treatment.rotateMs)}`;
      return `pseudonymise per ${treatment.scope}${rotation}`;
    }
    case 'coarsen':
      return `coarsen to ${describeGrain(treatment.to)}`;
    case 'pad':
      return `pad to ${treatment.buckets.map(formatSize).join(', ')}`;
    case 'delay':
      return `delay up to ${formatDuration(treatment.upToMs)}`;
    case 'equalise':
      return `equalise after ${formatDuration(treatment.afterMs)}`;
    case 'answer':
      return ['answer', describeValues(treatment.values)].filter((words) => words !== '').join(' ');
    default:
      return `refuse with ${treatment.condition}`;
  }
}

function describeGrain(grain: Extract<Treatment, { kind: 'coarsen' }>['to']): string {
  switch (grain.unit) {
    case 'time':
      return formatDuration(grain.grainMs);
    case 'bytes':
      return formatSize(grain.grainBytes);
    case 'address':
      return `/${grain.ipv4Bits} and /${grain.ipv6Bits}`;
    case 'version':
      return 'the major version';
    default:
      return 'the primary language';
  }
}

function describeValues(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} "${value}"`)
    .join(', ');
}
