/** One file for each field, protocol and direction: given, rule, what is seen of it. UPDATE_GOLDEN=1 writes the files anew; what
 *  changed is for a person to judge. That nothing marked survives is judged here. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { treatValue } from '../../src/minimisation/value.ts';
import type { Treatment, TreatmentName } from '../../src/minimisation/treatment.ts';
import { separator, sections } from '../../src/policy/cases.ts';
import { everyForm, meetsHttp, type Field } from '../../src/policy/catalogue.ts';
import { explain } from '../../src/policy/explain.ts';
import { treatmentOf } from '../../src/policy/policy.ts';
import { audienceOf, opposite, type Audience, type Direction } from '../../src/stanza/direction.ts';
import { catalogue, context, policyOf, policyText, pseudonyms, root, tools } from './fixtures.ts';

const folder = `${root}/test/golden`;
const cases = everyForm(catalogue).flatMap((field) =>
  field.directions.map((direction) => ({ field, direction, file: fileOf(field, direction) })),
);

/** Stanzas of XMPP have the field's name alone. */
function fileOf({ name, protocol }: Field, direction: Direction): string {
  return `${protocol === 'xmpp' ? '' : `${protocol}.`}${name}.${direction}.xml`;
}

/** The harshest treatment that leaves something to see, then the harshest. */
const preference: readonly TreatmentName[] = [
  'answer', 'replace', 'coarsen', 'pseudonymise', 'lower', 'drop', 'refuse', 'pad', 'equalise', 'delay', 'keep',
]; // prettier-ignore
const harshest: readonly TreatmentName[] = ['drop', 'refuse', ...preference];

function scopeOf(field: Field): 'gatekeeper' | 'account' {
  return meetsHttp(field) ? 'gatekeeper' : 'account';
}

function ruleFor(field: Field, direction: Direction): string {
  const { permits, value, answer } = field;
  const order = direction === 'to-gatekeeper' ? preference : harshest;
  const kind = order.find((each) => permits.includes(each))!;
  if (kind === 'answer')
    return `{ answer: { ${answer!.required.map((name) => `${name}: same`).join(', ')} } }`;
  const grains: Partial<Record<Field['value'], string>> = {
    bytes: '64KiB', address: '{ ipv4: 24, ipv6: 48 }', language: 'primary', version: 'major',
  }; // prettier-ignore
  if (kind === 'coarsen') return `{ coarsen: ${grains[value] ?? '1h'} }`;
  if (kind === 'pseudonymise') return `{ pseudonymise: { scope: ${scopeOf(field)} } }`;
  if (kind === 'replace') return '{ replace: same }';
  if (kind === 'pad') return '{ pad: [256B] }';
  if (kind === 'equalise') return '{ equalise: { after: 3s } }';
  return kind === 'delay' ? '{ delay: { up-to: 5s } }' : kind;
}

/** What HTTP carries to the client's side ends at the provider. */
function audienceFor({ where }: Field, direction: Direction): Audience {
  return where === 'http' && direction === 'to-client' ? 'provider' : audienceOf(direction);
}

function render({ field, direction }: (typeof cases)[number], rule: string): string {
  const audience = audienceFor(field, direction);
  const policy = policyOf(policyText(`{ ${audience}: { ${field.name}: ${rule} } }`));
  const { treatment } = treatmentOf(policy, audience, field.name);
  const seen =
    field.where === 'stanza' ? stanzaSeen(field, direction, policy) : [valueSeen(field, treatment)];
  return `${[field.example, `${field.name}: ${rule}`, ...seen].join(`\n${separator}\n`)}\n`;
}

function valueSeen(field: Field, treatment: Treatment): string {
  const binding = {
    field: field.name,
    scope: scopeOf(field),
    scopeValue: context[scopeOf(field)],
    period: 0,
  };
  return (
    treatValue(field.example, treatment, (value) => pseudonyms.of(binding).pseudonymise(value)) ?? 'nothing'
  );
}

function stanzaSeen(field: Field, direction: Direction, policy: ReturnType<typeof policyOf>): string[] {
  const travels = field.selectors.length === 0 ? opposite(direction) : direction;
  const { after, reply, padding, delayUpToMs, normalise, ...times } = explain(
    policy,
    travels,
    field.example,
    {
      ...tools,
      account: context.account,
    },
  );
  const notes = [
    ...(times.answerAfterMs > 0 ? [`answer: ${times.answerAfterMs} ms after delivery`] : []),
    ...(times.equalisedAfterMs > 0 ? [`leaves: ${times.equalisedAfterMs} ms after what it answers`] : []),
    ...(padding > 0 ? [`padding: ${padding} bytes`] : []),
    ...(delayUpToMs > 0 ? [`delay: up to ${delayUpToMs} ms`] : []),
    ...(normalise ? ['normal form'] : []),
    ...(reply === '' ? [] : [`reply: ${reply}`]),
  ];
  return [after === '' ? 'nothing' : after, ...(notes.length === 0 ? [] : [notes.join('\n')])];
}

describe('every field as each audience sees it', () => {
  it.each(cases)('$file', (each) => {
    const path = `${folder}/${each.file}`;
    if (process.env['UPDATE_GOLDEN'] === '1')
      writeFileSync(path, render(each, ruleFor(each.field, each.direction)));
    expect(readFileSync(path, 'utf8')).toBe(render(each, ruleFor(each.field, each.direction)));
  });

  it.each(cases.filter(({ field }) => field.example.includes('marker')))(
    '$file hides what it should',
    (each) => {
      const [, , ...seen] = sections(readFileSync(`${folder}/${each.file}`, 'utf8'));
      const hides = !/^(keep|\{ (pad|delay|equalise))/.test(ruleFor(each.field, each.direction));
      expect(seen.join('\n').includes('marker')).toBe(!hides);
    },
  );

  it('has no file for a field that is not there', () => {
    expect(readdirSync(folder).toSorted()).toEqual(cases.map(({ file }) => file).toSorted());
  });
});
