import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { rows } from '../../src/conformance/checklist.ts';
import { configSchema } from '../../src/config/schema.ts';
import { httpErrors } from '../../src/errors/http.ts';

const page = readFileSync(new URL('../../docs/published-framework.md', import.meta.url), 'utf8');

it('docs/published-framework.md lists every row of the checklist, in order, and no other', () => {
  const listed = [...page.matchAll(/^\| `([a-z-]+)` +\| (\d) +\|/gm)].map(([, id, at]) => `${id} ${at}`);
  expect(listed).toEqual(rows.map(({ id, milestone }) => `${id} ${milestone}`));
});

it('docs/published-framework.md names settings and codes that are there', () => {
  const schema = JSON.stringify(configSchema.toJSONSchema({ io: 'input' }));
  const settings = [...page.matchAll(/`(?:enlistment|push|chat|provider|http)\.([A-Za-z.]+)`/g)].flatMap(
    ([, path]) => path!.split('.'),
  );
  expect(settings.length).toBeGreaterThan(10);
  expect(settings.filter((key) => !schema.includes(`"${key}"`))).toEqual([]);
  const codes = [...page.matchAll(/ERR_[A-Z_]+/g)].map(([code]) => code);
  expect(codes.filter((code) => !(code in httpErrors))).toEqual([]);
});
