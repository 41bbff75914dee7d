/** A short run of non-interference (test/long/non-interference.ts), that it would find a leak, and that it leaves no field of the
 *  catalogue out. UPDATE_GOLDEN=1 writes the table of docs/proof.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { headerPolicy } from '../../src/session/policy/header-policy.ts';
import { treatValue } from '../../src/minimisation/value.ts';
import { Enforcement } from '../../src/policy/enforcement.ts';
import { toTreatment } from '../../src/policy/policy.ts';
import type { TreatmentDocument } from '../../src/policy/schema.ts';
import { readCatalogue, type Field } from '../reference/catalogue.ts';
import { longRun } from '../long/non-interference.ts';
import { Random } from '../support/random.ts';
import { compile, Deployment, loadGenerated } from './engine.ts';
import { hides, InterferenceBench, pairsFor, subjectsOf, treatmentFor } from './interference.ts';
import { anyTreatment, type WrittenTreatment } from './policies.ts';
import { generateSession, now } from './sessions.ts';
import { hostsOf, spotsFor } from './spots.ts';
import { spell } from './write.ts';

const catalogue = readCatalogue();
// Stanzas of the generator are those of XMPP.
const fields = [...catalogue.fields.values()].filter(({ protocol }) => protocol === 'xmpp');
const subjects = subjectsOf(catalogue);
const audienceOf = (direction: string) => (direction === 'to-gatekeeper' ? 'gatekeeper' : 'client');

it('holds for every field, treatment and path, and in random stanzas', { timeout: 120_000 }, async () => {
  const { figures, failures } = await longRun.run({ count: 2_000, seed: 20_261_129, progress: () => {} });
  expect(failures).toEqual([]);
  expect(Number(figures['pairs at their paths, in containers'])).toBeGreaterThan(8_000);
  expect(Number(figures['of these, forwarded'])).toBeGreaterThan(300);
});

it('would find a field that is not hidden', () => {
  const subject = subjects.find(({ field, kind }) => field.name === 'chat-state' && kind === 'drop')!;
  const bench = new InterferenceBench({ ...subject, treatment: 'keep' });
  bench.run();
  expect(bench.failures.length).toBe(bench.counts.pairs);
  expect(bench.failures[0]).toContain('chat-state to-gatekeeper "keep"');
});

/** A policy with one rule. */
function compiledWith(field: Field, direction: string, treatment: WrittenTreatment) {
  const audiences = { [audienceOf(direction)]: { [field.name]: treatment } };
  const spec = { extends: 'passthrough', unlisted: 'keep' as const, audiences };
  const generated = {
    apiVersion: 'narthex/v1',
    kind: 'MetadataPolicy',
    metadata: { name: 'generated' },
    spec,
  } as const;
  return compile(loadGenerated('generated', { generated }));
}

const hidingKinds = ({ permits }: Field): readonly string[] =>
  permits.filter((kind) => hides[kind] !== undefined);

describe('a request that is answered or refused in the place of its receiver', () => {
  const asked = fields.filter(
    ({ requests, permits }) =>
      requests.length > 0 && permits.some((kind) => kind === 'answer' || kind === 'refuse'),
  );
  it.each(asked.map((field) => [field.name, field] as const))('%s: is not forwarded', (_, field) => {
    for (const direction of field.directions)
      for (const kind of field.permits.filter((each) => each === 'answer' || each === 'refuse')) {
        const compiled = compiledWith(field, direction, anyTreatment(field, kind, new Random(3)));
        const session = generateSession(new Random(1), 'gk', 0);
        const opposite = direction === 'to-gatekeeper' ? 'to-client' : 'to-gatekeeper';
        for (const place of field.requests)
          for (const stanza of hostsOf(place)) {
            const judged = new Deployment({ gk: compiled })
              .open(session)
              .judge(spell(stanza), opposite, session);
            expect(judged.verdict.kind, spell(stanza)).toBe('drop');
          }
      }
  });
});

