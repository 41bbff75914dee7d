import { describe, expect, it } from 'vitest';
import { publishedHost } from '../../src/conformance/agreement.ts';
import { inProcess } from './in-process.ts';
import { narthex } from './narthex.ts';

const argumentsOf = (changed: Record<string, string>): string[] => {
  const options = {
    '--http': 'https://127.0.0.1:1',
    '--stream': '127.0.0.1:1',
    '--domain': 'chat.example',
    '--gatekeeper': 'main',
    '--token-file': 'package.json',
    '--peer': '1@s.whatsapp.net',
    '--timeout-ms': '500',
    ...changed,
  };
  return ['conformance', ...Object.entries(options).flat()];
};

describe('names of the gatekeeper', () => {
  it.each(['v.whatsapp.net', 'WhatsApp.com', 'whatsapp.net.', 'a.b.whatsapp.com'])('include %s', (name) => {
    expect(publishedHost(['proxy.example', name])).toBe(name);
  });

  it.each(['whatsapp.net.example', 'notwhatsapp.com', '127.0.0.1', ''])('do not include %s', (name) => {
    expect(publishedHost([name])).toBeUndefined();
  });
});

describe('narthex conformance', () => {
  it.each([
    ['--http', 'https://v.whatsapp.net'],
    ['--stream', 'g.whatsapp.net:443'],
    ['--domain', 'whatsapp.net'],
    ['--media', 'https://mmg.whatsapp.net/v/t'],
  ])('dials nothing for %s %s without --confirm-agreement', async (option, value) => {
    const { exit, stdout, stderr } = await inProcess(argumentsOf({ [option]: value }));
    expect([exit, stdout]).toEqual([64, '']);
    expect(stderr).toContain('ERR_OPTION');
    expect(stderr).toContain('--confirm-agreement');
  });

  it('says of each row why, where nothing answers', async () => {
    const { exit, stdout } = await narthex([...argumentsOf({}), '--json']);
    expect(exit).toBe(1);
    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(rows[0]).toEqual({
      id: 'keys',
      milestone: 1,
      title: expect.any(String) as string,
      outcome: 'fail',
      why: 'no connection to the HTTPS port, or its certificate is not trusted',
    });
    expect(new Set(rows.map(({ outcome }) => outcome))).toEqual(new Set(['fail', 'blocked', 'skipped']));
  });

  it('refuses what is no address, and files that are not there', async () => {
    for (const [option, value] of [
      ['--http', 'http://proxy.example'],
      ['--stream', 'proxy.example'],
      ['--timeout-ms', '1'],
    ] as const)
      expect((await inProcess(argumentsOf({ [option]: value }))).exit).toBe(64);
    expect((await inProcess(argumentsOf({ '--token-file': 'absent' }))).exit).toBe(66);
  });
});
