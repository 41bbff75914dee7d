/** `-` is standard input wherever a command takes a file of the operator. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { issue } from '../config/certificate.ts';
import { folderWith, minimal } from '../config/folder.ts';
import { inProcess } from './in-process.ts';
import { narthex, root } from './narthex.ts';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const house = read('docs/policies/house.yaml');
const typing = read('docs/policies/typing.xml');
const info =
  "<query xmlns='http://jabber.org/protocol/disco#info'><identity category='client' type='pc'/><feature var='urn:xmpp:ping'/></query>";
const { cert, key } = issue(['chat.example']);

describe('a command that takes a file', () => {
  const policies: readonly (readonly [args: string[], input: string])[] = [
    [['policy', 'check', '-'], house],
    [['policy', 'explain', '-'], house],
    [['policy', 'explain', '-', '--stanza', 'docs/policies/typing.xml'], house],
    [['policy', 'explain', 'balanced', '--stanza', '-'], typing],
    [['policy', 'diff', 'balanced', '-'], house],
    [['policy', 'diff', '-', 'balanced'], house],
    [['policy', 'test', '-'], house],
    [
      ['policy', 'check', 'balanced', '--obligations', '-'],
      read('policies/obligations/whatsapp-reference-offer.yaml'),
    ],
    [['capabilities', 'preview', '--profile', '-'], read('policies/capabilities/desktop.yaml')],
    [['capabilities', 'preview', '--profile', 'desktop', '--client', '-'], info],
    [['capabilities', 'diff', 'desktop', '-'], read('policies/capabilities/phone.yaml')],
    [['capabilities', 'diff', '-', 'desktop'], info],
    [['capabilities', 'hash', '-'], info],
  ];

  it.each(policies)('%j says the same of standard input as of the file', async (args, input) => {
    const name = input === info ? 'input.xml' : 'input.yaml';
    const named = await folderWith({ [name]: input });
    const byFile = await inProcess(args.map((each) => (each === '-' ? join(named, name) : each)));
    const byInput = await narthex(args, { input });
    const unnamed = (text: string): string => text.replaceAll(join(named, name), '<stdin>');
    expect([byInput.exit, byInput.stdout]).toEqual([byFile.exit, unnamed(byFile.stdout)]);
    expect(byInput.stdout).not.toBe('');
  });

  it('explains what is wrong with it by line and column', async () => {
    const { exit, stdout } = await narthex(['policy', 'check', '-'], {
      input: house.replace('chat-state', 'x').replace('spec:', 'spce:'),
    });
    expect(exit).toBe(65);
    expect(stdout).toMatch(/^<stdin>:\d+:1: error ERR_POLICY_SCHEMA: /m);
  });

  it('does not read it twice', async () => {
    const { exit, stderr } = await narthex(['policy', 'diff', '-', '-'], { input: house });
    expect(exit).toBe(64);
    expect(stderr).toContain('narthex: error ERR_OPTION: standard input (-) can be read once');
  });

  it('reads no more of it than of a file', async () => {
    const { exit, stderr } = await narthex(['policy', 'check', '-'], { input: '#'.repeat(1_048_577) });
    expect(exit).toBe(66);
    expect(stderr).toContain('<stdin> cannot be read (more than 1048576 bytes)');
  });
});

describe('narthex check -', () => {
  it('reads a configuration whose paths start at the folder of the command', async () => {
    const folder = await folderWith({ 'tls.crt': cert, 'tls.key': key });
    const { exit, stdout, stderr } = await narthex(['check', '-'], { folder, input: minimal });
    expect([exit, stderr]).toEqual([0, '']);
    expect(stdout).toContain('<stdin>: the configuration is valid');
  });

  it('names standard input in what it says', async () => {
    const { exit, stderr } = await narthex(['check', '-'], { input: minimal.replace('port:', 'prot:') });
    expect(exit).toBe(78);
    expect(stderr).toMatch(/^<stdin>:5:5: error ERR_CONFIG_UNKNOWN_KEY/);
  });

  it('and config --effective --config - read the same', async () => {
    const folder = await folderWith({ 'tls.crt': cert, 'tls.key': key });
    const { exit, stdout } = await narthex(['config', '--effective', '--config', '-'], {
      folder,
      input: minimal,
    });
    expect(exit).toBe(0);
    expect(stdout).toContain('kind: Proxy');
  });

  it('is not for serve, which reads its files again', async () => {
    const { exit, stderr } = await narthex(['serve', '-'], { input: minimal });
    expect(exit).toBe(64);
    expect(stderr).toContain('serve reads its configuration again while it runs: give a file');
  });
});
