import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { peerPackages } from '../peers/require.ts';

const file = new URL('../../.ci/run', import.meta.url).pathname;
const script = readFileSync(file, 'utf8');

describe('.ci/run', () => {
  it('is a script that bash understands, and executable', () => {
    expect(() => execFileSync('bash', ['-n', file])).not.toThrow();
    expect(statSync(file).mode & 0o111).toBe(0o111);
  });

  it('installs what the peers need, all of it and nothing else', () => {
    const packages = /^packages=\(\n([^)]*)\)$/m.exec(script)![1]!.trim().split(/\s+/);
    expect(packages).toEqual(peerPackages());
  });

  it("ends with the README's test command, peers required", () => {
    expect(script.trimEnd().split('\n').at(-1)).toBe('NARTHEX_PEERS=required npm test');
  });
});
