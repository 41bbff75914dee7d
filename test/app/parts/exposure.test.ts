import { expect, it } from 'vitest';
import { exposureOf, type ExposureParts } from '../../../src/app/parts/exposure.ts';
import { exposureDocument } from '../../../src/http/admin/exposure.ts';
import { DecisionCounts } from '../../../src/observability/decision-counts.ts';
import type { PolicyScope } from '../../../src/app/parts/policy-scope.ts';

const digest = (letter: string): string => letter.repeat(43);
const strict = { name: 'strict', mode: 'enforce' };

const scope = {
  state: 'loaded',
  digests: { policyDigest: digest('p'), shadowDigest: digest('s'), catalogueDigest: digest('c') },
  documents: { enforced: strict, shadow: { name: 'later' }, share: [{ percent: 5, policy: strict }] },
} as unknown as PolicyScope;

function partsOf(counts: DecisionCounts, rowsMax = 100): ExposureParts {
  return {
    counts,
    gatekeepers: ['one', 'two'],
    policies: { scopeOf: () => scope },
    profilesDigest: () => undefined,
    ledger: {
      head: { stream: 'ab'.repeat(8), n: 7, hash: digest('h') },
      failure: { since: 2_000, cause: 'ENOSPC', attempts: 3 },
    },
    build: { version: '1.2.3', digest: digest('b') },
    now: () => 60_000,
    rowsMax,
  };
}

const counted = (fields: number): DecisionCounts => {
  const counts = new DecisionCounts(() => 1_000);
  for (let field = 0; field < fields; field += 1)
    counts.add(
      { gatekeeper: 'one' },
      'gatekeeper',
      'enforced',
      Array.from({ length: field + 1 }, () => ({
        id: field,
        field: `f.${field}`,
        treatment: 'drop',
        reason: 'r',
      })),
      strict,
      Array.from({ length: field + 1 }, () => 10),
    );
  return counts;
};

it('says what is in force at each gatekeeper, and what was counted, as the schema has it', () => {
  const document = exposureOf(partsOf(counted(1)));
  expect(exposureDocument.parse(JSON.parse(JSON.stringify(document)))).toEqual({
    format: 1,
    at: '1970-01-01T00:01:00.000Z',
    startedAt: '1970-01-01T00:00:01.000Z',
    interval: { from: '1970-01-01T00:00:01.000Z' },
    build: { version: '1.2.3', digest: digest('b') },
    inForce: ['one', 'two'].map((gatekeeper) => ({
      gatekeeper,
      state: 'loaded',
      policy: strict,
      policyDigest: digest('p'),
      share: [{ percent: 5, ...strict }],
      shadow: { name: 'later', digest: digest('s') },
      catalogueDigest: digest('c'),
      profilesDigest: null,
    })),
    ledger: {
      stream: 'ab'.repeat(8),
      n: 7,
      hash: digest('h'),
      failing: { since: '1970-01-01T00:00:02.000Z', cause: 'ENOSPC' },
    },
    rows: [
      {
        gatekeeper: 'one',
        audience: 'gatekeeper',
        field: 'f.0',
        namespace: null,
        treatment: 'drop',
        mode: 'enforced',
        policy: 'strict',
        sinceStart: { count: 1, bytes: 10, sessionsAtLeast: 0, sessionsAtMost: 0 },
        interval: { count: 1, bytes: 10, sessions: 0 },
      },
    ],
    other: { rows: 0, count: 0 },
  });
});

it('lists the combinations that occurred first, and sums the others', () => {
  const document = exposureOf(partsOf(counted(5), 2));
  expect(document.rows.map(({ field, sinceStart }) => [field, sinceStart.count])).toEqual([
    ['f.0', 1],
    ['f.1', 2],
  ]);
  expect(document.other).toEqual({ rows: 3, count: 3 + 4 + 5 });
});
