/** Selectors over the tape: names are integers of the vocabulary, so a step costs two comparisons. */
import type { Names } from '../stanza/names.ts';
import type { Stanza } from '../stanza/stanza.ts';
import { attribute, element, needsDecoding } from '../stanza/tape.ts';
import type { Condition, Selector, Step } from './selector.ts';

/** Whether the element at a tape index is meant. */
export type Matcher = (stanza: Stanza, index: number) => boolean;

/** A matcher for elements whose own name the caller has already compared. */
export function compileMatcher(selector: Selector, names: Names): Matcher | undefined {
  const own = selector.steps.at(-1)?.conditions.map((condition) => compileCondition(condition, names)) ?? [];
  const above = selector.steps
    .slice(0, -1)
    .toReversed()
    .map((step) => compileStep(step, names));
  if (own.length === 0 && above.length === 0) return undefined;
  return (stanza, index) => {
    if (!every(own, stanza, index)) return false;
    let at = index;
    for (const step of above) {
      at = stanza.tape[at + element.parent]!;
      if (at === -1 || !step(stanza, at)) return false;
    }
    return true;
  };
}

function compileStep({ namespace, local, conditions }: Step, names: Names): Matcher {
  const namespaceId = names.namespace(namespace);
  const localId = names.local(local);
  const compiled = conditions.map((condition) => compileCondition(condition, names));
  return (stanza, index) =>
    stanza.tape[index + element.namespace] === namespaceId &&
    stanza.tape[index + element.local] === localId &&
    every(compiled, stanza, index);
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
    case 'or': {
      const of = condition.of.map((each) => compileCondition(each, names));
      return (stanza, index) => of.some((each) => each(stanza, index));
    }
    case 'child': {
      const namespace = names.namespace(condition.namespace);
      const local = names.local(condition.local);
      return (stanza, index) => stanza.child(index, namespace, local) !== -1;
    }
    default:
      return compileAttribute(condition, names);
  }
}

function compileAttribute(condition: Extract<Condition, { kind: 'attribute' }>, names: Names): Matcher {
  const local = names.local(condition.name);
  if (condition.test === 'present') return (stanza, index) => stanza.attribute(index, local) !== -1;
  const { test, value } = condition;
  const bytes = Buffer.from(value);
  return (stanza, index) => {
    const at = stanza.attribute(index, local);
    if (at === -1) return false;
    if (stanza.tape[at + attribute.valueEnd]! >= needsDecoding) return holds(stanza.value(at), test, value);
    const start = stanza.start + stanza.tape[at + attribute.valueStart]!;
    const end = stanza.start + stanza.tape[at + attribute.valueEnd]!;
    const length = end - start;
    if (test === 'equals' ? length !== bytes.length : length < bytes.length) return false;
    const from = test === 'ends-with' ? end - bytes.length : start;
    for (let i = 0; i < bytes.length; i += 1) if (stanza.bytes[from + i] !== bytes[i]) return false;
    return true;
  };
}

function holds(actual: string, test: 'equals' | 'starts-with' | 'ends-with', value: string): boolean {
  if (test === 'equals') return actual === value;
  return test === 'starts-with' ? actual.startsWith(value) : actual.endsWith(value);
}
