/** Rules of a policy, as scripts are explained by them. */
import { copyFile, mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { openPolicy } from '../../src/app/files/policies.ts';
import type { DecisionTotal } from '../../src/observability/decision-counts.ts';

/** What a policy does with a field, other than let it pass. */
export type Rule = Pick<DecisionTotal, 'field' | 'treatment'>;

/** Returns the rules that have decided something, each once. */
export function rulesOf(totals: readonly DecisionTotal[]): Rule[] {
  const acted = totals
    .filter(({ mode, treatment }) => mode === 'enforced' && treatment !== 'keep')
    .map(({ field, treatment }) => ({ field, treatment }));
  return [...new Map(acted.map((rule) => [wordsOf(rule), rule])).values()];
}

/** Returns a rule as documents have it. */
export function wordsOf({ field, treatment }: Rule): string {
  return `\`${field}: ${treatment}\``;
}

/** Returns the rules of a text made of `wordsOf`. */
export function readRules(text: string): Rule[] {
  return [...text.matchAll(/`([^`: ]+): ([^`]+)`/g)].map(([, field, treatment]) => ({
    field: field!,
    treatment: treatment!,
  }));
}

/** Writes a policy that extends another and keeps the fields of some rules.
 *  @param policy a shipped one, or a file
 *  @returns its file, which the caller removes together with its folder */
export async function writeRelaxed(policy: string, kept: readonly Rule[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'narthex-relaxed-'));
  // A policy finds those that it extends next to itself, or among those shipped.
  if (policy.endsWith(ending))
    for (const file of await readdir(dirname(policy)))
      if (file.endsWith(ending)) await copyFile(join(dirname(policy), file), join(folder, file));
  const file = join(folder, `relaxed${ending}`);
  await writeFile(file, stringify(relaxed(policy, kept)));
  return file;
}

const ending = '.yaml';
const unlisted = 'unlisted';
/** What a contact's server asks is refused by the rule for the answer, which is one for the gatekeeper: so a decision does not
 *  say which audience its rule is for. */
const audiences = ['gatekeeper', 'client'] as const;

function relaxed(policy: string, kept: readonly Rule[]): object {
  const { matrix } = openPolicy(policy);
  const keep = (audience: (typeof audiences)[number]): object => {
    const fields = kept.map(({ field }) => field).filter((field) => matrix[audience].has(field));
    return Object.fromEntries(fields.map((field) => [field, 'keep']));
  };
  return {
    apiVersion: 'narthex/v1',
    kind: 'MetadataPolicy',
    metadata: { name: 'relaxed' },
    spec: {
      extends: basename(policy, ending),
      ...(kept.some(({ field }) => field === unlisted) && { unlisted: 'keep' }),
      audiences: Object.fromEntries(audiences.map((audience) => [audience, keep(audience)])) as object,
    },
  };
}
