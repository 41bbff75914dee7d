/** Matches selectors on the tape. Names are ids of the vocabulary, so a step costs two comparisons. */
import { equalAt } from '../stanza/equal-at.ts';
import type { Names } from '../stanza/names.ts';
import type { Stanza } from '../stanza/stanza.ts';
import type { Condition, Selector, Step } from './selector.ts';

/** Returns whether the element at a tape index is selected. */
export type Matcher = (stanza: Stanza, index: number) => boolean;

/** The stanza for which matchers compiled together keep results. The caller sets it before it asks about another
 *  stanza. */
export interface MemoGeneration {
  stanza: number;
}

/** Compiles a matcher for elements whose own name the caller has compared.
 *  @returns undefined when the name alone decides */
export function compileMatcher(
  selector: Selector,
  names: Names,
  generation: MemoGeneration,
): Matcher | undefined {
  const own = selector.steps.at(-1)?.conditions.map((condition) => compileCondition(condition, names)) ?? [];
  const above = selector.steps
    .slice(0, -1)
    .toReversed()
    .map((step) => compileStep(step, names, generation));
  // Nearly all selectors have one condition or none.
  if (above.length === 0 && own.length < 2) return own[0];
  return (stanza, index) => {
    if (!every(own, stanza, index)) return false;
    let at = index;
    for (const step of above) {
      at = stanza.parentOf(at);
      if (at === -1 || !step(stanza, at)) return false;
    }
    return true;
  };
}

/** Compiles the test of an ancestor. It runs again for each child of that ancestor. */
function compileStep(
  { namespace, local, conditions }: Step,
  names: Names,
  generation: MemoGeneration,
): Matcher {
  const namespaceId = names.namespace(namespace);
  const localId = names.local(local);
  const compiled = conditions.map((condition) => {
    const matcher = compileCondition(condition, names);
    return looksAtChildren(condition) ? remembering(matcher, generation) : matcher;
  });
  return (stanza, index) =>
    stanza.namespaceOf(index) === namespaceId &&
    stanza.localOf(index) === localId &&
    every(compiled, stanza, index);
}

function looksAtChildren(condition: Condition): boolean {
  if (condition.kind === 'not') return looksAtChildren(condition.of);
  if (condition.kind === 'or') return condition.of.some(looksAtChildren);
  return condition.kind === 'child';
}

/** Keeps the result of a matcher per depth: an ancestor with n children would otherwise be searched n times. Only
 *  one element per depth is open. */
function remembering(matcher: Matcher, generation: MemoGeneration): Matcher {
  const memos: { stanza: number; index: number; holds: boolean }[] = [];
  return (stanza, index) => {
    const memo = (memos[stanza.depthOf(index)] ??= { stanza: -1, index: -1, holds: false });
    if (memo.stanza !== generation.stanza || memo.index !== index) {
      memo.stanza = generation.stanza;
      memo.index = index;
      memo.holds = matcher(stanza, index);
    }
    return memo.holds;
  };
}

function every(conditions: readonly Matcher[], stanza: Stanza, index: number): boolean {
  for (const condition of conditions) if (!condition(stanza, index)) return false;
  return true;
}

function compileCondition(condition: Condition, names: Names): Matcher {
  switch (condition.kind) {
    case 'not': {
      const of = compileCondition(condition.of, names);
      return (stanza, index) => !of(stanza, index);
    }
    case 'or':
      return compileAlternatives(condition.of, names);
    case 'child': {
      const namespace = names.namespace(condition.namespace);
      const local = names.local(condition.local);
      return (stanza, index) => stanza.child(index, namespace, local) !== -1;
    }
    default: {
      if (condition.test !== 'present') return compileValue([condition], attributeIds(condition, names));
      const { local, namespace } = attributeIds(condition, names);
      return (stanza, index) => stanza.attribute(index, local, namespace) !== -1;
    }
  }
}

function compileAlternatives(conditions: readonly Condition[], names: Names): Matcher {
  // As in `@type='get' or @type='set'`: the attribute is looked up once.
  const values = conditions.filter((each) => each.kind === 'attribute' && each.test !== 'present');
  const [first] = values;
  const isOne = values.every(({ name, namespace }) => name === first!.name && namespace === first!.namespace);
  if (values.length === conditions.length && first !== undefined && isOne)
    return compileValue(values, attributeIds(first, names));
  const matchers = conditions.map((each) => compileCondition(each, names));
  return (stanza, index) => {
    for (const matcher of matchers) if (matcher(stanza, index)) return true;
    return false;
  };
}

type ValueCondition = Extract<Condition, { value: string }>;

/** Ids of an attribute's name; namespace 0 for one without a prefix. */
interface AttributeIds {
  readonly local: number;
  readonly namespace: number;
}

function attributeIds({ name, namespace }: { name: string; namespace: string }, names: Names): AttributeIds {
  return { local: names.local(name), namespace: namespace === '' ? 0 : names.namespace(namespace) };
}

/** Compiles a test of one attribute's value.
 *  @param alternatives conditions on that attribute, of which one must hold */
function compileValue(alternatives: readonly ValueCondition[], { local, namespace }: AttributeIds): Matcher {
  const values = alternatives.map((each) => ({ ...each, bytes: Buffer.from(each.value) }));
  return (stanza, index) => {
    const at = stanza.attribute(index, local, namespace);
    if (at === -1) return false;
    const from = stanza.start + stanza.valueStart(at);
    const to = stanza.start + stanza.valueEnd(at);
    const isPlain = stanza.isPlainValue(at);
    for (const value of values) {
      if (isPlain) {
        if (holdsAt(stanza.bytes, from, to, value)) return true;
      } else if (holds(stanza.value(at), value)) return true;
    }
    return false;
  };
}

function holdsAt(
  wire: Uint8Array,
  from: number,
  to: number,
  { test, bytes }: Pick<ValueCondition, 'test'> & { readonly bytes: Uint8Array },
): boolean {
  const { length } = bytes;
  if (test === 'equals' ? to - from !== length : to - from < length) return false;
  return equalAt(wire, test === 'ends-with' ? to - length : from, bytes);
}

function holds(actual: string, { test, value }: ValueCondition): boolean {
  if (test === 'equals') return actual === value;
  return test === 'starts-with' ? actual.startsWith(value) : actual.endsWith(value);
}
