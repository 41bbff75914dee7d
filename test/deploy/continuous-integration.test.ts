import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { peerPackages, peerScripts } from '../peers/require.ts';

const file = new URL('../../.ci/run', import.meta.url).pathname;
const script = readFileSync(file, 'utf8');

describe('.ci/run', () => {
  it.each(['.ci/run', ...peerScripts()])('%s is a script that bash understands, and executable', (name) => {
    const path = new URL(`../../${name}`, import.meta.url).pathname;
    expect(() => execFileSync('bash', ['-n', path])).not.toThrow();
    expect(statSync(path).mode & 0o111).toBe(0o111);
  });

  it('runs every script that a peer needs', () => {
    expect(script.match(/^as_root \.ci\/\S+$/gm)).toEqual(peerScripts().map((name) => `as_root ${name}`));
  });

  it('installs what the peers need, all of it and nothing else', () => {
    const packages = /^packages=\(\n([^)]*)\)$/m.exec(script)![1]!.trim().split(/\s+/);
    expect(packages).toEqual(peerPackages());
  });

  it("ends with the README's test command, peers required", () => {
    expect(script.trimEnd().split('\n').at(-1)).toBe('NARTHEX_PEERS=required npm test');
  });
});
