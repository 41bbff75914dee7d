/** Compares a stanza that a script expects with the one received. */
import { elements, text, type Element } from '../../src/simulator/xml/element.ts';
import { strictnessOf, ownAttributes } from './stanzas.ts';

/** Either what `{scansion:capture:NAME}` took, or the first difference, in words. */
export type Comparison =
  | { readonly matches: true; readonly captures: ReadonlyMap<string, string> }
  | { readonly matches: false; readonly difference: string };

/** What the expected element lists has to be there: attributes, text, children. Where it is strict, nothing else may be,
 *  and the children come in this order. `{scansion:any}` fits each value. */
export function match(expected: Element, received: Element): Comparison {
  const captures = new Map<string, string>();
  const difference = differenceOf(expected, received, captures);
  return difference === undefined ? { matches: true, captures } : { matches: false, difference };
}

type Captures = Map<string, string>;

function differenceOf(expected: Element, received: Element, captures: Captures): string | undefined {
  const [wanted, got] = [nameOf(expected), nameOf(received)];
  if (wanted !== got) return `${got} in place of ${wanted}`;
  const difference =
    attributesDifference(expected, received, captures) ??
    textDifference(expected, received, captures) ??
    (strictnessOf(expected) !== 'none' ? orderedDifference : anyOrderDifference)(
      expected,
      received,
      captures,
    );
  return difference === undefined ? undefined : `${expected.local}: ${difference}`;
}

function attributesDifference(expected: Element, received: Element, captures: Captures): string | undefined {
  const there = new Map(
    ownAttributes(received).map(({ namespace, local, value }) => [`${namespace} ${local}`, value]),
  );
  for (const { name, namespace, local, value } of ownAttributes(expected)) {
    const key = `${namespace} ${local}`;
    const found = there.get(key);
    there.delete(key);
    if (found === undefined) return `no attribute ${name}`;
    if (!fits(value, found, captures)) return `${name} is '${found}', not '${value}'`;
  }
  const [more] = there.keys();
  return strictnessOf(expected) !== 'none' && more !== undefined
    ? `an attribute ${more.trim()} too many`
    : undefined;
}

function textDifference(expected: Element, received: Element, captures: Captures): string | undefined {
  const [wanted, got] = [textOf(expected), textOf(received)];
  if (wanted === '' && strictnessOf(expected) !== 'said') return undefined;
  return fits(wanted, got, captures) ? undefined : `the text is '${got}', not '${wanted}'`;
}

/** White space between tags is not text. */
function textOf(element: Element): string {
  const found = text(element);
  return found.trim() === '' ? '' : found;
}

function orderedDifference(expected: Element, received: Element, captures: Captures): string | undefined {
  const [wanted, got] = [elements(expected), elements(received)];
  for (const [index, child] of wanted.entries()) {
    const other = got[index];
    if (other === undefined) return `no ${nameOf(child)}`;
    const difference = differenceOf(child, other, captures);
    if (difference !== undefined) return difference;
  }
  const more = got[wanted.length];
  return more === undefined ? undefined : `${nameOf(more)} too many`;
}

function anyOrderDifference(expected: Element, received: Element, captures: Captures): string | undefined {
  const left = elements(received);
  for (const child of elements(expected)) {
    let closest: string | undefined;
    const index = left.findIndex((other) => {
      const taken: Captures = new Map();
      const difference = differenceOf(child, other, taken);
      if (nameOf(other) === nameOf(child)) closest ??= difference;
      if (difference === undefined) for (const [name, value] of taken) captures.set(name, value);
      return difference === undefined;
    });
    if (index === -1) return closest ?? `no ${nameOf(child)}`;
    left.splice(index, 1);
  }
  return undefined;
}

function fits(wanted: string, got: string, captures: Captures): boolean {
  if (wanted === '{scansion:any}') return true;
  const name = /^\{scansion:capture:([^}]+)\}$/.exec(wanted)?.[1];
  if (name === undefined) return wanted === got;
  captures.set(name, got);
  return true;
}

function nameOf({ local, namespace }: Element): string {
  return `<${local} xmlns='${namespace}'>`;
}
