/** Lists the catalogue for policies/README.md and for `narthex policy fields`. */
import { formsOf, isAutomaticAnswer, type Catalogue, type Field } from './catalogue.ts';
import type { ProtocolName } from './protocols.ts';

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
  /** The protocols whose stanzas have it; none for what is in no stanza. */
  readonly protocols: readonly ProtocolName[];
  /** What differs in further protocols. */
  readonly forms: readonly FormListing[];
}

/** A field as it is in a further protocol. */
type FormListing = Pick<
  FieldListing,
  'source' | 'directions' | 'classes' | 'permits' | 'selectors' | 'breaks'
> & { readonly protocol: ProtocolName };

export function listFields(catalogue: Catalogue): readonly FieldListing[] {
  return [...catalogue.fields.values()]
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((field) => toListing(field, formsOf(catalogue, field.name)));
}

function toListing(field: Field, forms: readonly Field[]): FieldListing {
  const { name, title, source, where, directions, category, reveals, breaks, classes, value, permits } =
    field;
  const protocols = where === 'stanza' ? [...new Set(forms.map(({ protocol }) => protocol))] : [];
  const selectors = selectorsOf(field);
  const automaticAnswer = isAutomaticAnswer(field);
  return {
    name, title, source, where, directions, category, reveals, breaks, classes, value, permits, automaticAnswer, selectors,
    protocols, forms: forms.slice(1).map(toForm),
  }; // prettier-ignore
}

function toForm(form: Field): FormListing {
  const { protocol, source, directions, classes, permits, breaks } = form;
  return { protocol, source, directions, classes, permits, breaks, selectors: selectorsOf(form) };
}

/** Returns the selectors as written. */
function selectorsOf({ selectors, requests }: Field): string[] {
  return [...new Set([...selectors, ...requests].map(({ source }) => source))];
}

/** Writes the fields as a Markdown table, ordered by name. */
export function fieldTable(catalogue: Catalogue): string {
  const rows = listFields(catalogue).map(
    ({ name, title, source, category, reveals, breaks, permits, automaticAnswer, protocols, forms }) =>
      `| \`${name}\` | ${title} (${source}) | ${protocols.join(', ') || '–'} | ${category}${automaticAnswer ? ', automatic answer' : ''} | ${reveals} | ${breaks} | ${permittedIn(permits, forms)} |`,
  );
  return [
    '| field | what | protocols | category | reveals | breaks without it | permits |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

/** Returns the treatments that a field permits, and those of a further protocol where they are others. */
function permittedIn(permits: FieldListing['permits'], forms: readonly FormListing[]): string {
  const usual = permits.join(', ');
  const others = forms
    .filter((form) => form.permits.join(', ') !== usual)
    .map(({ protocol, directions, permits: own }) => {
      const [only] = directions.length === 1 ? directions : [];
      return `${protocol}${only === undefined ? '' : ` ${only}`}: ${own.join(', ')}`;
    });
  return [usual, ...others].join('; ');
}
