/** What a row of the checklist found: why it failed, or was skipped. Has words of this program, and codes. */
export class Finding extends Error {
  override readonly name = 'Finding';
  readonly outcome: 'fail' | 'skipped';

  constructor(why: string, outcome: 'fail' | 'skipped' = 'fail') {
    super(why);
    this.outcome = outcome;
  }
}

/** @throws Finding with this text unless the condition holds */
export function expectThat(condition: boolean, why: string): asserts condition {
  if (!condition) throw new Finding(why);
}
