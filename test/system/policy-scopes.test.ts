/** Several policies at once in the log, `/readyz`, `/api/reload`, `/api/policy` and metrics. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveProcess, type ServeProcess } from '../support/serve-process.ts';

const house = (name: string, spec = 'extends: strict'): string =>
  `apiVersion: narthex/v1\nkind: MetadataPolicy\nmetadata: { name: ${name} }\nspec:\n  ${spec}\n`;
const shadowed = house('quiet', 'extends: strict\n  mode: shadow');

let serve: ServeProcess;
const file = (name: string): string => join(serve.folder, name);

async function get(path: string): Promise<Record<string, unknown>> {
  return (await (await fetch(`http://127.0.0.1:${serve.adminPort}${path}`)).json()) as Record<
    string,
    unknown
  >;
}

async function post(path: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(`http://127.0.0.1:${serve.adminPort}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

async function metrics(): Promise<string> {
  return (await fetch(`http://127.0.0.1:${serve.adminPort}/metrics`)).text();
}

beforeAll(async () => {
  serve = await serveProcess({
    config: {
      policy: { file: 'balanced' },
      domains: [
        { domain: 'chat.example', gatekeeper: 'test' },
        { domain: 'other.example', gatekeeper: 'other' },
      ],
      gatekeepers: [
        { name: 'test', connect: { address: '127.0.0.1:9', tls: 'direct' } },
        {
          name: 'other',
          connect: { address: '127.0.0.1:9', tls: 'direct' },
          policy: { file: 'other.yaml', shadow: 'balanced' },
        },
      ],
    },
    files: { 'other.yaml': house('house') },
  });
});
afterAll(async () => {
  expect(await serve.stop()).toBe(0);
});

describe('a gatekeeper with a policy of its own', () => {
  it('is named by the log, /readyz and /api/policy', async () => {
    const loaded = serve.log.filter(({ event }) => event === 'policy.loaded');
    expect(loaded.map(({ policy, gatekeeper }) => [policy, gatekeeper])).toEqual([
      ['balanced', undefined],
      ['house', 'other'],
    ]);
    expect(await get('/readyz')).toMatchObject({
      policy: { name: 'balanced', mode: 'enforce' },
      gatekeeperPolicies: { other: { name: 'house', mode: 'enforce' } },
    });
    expect(await get('/api/policy')).toMatchObject({
      enforced: { name: 'balanced' },
      shadow: null,
      gatekeepers: { other: { state: 'loaded', enforced: { name: 'house' }, shadow: { name: 'balanced' } } },
    });
  });

  it('has its policy explained, and other gatekeepers that of the top level', async () => {
    const question = { from: 'client', stanza: "<message xmlns='jabber:client' to='a@b.example'/>" };
    expect(await post('/api/policy/explain', { ...question, gatekeeper: 'other' })).toMatchObject({
      policy: 'house',
    });
    expect(await post('/api/policy/explain', { ...question, gatekeeper: 'test' })).toMatchObject({
      policy: 'balanced',
    });
  });

  it('whose file is broken keeps what was in force: place, code and remedy in three places', async () => {
    await writeFile(file('other.yaml'), house('house', 'extends: strct'));
    const problem = { code: 'ERR_POLICY_EXTENDS', file: file('other.yaml'), line: 5 };
    const { policy: answered } = (await post('/api/reload', {})) as {
      policy: { state: string; problems: object[] };
    };
    expect(answered).toMatchObject({ state: 'rejected', problems: [problem] });
    expect((await get('/readyz'))['files']).toMatchObject({ policy: answered });
    expect(serve.log.findLast(({ event }) => event === 'reload.rejected')).toMatchObject({
      part: 'policy',
      ...problem,
    });
    expect(await get('/api/policy')).toMatchObject({
      state: 'loaded',
      gatekeepers: { other: { state: 'rejected', enforced: { name: 'house' } } },
    });
    await writeFile(file('other.yaml'), house('house'));
    expect(await post('/api/reload', {})).toMatchObject({ policy: { state: 'loaded', problems: [] } });
  });

  it('in shadow mode is shouted by the log, /readyz and a metric, for that gatekeeper only', async () => {
    await writeFile(file('other.yaml'), shadowed);
    await post('/api/reload', {});
    expect(serve.log.findLast(({ event }) => event === 'policy.not-enforced')).toMatchObject({
      level: 'warn',
      policy: 'quiet',
      gatekeeper: 'other',
    });
    expect(await get('/readyz')).toMatchObject({
      policy: { mode: 'enforce' },
      gatekeeperPolicies: { other: { name: 'quiet', mode: 'shadow' } },
    });
    const text = await metrics();
    expect(text).toContain('narthex_policy_enforced{gatekeeper="test"} 1\n');
    expect(text).toContain('narthex_policy_enforced{gatekeeper="other"} 0\n');
  });
});
