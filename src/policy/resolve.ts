/** Resolves a policy file and those it extends into one policy. */
import { suggestion } from '../documents/nearest.ts';
import type { Path } from '../documents/yaml.ts';
import type { Audience } from '../stanza/direction.ts';
import type { TextFile } from './catalogue.ts';
import { errorAt } from './diagnostic.ts';
import { readDocument, type SourceDocument } from './document.ts';
import {
  toTreatment,
  type AudienceDocument,
  type InlineTest,
  type Loaded,
  type Matrix,
  type Policy,
  type PolicyException,
  type Rule,
} from './policy.ts';
import { audienceNames, policySchema, type PolicyDocument, type TreatmentDocument } from './schema.ts';
import { shape } from './shape.ts';

/** Finds the policies that a file extends. */
export interface PolicySource {
  /** Returns the file of the policy with this name, as seen from the file that extends it; undefined when there is
   *  none. */
  find(name: string, from: string): TextFile | undefined;
  /** Returns the names that `find` accepts, for suggestions. */
  names(from: string): readonly string[];
}

/** Loads a policy.
 *  @returns the policy, or every problem of the file itself and then of those it extends */
export function loadPolicy(file: TextFile, source: PolicySource): Loaded<Policy> {
  return load(file, source, []);
}

function load(
  { file, text }: TextFile,
  source: PolicySource,
  descendants: readonly { name: string; file: string }[],
): Loaded<Policy> {
  const document = readDocument(file, text);
  const shaped = shape(document, policySchema);
  if (shaped.kind === 'differs') return { kind: 'refused', diagnostics: shaped.diagnostics };
  const { metadata, spec } = shaped.value;
  if (spec.extends === undefined)
    return { kind: 'loaded', value: inherit(undefined, document, shaped.value) };
  const refuse = (reason: string, remedy: string): Loaded<Policy> => ({
    kind: 'refused',
    diagnostics: [errorAt(document.place(['spec', 'extends']), 'ERR_POLICY_EXTENDS', reason, { remedy })],
  });
  const line = [...descendants, { name: metadata.name, file }];
  const parent = source.find(spec.extends, file);
  if (parent === undefined)
    return refuse(`no policy is named ${spec.extends}`, suggestion(spec.extends, source.names(file)));
  if (line.some((each) => each.file === parent.file)) {
    const cycle = [...line.map(({ name }) => name), spec.extends].join(' > ');
    return refuse(`extends goes in a circle: ${cycle}`, 'Remove extends from one of them');
  }
  const base = load(parent, source, line);
  return base.kind === 'refused'
    ? base
    : { kind: 'loaded', value: inherit(base.value, document, shaped.value) };
}

/** Merges a document with its base. Exceptions and rules are inherited; tests are not. */
function inherit(
  base: Policy | undefined,
  document: SourceDocument,
  { metadata, spec }: PolicyDocument,
): Policy {
  const own = toMatrix(document, metadata.name, ['spec', 'audiences'], spec.audiences);
  const exceptions = (spec.exceptions ?? []).map((written, index) =>
    toException(document, metadata.name, index, written),
  );
  return {
    name: metadata.name,
    file: document.file,
    lineage: [metadata.name, ...(base?.lineage ?? [])],
    mode: spec.mode ?? base?.mode ?? 'enforce',
    modePlace: spec.mode === undefined ? base?.modePlace : document.keyPlace(['spec', 'mode']),
    unlisted: spec.unlisted ?? base?.unlisted ?? 'drop',
    unlistedPlace: spec.unlisted === undefined ? base?.unlistedPlace : document.place(['spec', 'unlisted']),
    matrix: base === undefined ? own : overlay(base.matrix, own),
    exceptions: [...(base?.exceptions ?? []), ...exceptions],
    accepts: (spec.accepts ?? []).flatMap(({ code, field, audience }, index) => {
      const place = document.place(['spec', 'accepts', index]);
      return [field].flat().map((name) => ({ code, field: name, audience, place }));
    }),
    tests: (spec.tests ?? []).map((test, index): InlineTest => {
      const { reply, ...rest } = test;
      const place = document.place(['spec', 'tests', index]);
      return { ...rest, place, ...(reply === undefined ? {} : { reply }) };
    }),
  };
}

function toMatrix(
  document: SourceDocument,
  policy: string,
  path: Path,
  audiences: AudienceDocument | undefined,
): Matrix {
  const rules = (audience: Audience): ReadonlyMap<string, Rule> =>
    new Map(
      Object.entries(audiences?.[audience] ?? {}).map(([field, written]) => [
        field,
        {
          field,
          treatment: toTreatment(written),
          why: reasonOf(written),
          policy,
          place: document.keyPlace([...path, audience, field]),
        },
      ]),
    );
  return matrixOf(rules);
}

function reasonOf(written: TreatmentDocument): string {
  return typeof written === 'string' ? '' : ((written as { why?: string }).why ?? '');
}

function toException(
  document: SourceDocument,
  policy: string,
  index: number,
  written: NonNullable<PolicyDocument['spec']['exceptions']>[number],
): PolicyException {
  const { when, audiences, why, expires } = written;
  const path = ['spec', 'exceptions', index];
  return {
    when: {
      ...(when['contact-domain'] === undefined
        ? {}
        : { contactDomain: when['contact-domain'].toLowerCase() }),
      ...(when['account-domain'] === undefined
        ? {}
        : { accountDomain: when['account-domain'].toLowerCase() }),
      ...(when.gatekeeper === undefined ? {} : { gatekeeper: when.gatekeeper }),
      ...(when.listener === undefined ? {} : { listener: when.listener }),
      ...(when.identity === undefined ? {} : { identity: when.identity }),
      ...(when.region === undefined ? {} : { region: [when.region].flat() }),
    },
    matrix: toMatrix(document, policy, [...path, 'audiences'], audiences),
    why,
    approvedBy: written['approved-by'],
    expiresAt: Date.parse(`${expires}T00:00:00Z`) + 86_400_000,
    place: document.place(path),
  };
}

/** Merges two matrices: rules of `over` replace those of `under`. A `*` replaces a `*` only: a field that `under`
 *  names keeps its rule. */
export function overlay(under: Matrix, over: Matrix): Matrix {
  return matrixOf((audience) => new Map([...under[audience], ...over[audience]]));
}

function matrixOf(rules: (audience: Audience) => ReadonlyMap<string, Rule>): Matrix {
  const entries = audienceNames.map((audience) => [audience, rules(audience)] as const);
  return Object.fromEntries(entries) as unknown as Matrix;
}
