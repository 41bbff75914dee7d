/** The table of docs/what-works.md from what was seen. */
import type { Sight } from './stage.ts';

/** One ability, once: with one server, one client, under one policy. */
export interface Observation {
  readonly title: string;
  readonly policy: string;
  /** Server and client. */
  readonly where: string;
  readonly sight: Sight;
  /** `field: treatment` of what the policy did about its fields, sorted. */
  readonly because: readonly string[];
}

const words: Readonly<Record<Sight, string>> = {
  seen: 'works',
  changed: 'in part',
  withheld: 'no',
  refused: 'refused',
  answered: 'the proxy answers',
};

export function cell({ sight, because }: Observation): string {
  const reasons = because.map((reason) => `\`${reason}\``).join(', ');
  return reasons === '' ? words[sight] : `${words[sight]} (${reasons})`;
}

/** One row for each title, in the order in which they were first seen. Where clients see different things, each says
 *  who. */
export function tableOf(observations: readonly Observation[], policies: readonly string[]): string {
  const titles = [...new Set(observations.map(({ title }) => title))];
  const rows = titles.map((title) => {
    const cells = policies.map((policy) => {
      const those = observations.filter((each) => each.title === title && each.policy === policy);
      const kinds = [...new Set(those.map(cell))];
      if (kinds.length === 1) return kinds[0]!;
      return those.map((each) => `${each.where}: ${cell(each)}`).join('; ');
    });
    return `| ${[title, ...cells].join(' | ')} |`;
  });
  return [
    `| | ${policies.map((policy) => `\`${policy}\``).join(' | ')} |`,
    `|${' --- |'.repeat(policies.length + 1)}`,
    ...rows,
  ].join('\n');
}
