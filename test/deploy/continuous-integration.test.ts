import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { peerPackages, peerScripts } from '../peers/require.ts';

const file = new URL('../../.ci/run', import.meta.url).pathname;
const script = readFileSync(file, 'utf8');

const root = new URL('../..', import.meta.url).pathname;

describe('.ci/run', () => {
  it.each(['.ci/run', ...peerScripts()])('%s is a script that bash understands, and executable', (name) => {
    const path = new URL(`../../${name}`, import.meta.url).pathname;
    expect(() => execFileSync('bash', ['-n', path])).not.toThrow();
    expect(statSync(path).mode & 0o111).toBe(0o111);
  });

  it('runs every script that a peer needs', () => {
    expect(script.match(/^as_root \.ci\/\S+$/gm)).toEqual(peerScripts().map((name) => `as_root ${name}`));
  });

  it('installs the peers’ packages, all of them and nothing else', () => {
    const packages = /^packages=\(\n([^)]*)\)$/m.exec(script)![1]!.trim().split(/\s+/);
    expect(packages).toEqual(peerPackages());
  });

  it("ends with the README's test command, peers required", () => {
    expect(script.trimEnd().split('\n').at(-1)).toBe('NARTHEX_PEERS=required npm test');
  });
});

describe('workflows', () => {
  const workflows = readdirSync(`${root}.github/workflows`);
  const read = (file: string): string => readFileSync(`${root}.github/workflows/${file}`, 'utf8');

  it('run what `.ci/run` runs, with no rights but to read', () => {
    expect(workflows.toSorted()).toEqual(['ci.yaml', 'nightly.yaml']);
    for (const file of workflows) {
      const workflow = parse(read(file)) as { permissions: object; jobs: object };
      expect(workflow.permissions).toEqual({ contents: 'read' });
      expect(JSON.stringify(workflow.jobs)).toContain('"run":".ci/run"');
    }
  });

  it('name scripts and test files that are there', () => {
    const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { scripts: object };
    const text = workflows.map(read).join('');
    for (const [, script] of text.matchAll(/npm run ([\w:]+)/g)) expect(scripts).toHaveProperty([script!]);
    for (const [file] of text.matchAll(/test\/\S+\.test\.ts/g))
      expect(existsSync(`${root}${file}`)).toBe(true);
  });

  it('use the Node of the scripts, which .nvmrc names', () => {
    const nvmrc = readFileSync(`${root}.nvmrc`, 'utf8').trim();
    const installed = JSON.parse(readFileSync(`${root}node_modules/node/package.json`, 'utf8')) as {
      version: string;
    };
    expect(nvmrc.split('.')[0]).toBe(installed.version.split('.')[0]);
  });
});
