/** Finds by experiment which rules of a policy make a script fail: rules that acted are switched to `keep`, until those are
 *  found without any of which the script fails again. */
import { minimal } from './minimal.ts';
import { wordsOf, type Rule } from './rules.ts';
import type { Result } from './venue.ts';

/** Plays the script under its policy, with these rules switched to `keep`. */
export type Play = (kept: readonly Rule[]) => Promise<Result>;

/** `chance`: it passes under the policy too, when it is played again. `unexplained`: it fails also without every rule that
 *  acts. */
export type Explanation =
  { readonly kind: 'rules'; readonly rules: readonly Rule[] } | { readonly kind: 'chance' | 'unexplained' };

/** How often a script must fail again under the policy after its rules were found: chance seldom repeats itself. */
const confirmations = 2;

/** @param play of a script that passes without a policy, and fails under it
 *  @param guess rules that are tried first, in place of those that acted */
export async function explain(play: Play, guess: readonly Rule[] = []): Promise<Explanation> {
  const isGuessed = guess.length > 0 && (await passes(play, guess));
  const suspects = isGuessed ? guess : await suspectsOf(play);
  if (suspects === undefined) return { kind: 'unexplained' };
  if (suspects.length === 0) return { kind: 'chance' };
  const rules = await minimal(suspects, (kept) => passes(play, kept));
  for (let again = 0; again < confirmations; again += 1)
    if (await passes(play, [])) return { kind: 'chance' };
  return { kind: 'rules', rules };
}

async function passes(play: Play, kept: readonly Rule[]): Promise<boolean> {
  return (await play(kept)).failure === undefined;
}

/** Collects the rules that act, until the script passes without them: a rule may act only where another does not. The last
 *  to act come first, since a script ends where it fails. Returns undefined where it passes never. */
async function suspectsOf(play: Play): Promise<readonly Rule[] | undefined> {
  const suspects = new Map<string, Rule>();
  for (;;) {
    const found = [...suspects.values()].toReversed();
    const { failure, acted } = await play(found);
    if (failure === undefined) return found;
    for (const rule of acted) suspects.set(wordsOf(rule), rule);
    if (suspects.size === found.length) return undefined;
  }
}
