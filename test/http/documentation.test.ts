import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { httpRoutes } from '../../src/observability/http-words.ts';
import { openCatalogue } from '../../src/app/files/policies.ts';
import { defaultHttpLimits } from '../../src/http/limits.ts';
import { httpErrors, adminErrors } from '../../src/errors/http.ts';
import { tokenErrors } from '../../src/errors/token.ts';

const page = readFileSync(new URL('../../docs/http.md', import.meta.url), 'utf8');

it('docs/http.md lists every route, and no other', () => {
  const listed = [...page.matchAll(/`(?:GET|POST|DELETE) (\/[^` ]*)`/g)].map(([, path]) => path!);
  const outside = listed.filter((path) => !/^\/(api\/|audit|livez|readyz|startupz|metrics)/.test(path));
  expect(new Set(outside)).toEqual(new Set(httpRoutes.filter((route) => route !== '*')));
});

it('docs/http.md names every field that HTTP carries', () => {
  const carried = [...openCatalogue().fields.values()].filter(({ where }) => where === 'http');
  expect(carried.length).toBeGreaterThan(8);
  expect(carried.filter(({ name }) => !page.includes(`\`${name}\``)).map(({ name }) => name)).toEqual([]);
});

it('docs/http.md names no limit and no code that is not there', () => {
  const limits = [...page.matchAll(/`((?:push|media|document)\w+(?:Max|Ms))`/g)].map(([, name]) => name!);
  expect(limits.length).toBeGreaterThan(5);
  expect(limits.filter((name) => !(name in defaultHttpLimits))).toEqual([]);
  const codes = [...page.matchAll(/ERR_[A-Z_]+/g)].map(([code]) => code);
  const known = { ...httpErrors, ...adminErrors, ...tokenErrors };
  expect(codes.filter((code) => !(code in known))).toEqual([]);
});
