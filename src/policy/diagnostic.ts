/** Metadata policies, from YAML documents to a decision table.
 *
 *    document ─ schema ─ resolve (extends) ─ check            what a reviewer sees
 *                        └─ compile ─ decide              what runs on traffic
 *
 *  This file has the diagnostics about a document, each with its place. */

import type { Place, PlacedDiagnostic } from '../documents/diagnostic.ts';
import type { PolicyCode } from '../errors/policy.ts';
import type { Audience } from '../stanza/direction.ts';

/** A problem in a policy, catalogue or obligations file, with its place. */
export interface Diagnostic extends PlacedDiagnostic {
  readonly code: PolicyCode;
  /** Whose rule it is about, where it is a warning about one. */
  readonly audience?: Audience;
}

export function errorAt(
  place: Place,
  code: PolicyCode,
  reason: string,
  {
    field,
    audience,
    remedy = '',
  }: { readonly field?: string; readonly audience?: Audience; readonly remedy?: string } = {},
): Diagnostic {
  const { file, line, column } = place;
  const severity = severities[code.slice(0, code.indexOf('_'))] ?? 'error';
  return {
    file,
    line,
    column,
    severity,
    code,
    reason,
    remedy,
    ...(field === undefined ? {} : { field }),
    ...(audience === undefined ? {} : { audience }),
  };
}

const severities: Readonly<Record<string, Diagnostic['severity']>> = { WARN: 'warning', NOTE: 'notice' };

/** Returns the number of warnings. */
export function countWarnings(diagnostics: readonly Diagnostic[]): number {
  return diagnostics.filter(({ severity }) => severity === 'warning').length;
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some(({ severity }) => severity === 'error');
}
