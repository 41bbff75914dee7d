import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { folderWith } from '../../config/folder.ts';
import { root } from '../../cli/narthex.ts';

const around = `apiVersion: narthex/v1
kind: Proxy
listeners: [{ name: clients, port: 5223, tls: direct }]
certificates: [{ certFile: tls.crt, keyFile: tls.key }]
domains: [{ domain: chat.example, gatekeeper: simulator }]
http: { publicUrl: https://proxy.example }
provider:
  issuer: https://id.provider.example
  jwksUri: https://id.provider.example/jwks
  audiences: [https://gatekeeper.example]
  push: { url: https://provider.example/push }
`;

it('`narthex simulate` prints the section that a configuration needs to reach it, and stops', async () => {
  const folder = await folderWith({ 'tls.crt': 'x', 'tls.key': 'x', 'account-secret': 'a'.repeat(32) });
  const args = [
    ['simulate', '--provider', 'https://id.provider.example', '--audience', 'https://gatekeeper.example'],
    ['--base', 'https://127.0.0.1:1', '--chat-port', '0', '--http-port', '0'],
  ].flat();
  const child = spawn(process.execPath, [join(root, 'src/cli/narthex.js'), ...args], { cwd: folder });
  let [printed, errors] = ['', ''];
  child.stderr.on('data', (bytes: Buffer) => (errors += bytes.toString()));
  for await (const bytes of child.stdout as AsyncIterable<Buffer>) {
    printed += bytes.toString();
    if (printed.includes('# The proxy does not answer yet.\n')) break;
  }
  expect(errors).toBe('');
  expect(printed).toMatch(/^# Romeo, who answers: \d+@s\.whatsapp\.net$/m);
  const { config } = await loadConfig({
    folder: await folderWith({
      'narthex.yaml': `${around}${printed}`,
      'tls.crt': 'x',
      'tls.key': 'x',
      'account-secret': 'a'.repeat(32),
      'simulator-ca.pem': 'x',
    }),
    environment: {},
  });
  expect(config.gatekeepers[0]).toMatchObject({ name: 'simulator', protocol: 'chat-channel' });
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});