describe('a value outside of stanzas', () => {
  const outside = fields.filter((field) => field.where !== 'stanza' && hidingKinds(field).length > 0);
  it.each(outside.map((field) => [field.name, field] as const))(
    '%s: two values give the same',
    (_, field) => {
      for (const kind of hidingKinds(field)) {
        const treatment = toTreatment(treatmentFor(field, kind) as TreatmentDocument);
        for (const pair of pairsFor(field, kind, 'to-gatekeeper')) {
          const [one, other] = pair.map((value) => treatValue(value, treatment, () => 'a pseudonym'));
          expect(one).toBe(other);
        }
      }
    },
  );

  it.each(['to-gatekeeper', 'to-client'] as const)('the language of a stream %s', (direction) => {
    const field = catalogue.fields.get('stream.lang')!;
    const seen = [
      new Map([['xml:lang', 'de-AT']]),
      new Map([['xml:lang', 'en']]),
      new Map<string, string>(),
    ].map((attributes) => {
      const enforced = compiledWith(field, direction, { replace: 'fr' });
      const enforcement = new Enforcement({
        policies: () => ({ enforced, shadow: undefined }),
        decided: () => {},
      });
      return [
        ...headerPolicy({ enforcement, clock: () => now })(attributes, direction, { gatekeeper: 'gk' }),
      ];
    });
    expect(seen).toEqual([[['xml:lang', 'fr']], [['xml:lang', 'fr']], [['xml:lang', 'fr']]]);
  });
});

describe('the table of fields', () => {
  const compared = (field: Field): string => {
    const own = subjects.filter((subject) => subject.field === field);
    const parts = [
      ...(own.length > 0 ? [[...new Set(own.map(({ kind }) => kind))].join(', ')] : []),
      ...(field.where !== 'stanza' && hidingKinds(field).length > 0
        ? [`${hidingKinds(field).join(', ')} (of the value)`]
        : []),
      ...(field.requests.length > 0 && field.permits.includes('refuse')
        ? ['its request is not forwarded']
        : []),
    ];
    return parts.length > 0
      ? parts.join('; ')
      : field.permits.length > 1
        ? 'nothing: it is hidden in its time only'
        : 'nothing: it is always kept';
  };
  const rows = fields
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(
      (field) =>
        `| \`${field.name}\` | ${field.directions.join(', ')} | ${field.selects.length || '-'} | ${compared(field)} |`,
    );
  const table = ['| field | direction | paths | compared under |', '| --- | --- | --- | --- |', ...rows];

  it('counts paths at which something is compared', () => {
    for (const { field } of subjects)
      for (const place of field.selects)
        expect(spotsFor(place), `${field.name} ${JSON.stringify(place.steps)}`).not.toEqual([]);
  });

  it('leaves none out: what a policy can hide is compared', () => {
    for (const field of fields) {
      const kinds = hidingKinds(field);
      if (field.where === 'stanza' && field.selects.length > 0)
        expect(subjects.filter((subject) => subject.field === field).length, field.name).toBe(
          kinds.length * field.directions.length,
        );
      else if (kinds.length > 0) expect(compared(field), field.name).not.toMatch(/^nothing/);
    }
  });

  it('is that of docs/proof.md', () => {
    const path = new URL('../../docs/proof.md', import.meta.url).pathname;
    const [open, close] = [
      '<!-- fields: generated by test/proof/interference.test.ts with UPDATE_GOLDEN=1 -->',
      '<!-- end of fields -->',
    ];
    const page = readFileSync(path, 'utf8');
    const [from, to] = [page.indexOf(open) + open.length, page.indexOf(close)];
    if (process.env['UPDATE_GOLDEN'] === '1')
      return writeFileSync(path, `${page.slice(0, from)}\n\n${table.join('\n')}\n\n${page.slice(to)}`);
    const cells = (text: string): string[] =>
      text
        .split('\n')
        .filter((line) => /^\| [^-]/.test(line))
        .map((line) => line.replaceAll(/ *\| */g, '|'));
    expect(cells(page.slice(from, to))).toEqual(cells(table.join('\n')));
  });
});
