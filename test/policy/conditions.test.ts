/** Conditions of exceptions on listener, identity and region: where they hold, where they do not, and where that is not
 *  known, in which case the stricter treatment is taken. */
import { describe, expect, it } from 'vitest';
import { CompiledPolicy } from '../../src/policy/compile.ts';
import { canMeetBoth, type Circumstances, type ExceptionCondition } from '../../src/policy/condition.ts';
import { Decider } from '../../src/policy/decide.ts';
import { diffPolicies } from '../../src/policy/diff.ts';
import { summariseExceptions } from '../../src/policy/exceptions.ts';
import { checkPolicy } from '../../src/policy/check.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { noClaims } from '../../src/stanza/ownership-claims.ts';
import { Sensitive } from '../../src/stanza/sensitive.ts';
import {
  catalogue,
  complaints,
  context,
  names,
  pass,
  policyOf,
  policyText,
  pseudonyms,
  today,
} from './fixtures.ts';

const exception = (when: string, rule: string): string =>
  `    - { when: ${when}, audiences: { gatekeeper: { ${rule} } }, why: w, approved-by: a, expires: 2030-01-01 }\n`;

/** Usually one treatment of the chat state, in the case another. */
const policy = (when: string, usual: string, exceptional: string): Policy =>
  policyOf(
    policyText(
      `{ gatekeeper: { chat-state: ${usual} } }`,
      `  exceptions:\n${exception(when, `chat-state: ${exceptional}`)}`,
    ),
  );

const active = "<active xmlns='http://jabber.org/protocol/chatstates'/>";
const message = `<message to='b@c'><body>hi</body>${active}</message>`;

/** Whether the gatekeeper sees the chat state of a message. */
function sees(rules: Policy, facts: Circumstances): boolean {
  const compiled = new CompiledPolicy(rules, { catalogue, names, pseudonyms });
  const decider = new Decider(
    compiled,
    'to-gatekeeper',
    { ...context, ...facts },
    { clock: () => today, random: () => 1 },
  );
  return pass(decider, message).after.includes('chatstates');
}

const claims = (plan: string | number | boolean) => new Map([['plan', new Sensitive(plan)]]);
const at = (country: string, subdivision = '') => new Sensitive({ country, subdivision });

const cases: readonly [string, string, Circumstances, 'holds' | 'fails' | 'unknown'][] = [
  ['a listener', '{ listener: vpn }', { listener: 'vpn' }, 'holds'],
  ['another listener', '{ listener: vpn }', { listener: 'clients' }, 'fails'],
  ['no listener', '{ listener: vpn }', {}, 'unknown'],
  ['a claim', '{ identity: { plan: gold } }', { knownClaims: claims('gold') }, 'holds'],
  ['a claim that is a number', '{ identity: { plan: 3 } }', { knownClaims: claims(3) }, 'holds'],
  ['the text of a number', '{ identity: { plan: 3 } }', { knownClaims: claims('3') }, 'fails'],
  ['another value of a claim', '{ identity: { plan: gold } }', { knownClaims: claims('lead') }, 'fails'],
  ['a token without the claim', '{ identity: { plan: gold } }', { knownClaims: noClaims }, 'fails'],
  ['a token that is not verified yet', '{ identity: { plan: gold } }', {}, 'unknown'],
  ['a country', '{ region: AT }', { region: at('AT') }, 'holds'],
  ['one of several', '{ region: [DE, AT] }', { region: at('AT', 'AT-9') }, 'holds'],
  ['another country', '{ region: AT }', { region: at('DE') }, 'fails'],
  ['a region of a country', '{ region: AT-9 }', { region: at('AT', 'AT-9') }, 'holds'],
  ['another region of the country', '{ region: AT-9 }', { region: at('AT', 'AT-1') }, 'fails'],
  ['a country, region unknown', '{ region: AT-9 }', { region: at('AT') }, 'unknown'],
  ['an address outside of the table', '{ region: AT }', {}, 'unknown'],
  ['two conditions', '{ region: AT, listener: vpn }', { region: at('AT'), listener: 'vpn' }, 'holds'],
  [
    'one of two conditions',
    '{ region: AT, listener: vpn }',
    { region: at('AT'), listener: 'clients' },
    'fails',
  ],
  ['one condition, the other unknown', '{ region: AT, listener: vpn }', { listener: 'vpn' }, 'unknown'],
];

