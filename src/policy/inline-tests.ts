/** Runs the test cases inside a policy file. */
import { errorAt, type Diagnostic } from './diagnostic.ts';
import { explain, type ExplainOptions } from './explain.ts';
import type { InlineTest, Policy } from './policy.ts';

export interface TestResult {
  readonly name: string;
  readonly passed: boolean;
  readonly diagnostic?: Diagnostic;
}

export function runInlineTests(policy: Policy, options: ExplainOptions): readonly TestResult[] {
  return policy.tests.map((test) => {
    const failure = failureOf(policy, test, options);
    if (failure === undefined) return { name: test.name, passed: true };
    const diagnostic = errorAt(test.place, 'ERR_POLICY_TEST', `test "${test.name}": ${failure}`);
    return { name: test.name, passed: false, diagnostic };
  });
}

function failureOf(policy: Policy, test: InlineTest, options: ExplainOptions): string | undefined {
  const direction = test.from === 'client' ? 'to-gatekeeper' : 'to-client';
  try {
    const { before, after, reply } = explain(policy, direction, test.given, options);
    const expected = test.expect === 'unchanged' ? before : test.expect === 'nothing' ? '' : test.expect;
    if (after !== expected) return `expected ${test.expect}, got ${after === '' ? 'nothing' : after}`;
    if (test.reply !== undefined && test.reply !== reply)
      return `expected the reply ${test.reply}, got ${reply === '' ? 'none' : reply}`;
    return undefined;
  } catch (error) {
    return `the given stanza cannot be read: ${(error as Error).message}`;
  }
}
