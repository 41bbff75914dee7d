import { readdirSync, readFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { openApiDocument } from '../../src/http/openapi.ts';
import { httpCodes } from '../../src/observability/http-words.ts';
import { defaultHttpLimits } from '../../src/http/limits.ts';
import { createPublicApp, type PublicParts } from '../../src/http/public.ts';

const document = openApiDocument() as {
  paths: Record<
    string,
    Record<string, { responses: Record<string, unknown>; parameters?: { name: string; in: string }[] }>
  >;
};
const answer = (): Response => new Response();
const late = async (): Promise<Response> => new Response();
const parts: Required<PublicParts> = {
  issuer: { configuration: late, keys: late },
  hostMeta: { xml: answer, json: answer },
  enlistments: { enlist: late, withdraw: late },
  push: late,
  publishedPush: late,
  media: { handle: late, handleReference: late, close: () => {} },
  references: { issue: late, path: '/media/references' },
  webSocket: true,
  report: () => {},
  now: () => 0,
  overloaded: () => false,
  limits: defaultHttpLimits,
};

/** Routes of the app as OpenAPI writes them, once where a slash at the end means the same. GET answers HEAD, which is
 *  listed where it matters. */
function routesOfApp(): string[] {
  const { routes } = createPublicApp(parts);
  return routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}').replace(/(.)\/$/, '$1')}`);
}

describe('the OpenAPI document', () => {
  it('is what deploy/openapi.yaml says (written by vitest -u)', async () => {
    const header = '# Written from src/http/openapi.ts; `npx vitest run -u openapi` writes it anew.\n';
    const text = header + stringify(document, { aliasDuplicateObjects: false });
    const path = new URL('../../deploy/openapi.yaml', import.meta.url).pathname;
    const written = await format(text, { ...(await resolveConfig(path)), filepath: path });
    await expect(written).toMatchFileSnapshot('../../deploy/openapi.yaml');
  });

  it('lists the routes that exist and no other', () => {
    const listed = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(new Set(listed.filter((route) => !route.startsWith('HEAD ')))).toEqual(new Set(routesOfApp()));
  });

  it('declares each parameter of a path', () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      const wanted = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const { parameters = [] } of Object.values(methods)) {
        expect(parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)).toEqual(
          wanted,
        );
      }
    }
  });

  it('lists for every code the routes that answer with it', () => {
    const text = JSON.stringify(document.paths);
    const absent = httpCodes.filter((code) => !text.includes(`"${code}"`));
    expect(absent).toEqual(['ERR_HTTP_NOT_FOUND', 'ERR_HTTP_METHOD']);
  });

  it('lists no code that is never thrown', () => {
    const folder = new URL('../../src/http/', import.meta.url);
    const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !['problem.ts', 'openapi.ts', 'limits.ts'].includes(file))
      .map((file) => readFileSync(new URL(file, folder), 'utf8'))
      .join('\n');
    expect(httpCodes.filter((code) => !sources.includes(`'${code}'`))).toEqual([]);
  });
});
