/** `narthex config --effective`: what it prints is a configuration, and the same one. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { folderWith, minimal } from '../config/folder.ts';
import { inProcess } from './in-process.ts';
import { narthex, root } from './narthex.ts';

const secret = 'a secret that belongs to no output';
const files = { 'tls.crt': secret, 'tls.key': secret, 'push-token': secret, 'media-key': secret };

const sections = `provider:
  issuer: https://provider.example
  jwksUri: https://provider.example/jwks.json
  audiences: [https://gatekeeper.example]
  push: { url: 'https://push.provider.example', bearerTokenFile: push-token }
  media: { hosts: ['https://media.provider.example'], keyFiles: [media-key] }
http: { publicUrl: 'https://proxy.example' }
`;

describe('narthex config --effective', () => {
  it('fills in every default, and reads back as the same configuration from another folder', async () => {
    const folder = await folderWith({ ...files, 'narthex.yaml': `${minimal}${sections}` });
    const elsewhere = await folderWith({});
    const { exit, stdout, stderr } = await narthex(['config', '--effective'], { folder });
    expect([exit, stderr]).toEqual([0, '']);
    expect(stdout).toContain('stanzaBytesMax: 262144');
    const options = { environment: {}, folder };
    const written = await loadConfig({ ...options, file: 'narthex.yaml' });
    const again = await folderWith({ 'effective.yaml': stdout });
    const effective = await loadConfig({
      environment: {},
      folder: elsewhere,
      file: join(again, 'effective.yaml'),
    });
    expect(effective.config).toEqual(written.config);
    const { stdout: twice } = await narthex([
      'config',
      '--effective',
      '--config',
      join(again, 'effective.yaml'),
    ]);
    expect(twice).toBe(stdout);
  });

  it('shows paths of secrets and nothing of what is in them', async () => {
    const folder = await folderWith({ ...files, 'narthex.yaml': `${minimal}${sections}` });
    const { stdout } = await inProcess(['config', '--effective'], { folder });
    for (const name of Object.keys(files)) expect(stdout).toContain(join(folder, name));
    expect(stdout).not.toContain(secret);
  });

  it('has a value for each key that the example shows', async () => {
    const folder = await folderWith({ ...files, 'narthex.yaml': minimal });
    const { stdout } = await inProcess(['config', '--effective'], { folder });
    const example = await readFile(join(root, 'deploy/examples/narthex.yaml'), 'utf8');
    const shown = [...example.matchAll(/^ {2}([a-zA-Z]+Ms|[a-zA-Z]+Max): (\d+)/gm)];
    expect(shown.length).toBeGreaterThan(30);
    for (const [, key, value] of shown) expect(stdout).toContain(`${key}: ${value}\n`);
  });

  it('adds what the environment says', async () => {
    const folder = await folderWith({ ...files, 'narthex.yaml': minimal });
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };
    const { stdout } = await inProcess(['config', '--effective'], { folder, environment });
    expect(stdout).toContain('otlpEndpoint: http://collector:4318');
  });

  it('explains a wrong configuration as check does, and a call without --effective', async () => {
    const folder = await folderWith({ 'narthex.yaml': minimal.replace('port:', 'prot:') });
    const { exit, stdout, stderr } = await inProcess(['config', '--effective'], { folder });
    expect([exit, stdout]).toEqual([78, '']);
    expect(stderr).toMatch(/^narthex\.yaml:5:5: error ERR_CONFIG_UNKNOWN_KEY/);
    const bare = await inProcess(['config'], { folder });
    expect(bare.exit).toBe(64);
    expect(bare.stderr).toContain("required option '--effective'");
  });
});
