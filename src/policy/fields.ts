/** Lists the catalogue for policies/README.md and for `narthex policy fields`. */
import type { Catalogue, Field } from './catalogue.ts';

/** One field, as `narthex policy fields --format json` prints it. */
export interface FieldListing {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly where: string;
  readonly directions: readonly string[];
  readonly category: string;
  readonly reveals: string;
  readonly breaks: string;
  readonly classes: readonly string[];
  readonly value: string;
  readonly permits: readonly string[];
  readonly selectors: readonly string[];
}

export function listFields({ fields }: Catalogue): readonly FieldListing[] {
  return [...fields.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(toListing);
}

function toListing(field: Field): FieldListing {
  const { name, title, source, where, directions, category, reveals, breaks, classes, value, permits } =
    field;
  const selectors = [...new Set(field.selectors.map((selector) => selector.source))];
  return {
    name, title, source, where, directions, category, reveals, breaks, classes, value, permits, selectors,
  }; // prettier-ignore
}

/** Writes the fields as a Markdown table, ordered by name. */
export function fieldTable(catalogue: Catalogue): string {
  const rows = listFields(catalogue).map(
    ({ name, title, source, category, reveals, breaks, permits }) =>
      `| \`${name}\` | ${title} (${source}) | ${category} | ${reveals} | ${breaks} | ${permits.join(', ')} |`,
  );
  return [
    '| field | what | category | reveals | breaks without it | permits |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}
