/** `narthex audit canaries`: what it does not take, before anything is started. */
import { describe, expect, it } from 'vitest';
import { folderWith } from '../config/folder.ts';
import { inProcess } from './in-process.ts';

/** Runs the command, and returns its exit code and what it says on standard error. */
async function audit(args: readonly string[], folder?: string): Promise<readonly [number | null, string]> {
  const options = folder === undefined ? {} : { folder };
  const { exit, stderr } = await inProcess(['audit', 'canaries', ...args], options);
  return [exit, stderr];
}

const config = JSON.stringify({
  apiVersion: 'narthex/v1',
  kind: 'Proxy',
  listeners: [{ name: 'clients', host: '127.0.0.1', port: 5222, tls: 'direct' }],
  certificates: [{ certFile: 'tls.crt', keyFile: 'tls.key' }],
  domains: [{ domain: 'chat.example', gatekeeper: 'main' }],
  gatekeepers: [{ name: 'main', connect: { address: '127.0.0.1:9', tls: 'direct' } }],
});

const chatConfig = JSON.stringify({
  ...(JSON.parse(config) as object),
  provider: {
    issuer: 'https://provider.example',
    jwksUri: 'https://provider.example/jwks.json',
    audiences: ['https://gatekeeper.example'],
  },
  gatekeepers: [
    {
      name: 'main',
      protocol: 'chat-channel',
      connect: { address: '127.0.0.1:9' },
      chat: {
        rootKey: '00'.repeat(32),
        accountSecretFiles: ['accounts'],
        integrator: 7,
        platform: 14,
        appVersion: [2, 3000, 1],
      },
    },
  ],
});

const files = { 'narthex.yaml': config, 'tls.crt': '', 'tls.key': '', password: 'secret\n' };
const account = ['--account', 'a@chat.example', '--password-file', 'password'];
const contact = ['--contact', 'b@chat.example', '--contact-password-file', 'password'];

describe('narthex audit canaries', () => {
  it.each<[string, readonly string[], number, string]>([
    ['a format that it does not know', ['--format', 'xml'], 64, 'ERR_USAGE'],
    ['an account without a configuration', ['--account', 'a@chat.example'], 64, 'ERR_OPTION'],
    ['a policy that is not there', ['--policy', 'lenient'], 66, 'ERR_POLICY_FILE'],
    ['an expected policy that is not there', ['--expect', 'lenient'], 66, 'ERR_POLICY_FILE'],
  ])('refuses %s', async (_, args, exit, code) => {
    const [found, stderr] = await audit(args);
    expect([found, stderr]).toEqual([exit, expect.stringContaining(code)]);
  });

  it.each<[string, readonly string[], number, string]>([
    ['a policy of its own', ['--policy', 'strict'], 64, '--policy is for an embedded proxy'],
    ['no account', [], 64, '--account is a bare JID'],
    ['an account with a resource', ['--account', 'a@chat.example/x'], 64, '--account is a bare JID'],
    ['no password', ['--account', 'a@chat.example'], 64, '--account needs a file with its password'],
    ['a password that is not there', ['--account', 'a@chat.example', '--password-file', 'none'], 66, 'ERR_FILE'],
    ['no contact', account, 64, '--contact is a bare JID'],
    ['a domain that is not served', ['--account', 'a@b.example', '--password-file', 'password', ...contact], 64, 'no domain b.example'],
    ['an address without a port', [...account, ...contact, '--connect', 'localhost'], 64, '--connect is host:port'],
    ['a process id that is no number', [...account, ...contact, '--pid', 'x'], 64, '--pid is a number'],
    ['a proxy that does not answer', [...account, ...contact, '--connect', '127.0.0.1:9'], 70, 'ERR_SIMULATOR_CONNECT'],
  ])('refuses, with a configuration, %s', async (_, args, exit, text) => {
    const [found, stderr] = await audit(['--config', 'narthex.yaml', ...args], await folderWith(files));
    expect([found, stderr]).toEqual([exit, expect.stringContaining(text)]);
    expect(stderr).not.toContain('secret');
  }); // prettier-ignore

  it('refuses, with a configuration, a domain of the chat channel', async () => {
    const folder = await folderWith({ ...files, 'narthex.yaml': chatConfig, accounts: 'a'.repeat(32) });
    const [found, stderr] = await audit(['--config', 'narthex.yaml', ...account, ...contact], folder);
    expect([found, stderr]).toEqual([64, expect.stringContaining('that domain is on the chat channel')]);
  });
});
