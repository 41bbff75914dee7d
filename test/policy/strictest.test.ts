/** The stricter of several policies, field by field. */
import { describe, expect, it } from 'vitest';
import { concerns } from '../../src/policy/catalogue.ts';
import { compare, diffPolicies } from '../../src/policy/diff.ts';
import { treatmentOf, type Policy } from '../../src/policy/policy.ts';
import { audienceNames } from '../../src/policy/schema.ts';
import { strictestOf } from '../../src/policy/strictest.ts';
import { openPolicy } from '../../src/app/files/policies.ts';
import { catalogue, policyOf, policyText } from './fixtures.ts';

const of = (audiences: string, rest = ''): Policy => policyOf(policyText(audiences, rest));

const kindOf = (policy: Policy, field: string): string =>
  treatmentOf(policy, 'gatekeeper', field).treatment.kind;

const exception = (when: string, rule: string): string =>
  `  exceptions: [{ when: ${when}, audiences: { gatekeeper: { ${rule} } }, why: w, approved-by: a, expires: 2030-01-01 }]\n`;

describe('the stricter of two policies', () => {
  const shipped = ['passthrough', 'balanced', 'strict'].map((name) => openPolicy(name));

  it.each(shipped.flatMap((one) => shipped.map((other) => [one.name, other.name, one, other] as const)))(
    'of %s and %s shows no audience more of any field than either',
    (_, __, one, other) => {
      const strict = strictestOf([one, other]);
      for (const audience of audienceNames)
        for (const field of catalogue.fields.values()) {
          if (!concerns(field, audience)) continue;
          const { treatment } = treatmentOf(strict, audience, field.name);
          for (const policy of [one, other])
            expect(compare(treatmentOf(policy, audience, field.name).treatment, treatment)).not.toBe('more');
        }
    },
  );

  it('is taken field by field: each may hide what the other shows', () => {
    const strict = strictestOf([
      of('{ gatekeeper: { chat-state: drop, presence.status: keep } }'),
      of('{ gatekeeper: { chat-state: keep, presence.status: drop } }'),
    ]);
    expect(kindOf(strict, 'chat-state')).toBe('drop');
    expect(kindOf(strict, 'presence.status')).toBe('drop');
  });

  it('does not count a policy that is not enforced', () => {
    const quiet = { ...openPolicy('passthrough'), mode: 'shadow' as const };
    expect(strictestOf([quiet, openPolicy('strict')])).toEqual(openPolicy('strict'));
    expect(strictestOf([quiet, quiet]).mode).toBe('shadow');
  });

  it('drops what is not listed when one of them does', () => {
    const keeping = { ...openPolicy('passthrough'), unlisted: 'keep' as const };
    expect(strictestOf([keeping, openPolicy('strict')]).unlisted).toBe('drop');
  });

  it('has no exception that only one has and that loosens; one that tightens it has', () => {
    const loosens = of(
      '{ gatekeeper: { chat-state: drop } }',
      exception('{ gatekeeper: g }', 'chat-state: keep'),
    );
    const plain = of('{ gatekeeper: { chat-state: drop } }');
    expect(strictestOf([loosens, plain]).exceptions).toEqual([]);
    const tightens = of(
      '{ gatekeeper: { chat-state: keep } }',
      exception('{ gatekeeper: g }', 'chat-state: drop'),
    );
    const open = of('{ gatekeeper: { chat-state: keep } }');
    const [kept] = strictestOf([open, tightens]).exceptions;
    expect(kept!.matrix.gatekeeper.get('chat-state')!.treatment.kind).toBe('drop');
  });

  it('has an exception that all of them have', () => {
    const one = of(
      '{ gatekeeper: { chat-state: drop } }',
      exception('{ gatekeeper: g }', 'chat-state: keep'),
    );
    const [kept] = strictestOf([one, { ...one, name: 'other' }]).exceptions;
    expect(kept!.matrix.gatekeeper.get('chat-state')!.treatment.kind).toBe('keep');
  });

  it('of a policy and itself is the policy', () => {
    const balanced = openPolicy('balanced');
    expect(diffPolicies(balanced, strictestOf([balanced, balanced]), catalogue)).toEqual([]);
  });
});
