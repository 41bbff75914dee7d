import { describe, expect, it } from 'vitest';
import { compare, diffPolicies } from '../../src/policy/diff.ts';
import { describeTreatment } from '../../src/policy/describe.ts';
import { concerns } from '../../src/policy/catalogue.ts';
import { treatmentOf } from '../../src/policy/policy.ts';
import { audienceNames } from '../../src/policy/schema.ts';
import type { Treatment } from '../../src/minimisation/treatment.ts';
import { catalogue, policyOf, policyText, read } from './fixtures.ts';

const balanced = policyOf(read('policies/balanced.yaml'));
const strict = policyOf(read('policies/strict.yaml'));

describe('diff', () => {
  it('lists exactly the fields that differ', () => {
    const listed = diffPolicies(balanced, strict, catalogue).map(
      ({ audience, field }) => `${audience} ${field}`,
    );
    const differing = audienceNames.flatMap((audience) =>
      [...catalogue.fields.values()]
        .filter((field) => concerns(field, audience))
        .filter(
          ({ name }) =>
            describeTreatment(treatmentOf(balanced, audience, name).treatment) !==
            describeTreatment(treatmentOf(strict, audience, name).treatment),
        )
        .map(({ name }) => `${audience} ${name}`),
    );
    expect(listed).toEqual(differing);
    expect(listed.length).toBeGreaterThan(35);
    expect(diffPolicies(strict, strict, catalogue)).toEqual([]);
  });

  it('says that strict shows no audience more than balanced, and the reverse', () => {
    expect(new Set(diffPolicies(balanced, strict, catalogue).map(({ sees }) => sees))).toEqual(
      new Set(['less']),
    );
    expect(new Set(diffPolicies(strict, balanced, catalogue).map(({ sees }) => sees))).toEqual(
      new Set(['more']),
    );
  });

  it('notices mode, unlisted and exceptions', () => {
    const plain = policyOf(policyText('{}'));
    const shadow = policyOf(policyText('{}', '  mode: shadow\n'));
    expect(diffPolicies(plain, shadow, catalogue).map(({ field, sees }) => `${field} ${sees}`)).toEqual([
      'mode more',
      'mode more',
    ]);
    const open = policyOf(policyText('{}').replace('unlisted: drop', 'unlisted: keep'));
    expect(diffPolicies(plain, open, catalogue).map(({ field, sees }) => `${field} ${sees}`)).toEqual([
      'unlisted more',
      'unlisted more',
    ]);
    const exception = policyOf(
      policyText(
        '{}',
        '  exceptions:\n    - { when: { contact-domain: c.example }, audiences: { gatekeeper: { chat-state: drop } }, why: w, approved-by: a, expires: 2027-01-01 }\n',
      ),
    );
    expect(diffPolicies(exception, plain, catalogue)).toEqual([
      {
        audience: 'gatekeeper',
        field: 'chat-state',
        before: 'drop',
        after: 'keep',
        sees: 'more',
        when: 'contact at c.example',
      },
    ]);
  });

  it('notices an exception under which an audience sees more while it sees less otherwise', () => {
    const under = (usual: string, exceptional: string) =>
      policyOf(
        policyText(
          `{ gatekeeper: { chat-state: ${usual} } }`,
          `  exceptions:\n    - { when: { contact-domain: c.example }, audiences: { gatekeeper: { chat-state: ${exceptional} } }, why: w, approved-by: a, expires: 2027-01-01 }\n`,
        ),
      );
    const rows = diffPolicies(under('keep', 'drop'), under('drop', 'keep'), catalogue);
    expect(rows.map(({ sees, when = 'always' }) => `${sees} ${when}`)).toEqual([
      'less always',
      'more contact at c.example',
    ]);
  });

  it('applies a wider exception where a narrower one holds', () => {
    const keeping = (when: string) =>
      policyOf(
        policyText(
          '{ gatekeeper: { chat-state: drop } }',
          `  exceptions:\n    - { when: { ${when} }, audiences: { gatekeeper: { chat-state: keep } }, why: w, approved-by: a, expires: 2027-01-01 }\n`,
        ),
      );
    const rows = (one: string, other: string) =>
      diffPolicies(keeping(one), keeping(other), catalogue).map(({ sees, when }) => `${sees} ${when}`);
    const narrow = 'gatekeeper: gk, contact-domain: c.example';
    expect(rows('gatekeeper: gk', narrow)).toEqual(['less gatekeeper gk']);
    expect(rows(narrow, 'gatekeeper: gk')).toEqual(['more gatekeeper gk']);
    expect(rows('region: [AT, BE]', 'region: AT-9')).toEqual(['less region AT, BE']);
    expect(rows('identity: { plan: gold }', 'identity: { plan: gold, age: 3 }')).toEqual([
      'less identity plan gold',
    ]);
  });

  it.each<[Treatment, Treatment, string]>([
    [
      { kind: 'coarsen', to: { unit: 'address', ipv4Bits: 16, ipv6Bits: 60 } },
      { kind: 'coarsen', to: { unit: 'address', ipv4Bits: 24, ipv6Bits: 48 } },
      'differently',
    ],
    [{ kind: 'pad', buckets: [4_096] }, { kind: 'pad', buckets: [1_024] }, 'more'],
    [{ kind: 'pad', buckets: [1_024] }, { kind: 'pad', buckets: [4_096, 8_192] }, 'less'],
    [{ kind: 'pad', buckets: [1_000] }, { kind: 'pad', buckets: [1_024] }, 'differently'],
    [{ kind: 'drop' }, { kind: 'keep' }, 'more'],
    [{ kind: 'keep' }, { kind: 'delay', upToMs: 1 }, 'less'],
    [{ kind: 'delay', upToMs: 5_000 }, { kind: 'equalise', afterMs: 3_000 }, 'less'],
    [{ kind: 'equalise', afterMs: 3_000 }, { kind: 'equalise', afterMs: 1_000 }, 'more'],
    [{ kind: 'equalise', afterMs: 3_000 }, { kind: 'drop' }, 'less'],
    [{ kind: 'delay', upToMs: 5_000 }, { kind: 'delay', upToMs: 1_000 }, 'more'],
    [
      { kind: 'coarsen', to: { unit: 'time', grainMs: 60_000 } },
      { kind: 'coarsen', to: { unit: 'time', grainMs: 3_600_000 } },
      'less',
    ],
    [
      { kind: 'coarsen', to: { unit: 'address', ipv4Bits: 16, ipv6Bits: 48 } },
      { kind: 'coarsen', to: { unit: 'address', ipv4Bits: 24, ipv6Bits: 48 } },
      'more',
    ],
    [{ kind: 'pseudonymise', scope: 'session' }, { kind: 'pseudonymise', scope: 'account' }, 'more'],
    [
      { kind: 'pseudonymise', scope: 'account' },
      { kind: 'pseudonymise', scope: 'account', rotateMs: 86_400_000 },
      'less',
    ],
    [{ kind: 'pad', buckets: [1_024] }, { kind: 'pad', buckets: [512, 1_024] }, 'more'],
    [{ kind: 'replace', value: 'a' }, { kind: 'replace', value: 'b' }, 'differently'],
    [{ kind: 'drop' }, { kind: 'refuse', condition: 'forbidden' }, 'differently'],
  ])('%j to %j: %s', (from, to, expected) => {
    expect(compare(from, to)).toBe(expected);
  });
});
