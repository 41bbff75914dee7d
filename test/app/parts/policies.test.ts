/** What was hidden under a policy that is gone is still understood, for a bounded number of them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openPolicyRuntime, type PolicyRuntime } from '../../../src/app/parts/policies.ts';
import { formerPoliciesMax } from '../../../src/app/parts/policy-scope.ts';
import { policySection } from '../../../src/config/sections/policy.ts';
import { Decider } from '../../../src/policy/decide.ts';
import type { Direction } from '../../../src/stanza/direction.ts';
import { context, leaving, policyText, today, wire } from '../../policy/fixtures.ts';

let folder: string;
let runtime: PolicyRuntime;

/** Pseudonyms of identifiers, each number another way to make them; 0 makes none. */
async function change(number: number, refresh = true): Promise<void> {
  const rule = number === 0 ? 'keep' : `{ pseudonymise: { scope: session, rotate: ${number}d } }`;
  writeFileSync(join(folder, 'policy.yaml'), policyText(`{ gatekeeper: { id.iq: ${rule} } }`));
  if (refresh) await runtime.refresh();
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'narthex-former-'));
  await change(1, false);
  const config = policySection.parse({ file: join(folder, 'policy.yaml') });
  runtime = openPolicyRuntime({ config, report: () => {}, clock: () => today });
});
afterEach(() => {
  runtime.close();
  rmSync(folder, { recursive: true });
});

const iq = (type: string, id: string): string => `<iq xmlns='jabber:client' type='${type}' id='${id}'/>`;

/** The identifier of a request or an answer, as it arrives. */
function arriving(direction: Direction, text: string): string {
  const decider = new Decider(runtime.current.enforced, direction, context, { clock: () => today, random: () => 1 }); // prettier-ignore
  const stanza = wire.parse(text, runtime.names);
  return / id='([^']*)'/.exec(leaving(stanza, decider.decide(stanza)))![1]!;
}

it('answers to requests sent under a former policy are mapped back', async () => {
  const hidden = arriving('to-gatekeeper', iq('get', 'ask-1'));
  expect(hidden).not.toBe('ask-1');
  for (const number of [2, 0, 0, 3]) {
    await change(number);
    expect(arriving('to-client', iq('result', hidden))).toBe('ask-1');
  }
  expect(arriving('to-client', iq('result', 'made-up'))).toBe('made-up');
});

it('until too many others have followed', async () => {
  const hidden = arriving('to-gatekeeper', iq('get', 'ask-1'));
  for (let number = 2; number <= formerPoliciesMax + 1; number += 1) {
    await change(number);
    // The same once more is not another one.
    await runtime.refresh();
  }
  expect(arriving('to-client', iq('result', hidden))).toBe('ask-1');
  await change(formerPoliciesMax + 2);
  expect(arriving('to-client', iq('result', hidden))).toBe(hidden);
});

it('a broken policy is no former one', async () => {
  const hidden = arriving('to-gatekeeper', iq('get', 'ask-1'));
  for (let number = 0; number < 2 * formerPoliciesMax; number += 1) {
    writeFileSync(join(folder, 'policy.yaml'), `broken: ${number}`);
    await runtime.refresh();
  }
  expect(runtime.state).toBe('rejected');
  expect(arriving('to-client', iq('result', hidden))).toBe('ask-1');
});
