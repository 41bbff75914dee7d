/** `accepts`: warnings that a policy means, and what `check` says of those that are not given. */
import { describe, expect, it } from 'vitest';
import { complaints, policyText, read } from './fixtures.ts';

const rule = '{ gatekeeper: { presence.priority: drop } }';
const accepts = (over: Record<string, string> = {}): string => {
  const all = {
    code: 'WARN_POLICY_BREAKS',
    field: 'presence.priority',
    audience: 'gatekeeper',
    why: 'meant',
    ...over,
  };
  return `  accepts: [${JSON.stringify(all)}]\n`;
};

describe('a policy that accepts a warning', () => {
  it('is not warned of it', () => {
    expect(complaints(policyText(rule)).join()).toContain('WARN_POLICY_BREAKS presence.priority');
    expect(complaints(policyText(rule, accepts()))).toEqual([]);
  });

  it('is still warned of the same field for another reason', () => {
    const both = '{ gatekeeper: { receipt.read: drop } }';
    expect(complaints(policyText(both, accepts({ field: 'receipt.read' })))).toEqual([
      'p.yaml:7:30: warning WARN_POLICY_RECIPROCAL receipt.read: reciprocal: services show it only to those who show theirs',
    ]);
  });

  it('is not warned of it in an exception either', () => {
    const exception = `  exceptions:
    - { when: { contact-domain: c.example }, audiences: { gatekeeper: { presence.priority: { replace: '0' } } }, why: w, approved-by: a, expires: 2027-06-30 }
`;
    expect(complaints(policyText(rule, exception))).toHaveLength(2);
    expect(complaints(policyText(rule, exception + accepts()))).toEqual([]);
  });

  it.each([
    ['code', { code: 'WARN_POLICY_BYPASS' }],
    ['field', { field: 'presence.show' }],
    ['audience', { audience: 'client' }],
  ])('whose %s fits nothing is refused', (_, over) => {
    const { code, field, audience } = {
      code: 'WARN_POLICY_BREAKS',
      field: 'presence.priority',
      audience: 'gatekeeper',
      ...over,
    };
    expect(complaints(policyText(rule, accepts(over)))[0]).toBe(
      `p.yaml:8:13: error ERR_POLICY_ACCEPTS ${field}: accepts ${code} for the ${audience}, and nothing warns of that. Remove the entry`,
    );
  });

  it('has to say why, and of which warning', () => {
    const text = policyText(
      rule,
      '  accepts: [{ code: ERR_POLICY_FIELD, field: presence.priority, audience: gatekeeper }]\n',
    );
    expect(complaints(text)).toEqual([
      'p.yaml:8:21: error ERR_POLICY_SCHEMA: spec.accepts[0].code cannot be "ERR_POLICY_FIELD". A code of a warning: WARN_POLICY_BREAKS',
      'p.yaml:8:13: error ERR_POLICY_SCHEMA: spec.accepts[0].why is missing. Expected a text',
    ]);
  });

  it('has its errors reported first', () => {
    const broken = '{ gatekeeper: { presence.priority: { coarsen: 1h } } }';
    expect(complaints(policyText(broken, accepts())).map((line) => line.split(' ')[2])).toEqual([
      'ERR_POLICY_TREATMENT',
    ]);
  });
});

it.each(['passthrough', 'balanced', 'strict'])('%s has no warning left', (name) => {
  expect(complaints(read(`policies/${name}.yaml`))).toEqual([]);
});
