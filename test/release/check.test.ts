import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { releaseProblems } from './check.ts';

const ready = {
  security: '# Security\n\ncontact: security@narthex.example\n',
  changelog: '# Changelog\n\n## [1.2.3] - 2026-12-01\n',
  version: '1.2.3',
};

describe('a release', () => {
  it('may be published', () => {
    expect(releaseProblems(ready)).toEqual([]);
    expect(releaseProblems({ ...ready, security: 'contact: https://narthex.example/security' })).toEqual([]);
  });

  it.each(['contact:\n\nThe newest release gets fixes.', 'contact:   ', 'contact: to be decided', ''])(
    'is refused without a security contact: %j',
    (security) =>
      expect(releaseProblems({ ...ready, security })).toEqual([expect.stringMatching(/^SECURITY\.md/)]),
  );

  it.each(['## Unreleased', '## [1.2.3]', '## [1.2.30] - 2026-12-01', '## [1x2.3] - 2026-12-01'])(
    'is refused without a dated section of the changelog: %s',
    (changelog) =>
      expect(releaseProblems({ ...ready, changelog })).toEqual([expect.stringMatching(/^CHANGELOG\.md/)]),
  );
});

it('carries one version in every file that names it', () => {
  const read = (file: string): string => readFileSync(join(import.meta.dirname, '../..', file), 'utf8');
  const version = (JSON.parse(read('package.json')) as { version: string }).version;
  const lock = JSON.parse(read('package-lock.json')) as {
    version: string;
    packages: { '': { version: string } };
  };
  expect([
    lock.version,
    lock.packages[''].version,
    /image\.version="(.+?)"/.exec(read('Dockerfile'))?.[1],
    /^appVersion: '?([\d.]+)'?$/m.exec(read('deploy/helm/narthex/Chart.yaml'))?.[1],
    /image: narthex:(.+)/.exec(read('deploy/compose/compose.yaml'))?.[1],
  ]).toEqual(Array(5).fill(version));
});
