/** Lists the catalogue for policies/README.md and for `narthex policy fields`. */
import { isAutomaticAnswer, type Catalogue, type Field } from './catalogue.ts';

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
  /** Whether a client gives it automatically, so that its time reveals distance and activity of the device. */
  readonly automaticAnswer: boolean;
  readonly selectors: readonly string[];
}

export function listFields({ fields }: Catalogue): readonly FieldListing[] {
  return [...fields.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(toListing);
}

function toListing(field: Field): FieldListing {
  const { name, title, source, where, directions, category, reveals, breaks, classes, value, permits } =
    field;
  const selectors = [...new Set([...field.selectors, ...field.requests].map((selector) => selector.source))];
  const automaticAnswer = isAutomaticAnswer(field);
  return {
    name, title, source, where, directions, category, reveals, breaks, classes, value, permits, automaticAnswer, selectors,
  }; // prettier-ignore
}

/** Writes the fields as a Markdown table, ordered by name. */
export function fieldTable(catalogue: Catalogue): string {
  const rows = listFields(catalogue).map(
    ({ name, title, source, category, reveals, breaks, permits, automaticAnswer }) =>
      `| \`${name}\` | ${title} (${source}) | ${category}${automaticAnswer ? ', automatic answer' : ''} | ${reveals} | ${breaks} | ${permits.join(', ')} |`,
  );
  return [
    '| field | what | category | reveals | breaks without it | permits |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}
