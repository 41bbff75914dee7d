/** How the rules that make a script fail are found, with a policy that a test writes. */
import { describe, expect, it } from 'vitest';
import { explain } from './explain.ts';
import { readRules, wordsOf, type Rule } from './rules.ts';

const names = ['id.iq', 'attention', 'chat-state', 'error.text', 'xml.lang'];
const [id, attention, state, error, lang] = names.map((field): Rule => ({
  field,
  treatment: 'drop',
})) as [Rule, Rule, Rule, Rule, Rule];

/** Plays where these rules act, and a script fails by any of `breaking`. */
function policy(acting: readonly Rule[], breaking: readonly Rule[]): Parameters<typeof explain>[0] {
  return (kept) => {
    const acted = acting.filter((rule) => !kept.includes(rule));
    const failure = acted.some((rule) => breaking.includes(rule)) ? { line: 1, reason: 'lost' } : undefined;
    return Promise.resolve({ failure, acted });
  };
}

describe('an explanation', () => {
  it('is the rules without all of which the script passes', async () => {
    const all = [id, attention, state, error, lang];
    expect(await explain(policy(all, [state]))).toEqual({ kind: 'rules', rules: [state] });
    expect(await explain(policy(all, [lang, id]))).toEqual({ kind: 'rules', rules: [lang, id] });
  });

  it('finds a rule that acts only without another', async () => {
    const play: Parameters<typeof explain>[0] = (kept) =>
      policy(kept.includes(state) ? [id, error] : [id, state], [state, error])(kept);
    expect(await explain(play)).toEqual({ kind: 'rules', rules: [error, state] });
  });

  it('is the least of what was guessed, or else is sought', async () => {
    const all = [id, attention, state, error, lang];
    const plays: string[] = [];
    const play: Parameters<typeof explain>[0] = (kept) => {
      plays.push(kept.map(({ field }) => field).join());
      return policy(all, [state])(kept);
    };
    expect(await explain(play, [state])).toEqual({ kind: 'rules', rules: [state] });
    expect(plays).toEqual(['chat-state', '', '']);
    expect(await explain(play, [attention, state])).toEqual({ kind: 'rules', rules: [state] });
    expect(await explain(play, [attention])).toEqual({ kind: 'rules', rules: [state] });
  });

  it('is no rule where the script fails by chance', async () => {
    const failures = [true, true, false, true, false];
    const play: Parameters<typeof explain>[0] = () =>
      Promise.resolve({ failure: failures.shift() ? { line: 1, reason: 'lost' } : undefined, acted: [id] });
    expect(await explain(play, [id])).toEqual({ kind: 'chance' });
  });

  it('says where the script passes, and where it never does', async () => {
    expect(await explain(policy([id, lang], []))).toEqual({ kind: 'chance' });
    const never = () => Promise.resolve({ failure: { line: 1, reason: 'lost' }, acted: [id] });
    expect(await explain(never)).toEqual({ kind: 'unexplained' });
  });
});

it('rules are read as they are written', () => {
  const rules: Rule[] = [attention, { field: 'time.entity', treatment: 'refuse' }];
  const words = rules.map(wordsOf).join(', ');
  expect(words).toBe('`attention: drop`, `time.entity: refuse`');
  expect(readRules(words)).toEqual(rules);
});
