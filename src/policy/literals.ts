/** Values that selectors of the catalogue compare attributes with. */
import { everyForm, type Catalogue } from './catalogue.ts';
import type { Condition, Selector } from './selector.ts';

/** What one attribute is compared with. */
export interface Literals {
  readonly equals: ReadonlySet<string>;
  readonly startsWith: ReadonlySet<string>;
  readonly endsWith: ReadonlySet<string>;
}

/** Returns the values by the local name of the attribute. A value that none of them fits is the same to every rule. */
export function selectorLiterals(catalogue: Catalogue): ReadonlyMap<string, Literals> {
  const found = new Map<string, { [K in keyof Literals]: Set<string> }>();
  const add = (condition: Condition): void => {
    if (condition.kind === 'not') add(condition.of);
    else if (condition.kind === 'or') condition.of.forEach(add);
    else if (condition.kind === 'attribute' && condition.test !== 'present') {
      const { name, test, value } = condition;
      const known = found.get(name) ?? { equals: new Set(), startsWith: new Set(), endsWith: new Set() };
      found.set(name, known);
      known[property[test]].add(value);
    }
  };
  const addSelector = ({ steps }: Selector): void => {
    for (const { conditions } of steps) conditions.forEach(add);
  };
  for (const { selectors, returns, requests } of everyForm(catalogue))
    [...selectors, ...returns, ...requests].forEach(addSelector);
  for (const { selector } of catalogue.structure) addSelector(selector);
  return found;
}

const property = { equals: 'equals', 'starts-with': 'startsWith', 'ends-with': 'endsWith' } as const;