describe('an exception', () => {
  it.each(cases)('for %s: loosens only where it holds', (_, when, facts, expected) => {
    expect(sees(policy(when, 'drop', 'keep'), facts)).toBe(expected === 'holds');
  });

  it.each(cases)('for %s: tightens unless it does not hold', (_, when, facts, expected) => {
    expect(sees(policy(when, 'keep', 'drop'), facts)).toBe(expected === 'fails');
  });

  it.each(cases)('for %s: is the same for what is in no stanza', (_, when, facts, expected) => {
    const rules = policyOf(
      policyText(
        '{ gatekeeper: { conn.client-ip: keep } }',
        `  exceptions:\n${exception(when, 'conn.client-ip: drop')}`,
      ),
    );
    const compiled = new CompiledPolicy(rules, { catalogue, names, pseudonyms });
    const { treatment } = compiled.ruling('gatekeeper', 'conn.client-ip', {
      gatekeeper: 'gk',
      now: today,
      ...facts,
    });
    expect(treatment.kind).toBe(expected === 'fails' ? 'keep' : 'drop');
  });

  it('for a contact holds for that contact, also where the rest is not known', () => {
    const rules = policy('{ contact-domain: c, region: AT }', 'keep', 'drop');
    expect(sees(rules, {})).toBe(false);
    const others = policy('{ contact-domain: d.example, region: AT }', 'keep', 'drop');
    expect(sees(others, {})).toBe(true);
  });
});

describe('conditions in what an operator reads', () => {
  const rules = policy(
    '{ listener: vpn, identity: { plan: gold, seats: 3 }, region: [AT, DE] }',
    'keep',
    'drop',
  );

  it('are listed with the exceptions of a policy', () => {
    expect(summariseExceptions(rules, today)[0]!.when).toEqual({
      listener: 'vpn',
      identity: 'plan gold, seats 3',
      region: 'AT, DE',
    });
  });

  it('are named by diff', () => {
    const plain = policyOf(policyText('{ gatekeeper: { chat-state: keep } }'));
    expect(diffPolicies(plain, rules, catalogue)).toMatchObject([
      { field: 'chat-state', sees: 'less', when: 'listener vpn, identity plan gold, seats 3, region AT, DE' },
    ]);
  });

  it.each([
    ['{ region: at }', 'ERR_POLICY_SCHEMA'],
    ['{ region: [] }', 'ERR_POLICY_SCHEMA'],
    ['{ region: AT-WIEN }', 'ERR_POLICY_SCHEMA'],
    ['{ identity: {} }', 'ERR_POLICY_SCHEMA'],
    ['{ identity: { plan: [gold] } }', 'ERR_POLICY_SCHEMA'],
    ["{ listener: '' }", 'ERR_POLICY_SCHEMA'],
  ])('%s is refused', (when, code) => {
    const text = policyText('{}', `  exceptions:\n${exception(when, 'chat-state: drop')}`);
    expect(complaints(text)).toEqual([expect.stringContaining(code)]);
  });

  it.each([
    ['a listener that is not there', '{ listener: vpm }', 'there is no listener vpm', 'Did you mean vpn?'],
    [
      'a claim that is not read',
      '{ identity: { plan: gold } }',
      'the claim plan is never known',
      'provider.claims.allowed',
    ],
    [
      'a region without a table',
      '{ region: AT }',
      'the region of an address is never known',
      'regions.geofeedFile',
    ],
  ])('%s is refused where the proxy is known', (_, when, reason, remedy) => {
    const options = { catalogue, obligations: [], now: today };
    const knowable = { listeners: ['vpn'], claims: [], regions: false, protocols: ['xmpp' as const] };
    const found = (known: boolean) =>
      checkPolicy(policy(when, 'keep', 'drop'), { ...options, ...(known && { knowable }) }).filter(
        ({ code }) => code === 'ERR_POLICY_CONDITION',
      );
    expect(found(false)).toEqual([]);
    expect(found(true)).toMatchObject([
      { reason, remedy: expect.stringContaining(remedy) as string, line: 9 },
    ]);
  });
});

describe('two conditions', () => {
  it.each<[ExceptionCondition, ExceptionCondition, boolean]>([
    [{ listener: 'a' }, { listener: 'b' }, false],
    [{ listener: 'a' }, { gatekeeper: 'b' }, true],
    [{ identity: { plan: 'gold' } }, { identity: { plan: 'lead' } }, false],
    [{ identity: { plan: 'gold' } }, { identity: { seats: 3 } }, true],
    [{ region: ['AT'] }, { region: ['DE', 'FR'] }, false],
    [{ region: ['AT', 'DE'] }, { region: ['DE'] }, true],
    [{ region: ['AT'] }, { region: ['AT-9'] }, true],
    [{ region: ['AT-1'] }, { region: ['AT-9'] }, false],
  ])('%j and %j can hold together: %s', (one, other, expected) => {
    expect(canMeetBoth(one, other)).toBe(expected);
    expect(canMeetBoth(other, one)).toBe(expected);
  });
});
