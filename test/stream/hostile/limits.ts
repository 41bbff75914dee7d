import type { HostileCase } from './case.ts';

const nested = (depth: number): string => '<a>'.repeat(depth) + '</a>'.repeat(depth);

/** Sizes of ordinary traffic and of what is refused with the limits of an authenticated stream (limits.ts). The
 *  exact borders are in scanner.test.ts. */
export const limitsCases: readonly HostileCase[] = [
  ['limit-depth-ok', 'top', nested(100), 'accept', 'deep, but below the limit'],
  ['limit-depth', 'top', nested(129), 'policy-violation', 'depthMax'],
  [
    'limit-attributes',
    'top',
    `<a ${Array.from({ length: 129 }, (_, i) => `a${i}=''`).join(' ')}/>`,
    'policy-violation',
    'attributesMax',
  ],
  [
    'limit-namespaces',
    'top',
    `<a ${Array.from({ length: 65 }, (_, i) => `xmlns:a${i}='u'`).join(' ')}/>`,
    'policy-violation',
    'namespacesMax',
  ],
  ['limit-name', 'top', `<${'a'.repeat(1025)}/>`, 'policy-violation', 'nameBytesMax'],
  ['limit-whitespace', 'top', ' '.repeat(65537), 'policy-violation', 'whitespaceBytesMax'],
  ['limit-whitespace-then-text', 'top', `${' '.repeat(65537)}x`, 'policy-violation', 'the limit comes first'],
  ['limit-text-then-whitespace', 'top', `${' '.repeat(65536)}x`, 'bad-format', 'the text comes first'],
];
