/** Metadata policies: YAML documents to a decision table.
 *
 *      document ─ schema ─ resolve (extends) ─ check            what a reviewer sees
 *                              └─ compile ─ decide              what the data plane runs
 *
 *  This file: what is said about a document, always with its place. */

import type { Place, PlacedDiagnostic } from '../documents/diagnostic.ts';

export type DiagnosticCode =
  // The document cannot be read.
  | 'ERR_POLICY_YAML'
  | 'ERR_POLICY_SCHEMA'
  | 'ERR_POLICY_FILE'
  | 'ERR_POLICY_EXTENDS'
  | 'ERR_CATALOGUE'
  // It can be read and must not run.
  | 'ERR_POLICY_FIELD'
  | 'ERR_POLICY_TREATMENT'
  | 'ERR_POLICY_E2EE_BOUND'
  | 'ERR_POLICY_ROUTING'
  | 'ERR_POLICY_OBLIGATION'
  | 'ERR_POLICY_ANSWER_OWED'
  | 'ERR_POLICY_NEVER_MATCHES'
  | 'ERR_POLICY_SHADOWED'
  | 'ERR_POLICY_CONFLICT'
  | 'ERR_POLICY_MEDIA'
  | 'ERR_POLICY_TEST'
  // A file that goes with it cannot be used.
  | 'ERR_POLICY_KEYS'
  // It runs, and somebody should know.
  | 'WARN_POLICY_SHADOW'
  | 'WARN_POLICY_BREAKS'
  | 'WARN_POLICY_RECIPROCAL'
  | 'WARN_POLICY_UNLISTED'
  | 'WARN_POLICY_CAPS_HASH'
  | 'WARN_POLICY_BYPASS'
  | 'WARN_POLICY_EXPIRY';

/** A problem of a policy, catalogue or obligation: always with its place. */
export interface Diagnostic extends PlacedDiagnostic {
  readonly code: DiagnosticCode;
}

export function errorAt(
  place: Place,
  code: DiagnosticCode,
  reason: string,
  { field, remedy = '' }: { field?: string; remedy?: string } = {},
): Diagnostic {
  const { file, line, column } = place;
  const severity = code.startsWith('WARN_') ? 'warning' : 'error';
  return { file, line, column, severity, code, reason, remedy, ...(field === undefined ? {} : { field }) };
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some(({ severity }) => severity === 'error');
}
