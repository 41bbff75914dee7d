import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openKeySet } from '../../src/app/files/key-set.ts';
import { keySetProblems } from '../../src/app/tools/key-set-problems.ts';
import { loadConfig } from '../../src/config/load.ts';
import { folderWith, minimal } from '../config/folder.ts';
import { jwks, makeKey } from '../http/support/issuer.ts';
import { eventually } from '../support/wait.ts';

const [first, second] = [makeKey('a', 'RS256'), makeKey('b', 'RS256')];
const limits = { jsonDepthMax: 16, keysMax: 4 };
const text = (...keys: (typeof first)[]): string => JSON.stringify(jwks(...keys));
const refused: [what: string, content: string][] = [
  ['nothing', ''],
  ['no JSON', '{'],
  ['no set', '{"keys":{}}'],
  ['no key', '{"keys":[]}'],
  ['a key without an id', JSON.stringify({ keys: [{ ...first.jwk, kid: undefined }] })],
  ['a secret', '{"keys":[{"kty":"oct","k":"AAAA","kid":"a"}]}'],
  ['one id twice', text(first, first)],
  ['more keys than the limit', text(...['1', '2', '3', '4', '5'].map((kid) => makeKey(kid, 'ES256')))],
];

describe('a key set in a file', () => {
  it('is read again when it changes, and kept when the change is unusable', async () => {
    const folder = await folderWith({ 'keys.json': text(first) });
    const path = join(folder, 'keys.json');
    const reports: string[] = [];
    const keys = await openKeySet('push keys', path, { files: ({ kind }) => reports.push(kind), limits });
    const replace = async (content: string): Promise<void> => {
      await writeFile(`${path}.new`, content);
      await rename(`${path}.new`, path);
      await keys.refresh();
    };
    expect((await keys.current.find('a'))?.fits('RS256')).toBe(true);
    await replace(text(second));
    await eventually(() => reports.includes('reloaded'));
    expect([await keys.current.find('a'), (await keys.current.find('b'))?.jwk['kid']]).toEqual([
      undefined,
      'b',
    ]);
    await replace('{}');
    await eventually(() => reports.includes('rejected'));
    expect((await keys.current.find('b'))?.jwk['kid']).toBe('b');
    keys.close();
  });

  it.each(refused)('with %s is refused at the start and by check', async (_, content) => {
    const folder = await folderWith({
      'keys.json': content,
      'tls.crt': 'x',
      'tls.key': 'x',
      'narthex.yaml': `${minimal}    push: { issuer: gk, jwksFile: keys.json }
http: { publicUrl: https://proxy.example }
provider:
  issuer: https://id.example
  jwksUri: https://id.example/jwks
  audiences: [a]
  push: { url: https://push.example/ }
http: { publicUrl: https://proxy.example, limits: { keysMax: 4 } }
`.replace('http: { publicUrl: https://proxy.example }\n', ''),
    });
    const opened = openKeySet('push keys', join(folder, 'keys.json'), { files: () => {}, limits });
    await expect(opened).rejects.toMatchObject({ code: 'ERR_KEY_SET_INVALID' });
    const loaded = await loadConfig({ folder, environment: {} });
    expect(keySetProblems(loaded)).toEqual([
      expect.objectContaining({ code: 'ERR_CONFIG_FILE', path: 'gatekeepers[0].push.jwksFile' }),
    ]);
  });
});
