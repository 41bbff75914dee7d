import { readdir, readFile } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { register } from '../../src/cli/capabilities.ts';
import { reportFailure } from '../../src/cli/report.ts';
import { exodus, psi, tkabber } from '../capabilities/disco-xml.ts';

const policies = new URL('../../policies', import.meta.url).pathname;

async function narthex(args: string[], files: Record<string, string> = {}, stdin = '') {
  const out: string[] = [];
  let code = 0;
  const program = new Command().exitOverride();
  register(program, {
    readFile: async (path) => files[path] ?? (await readFile(path, 'utf8')),
    readFolder: async (path) => await readdir(path),
    readStdin: async () => await Promise.resolve(stdin),
    out: (line) => out.push(line),
    setExitCode: (given) => {
      code = given;
    },
    policies,
  });
  try {
    await program.parseAsync(['capabilities', ...args], { from: 'user' });
    return { out, err: '', code };
  } catch (error) {
    const err = new PassThrough();
    code = reportFailure(error, err);
    return { out, err: String(err.read()), code };
  }
}

const query = (body: string) => `<query xmlns='http://jabber.org/protocol/disco#info'>${body}</query>`;

describe('hash', () => {
  const tkabberHashes = {
    'sha-256': 'u79ZroNJbdSWhdSp311mddz44oHHPsEBntQ5b1jqBSY=',
    'sha3-256': 'XpUJzLAc93258sMECZ3FJpebkzuyNXDzRNwQog8eycg=',
  };

  it('reads an XML file', async () => {
    const { out, code } = await narthex(['hash', 'psi.xml'], { 'psi.xml': psi });
    expect(JSON.parse(out[0]!)).toMatchObject({ ver: 'q07IKJEyjvHSyhy//CH0CxmKi8w=', ambiguous: true });
    expect([out.length, code]).toEqual([1, 0]);
  });

  it('reads JSON lines from standard input: strings, objects, and malformed ones', async () => {
    const lines = [
      JSON.stringify(exodus),
      JSON.stringify({ xml: tkabber, other: 1 }),
      '',
      JSON.stringify(query("<feature var='a'/><feature var='a'/>")),
      JSON.stringify(query("<feature var='urn:a'/><x xmlns='urn:b'/>")),
      '"<a>"',
      '{"no":1}',
      'nonsense',
      '"<a/>"',
      JSON.stringify('<!DOCTYPE a><a/>'),
    ];
    const { out, code } = await narthex(['hash'], {}, lines.join('\n'));
    expect(out.map((line): unknown => JSON.parse(line))).toMatchObject([
      { ver: 'QgayPKawpkPSDYmwT/WM94uAlu0=' },
      tkabberHashes,
      { error: 'ERR_DISCO_DUPLICATE_FEATURE' },
      { ver: expect.any(String) as string, 'hash-set-error': 'ERR_CAPS_FOREIGN_ELEMENT' },
      { error: 'ERR_XML_NOT_WELL_FORMED' },
      { error: 'ERR_INPUT_JSON' },
      { error: 'ERR_INPUT_JSON' },
      { error: 'ERR_DISCO_NOT_INFO' },
      { error: 'ERR_XML_RESTRICTED' },
    ]);
    expect(JSON.parse(out[0]!)).not.toHaveProperty('ambiguous');
    expect(code).toBe(1);
  });

  it('supports other functions, and refuses unknown ones', async () => {
    const files = { 'a.xml': exodus };
    const { out } = await narthex(['hash', 'a.xml', '--algorithm', 'sha-512'], files);
    expect(Object.keys(JSON.parse(out[0]!) as object)).toEqual(['ver', 'sha-512']);
    expect(await narthex(['hash', 'a.xml', '--algorithm', 'md5'], files)).toMatchObject({
      code: 64,
      out: [],
    });
  });

  it('reports a file that cannot be read', async () => {
    expect(await narthex(['hash', '/nonexistent'])).toMatchObject({
      code: 66,
      err: expect.stringMatching(/^narthex: error ERR_FILE: \/nonexistent cannot be read\n {4}\S/) as string,
    });
  });
});

describe('preview', () => {
  it('shows the advertisement, and the losses of each side', async () => {
    const { out, code } = await narthex(['preview', '--profile', 'text-only', '--client', 'c.xml'], {
      'c.xml': tkabber,
    });
    const text = out.join('\n');
    expect(code).toBe(0);
    expect(text).toContain('identity client/console en');
    expect(text).toContain("<c xmlns='http://jabber.org/protocol/caps' hash='sha-1'");
    expect(text).toContain('http://jabber.org/protocol/geoloc+notify (interest)');
    expect(text).toContain('form urn:xmpp:dataforms:softwareinfo');
    expect(text).toContain('image: pictures');
    expect(text).toContain('note: image is not received, but encrypted messages never show it');
    expect(text).not.toContain('Tkabber');
  });

  it('prints JSON on request', async () => {
    const { out } = await narthex(['preview', '--profile', 'phone', '--format', 'json']);
    expect(JSON.parse(out.join(''))).toMatchObject({ profile: 'phone', report: { hidden: [] } });
  });

  it('names the profiles there are', async () => {
    expect(await narthex(['preview', '--profile', 'telephone'])).toEqual({
      out: [],
      err: expect.stringMatching(
        /^narthex: error ERR_OPTION: no profile `telephone`; there are as-declared, desktop, phone, text-only, and files that end in .yaml\n/,
      ) as string,
      code: 64,
    });
  });

  it('refuses input that is no result', async () => {
    const twice = query("<feature var='a'/><feature var='a'/>");
    expect(await narthex(['preview', '--profile', 'phone', '--client', 'c.xml'], { 'c.xml': twice })).toEqual(
      {
        out: [],
        err: 'c.xml: error ERR_DISCO_DUPLICATE_FEATURE: this is no result of disco#info\n    Correct the result, or have the software that made it corrected.\n',
        code: 65,
      },
    );
  });

  it('points at the line of a wrong profile', async () => {
    const files = { 'p.yaml': 'apiVersion: narthex/v1\nkind: CapabilityProfil\n' };
    const { err, code } = await narthex(['preview', '--profile', 'p.yaml'], files);
    expect(err).toContain(
      "p.yaml:2:7: error ERR_CAPABILITY_PROFILE: kind: must be CapabilityProfile\n    Did you mean 'CapabilityProfile'?",
    );
    expect(code).toBe(78);
  });
});

describe('diff', () => {
  it('compares profiles, and results', async () => {
    const profiles = await narthex(['diff', 'desktop', 'phone']);
    expect(profiles.out).toContain('+ feature urn:xmpp:stickers:0');
    expect(profiles.out).toContain('- identity client/pc en');
    expect(profiles.code).toBe(1);
    const results = await narthex(['diff', 'a.xml', 'b.xml'], { 'a.xml': exodus, 'b.xml': psi });
    expect(results.out).toContain('- identity client/pc "Exodus 0.9.1"');
    expect(results.out).toContain('+ form urn:xmpp:dataforms:softwareinfo os=Mac');
    expect(await narthex(['diff', 'phone', 'phone'])).toEqual({ out: [], err: '', code: 0 });
  });
});
