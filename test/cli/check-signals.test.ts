import { generateKeyPairSync } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { issue } from '../config/certificate.ts';
import { folderWith, minimal } from '../config/folder.ts';
import { inProcess } from './in-process.ts';

const pem = (type: 'ed25519' | 'x25519'): string =>
  (type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('x25519')).privateKey.export({
    format: 'pem',
    type: 'pkcs8',
  }) as string;

const server = issue(['chat.example']);
const pair = { 'tls.crt': server.cert, 'tls.key': server.key };
const key = pem('ed25519');
const section = 'signals:\n  issuer: proxy.example\n  keysFolder: keys\n';

describe('narthex check reads the signing keys', () => {
  it.each<[string, Readonly<Record<string, string>>, number, string]>([
    ['that will do', { 'spring.pem': key }, 0, ''],
    ['none at all', {}, 78, 'has no .pem file'],
    ['with an empty name', { 'my key.pem': key }, 78, 'whose name is no key id'],
    ['of another kind', { 'spring.pem': pem('x25519') }, 78, 'no unencrypted Ed25519 private key'],
    ['twice the same start', { 'a.pem': key, 'b.pem': pem('ed25519') }, 78, 'two keys of one id'],
    ['that begin later', { 'autumn@20991001T000000Z.pem': key }, 0, 'has no key whose start has come'],
  ])('%s', async (_, files, exit, message) => {
    const folder = await folderWith({ ...pair, 'narthex.yaml': minimal + section });
    await mkdir(join(folder, 'keys'));
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, 'keys', name), text);
    const ended = await inProcess(['check'], { folder });
    expect(ended.exit).toBe(exit);
    expect(ended.stderr).toContain(message);
    if (message !== '') expect(ended.stderr).toMatch(/narthex\.yaml:\d+:\d+/);
  });

  it('of a folder that is not there', async () => {
    const folder = await folderWith({ ...pair, 'narthex.yaml': minimal + section });
    expect(await inProcess(['check'], { folder })).toMatchObject({
      exit: 78,
      stderr: expect.stringContaining('cannot be read (ENOENT)'),
    });
  });
});
