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
