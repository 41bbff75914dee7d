/** `npm run release:check`: refuses a release that is not ready to be published. Prints each reason; exits with 1. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = new URL('../..', import.meta.url).pathname;

/** The files that a release is judged by, as text. */
export interface ReleaseFiles {
  readonly security: string;
  readonly changelog: string;
  /** `version` of package.json. */
  readonly version: string;
}

/** Returns why this must not be released; empty when it may be. */
export function releaseProblems({ security, changelog, version }: ReleaseFiles): string[] {
  const contact = /^contact:[ \t]*(.*)$/m.exec(security)?.[1] ?? '';
  const dated = new RegExp(`^## \\[${version.replaceAll('.', '\\.')}\\] - \\d{4}-\\d{2}-\\d{2}$`, 'm');
  return [
    ...(/\S+@\S+|https:\/\/\S+/.test(contact)
      ? []
      : ['SECURITY.md: `contact:` is empty. Write a mail address or an https address after it.']),
    ...(dated.test(changelog)
      ? []
      : [
          `CHANGELOG.md: no dated section for ${version}. Rename "Unreleased" to "[${version}] - YYYY-MM-DD".`,
        ]),
  ];
}

if (import.meta.main) {
  const read = (file: string): string => readFileSync(join(root, file), 'utf8');
  const { version } = JSON.parse(read('package.json')) as { version: string };
  const problems = releaseProblems({
    security: read('SECURITY.md'),
    changelog: read('CHANGELOG.md'),
    version,
  });
  for (const problem of problems) console.error(problem);
  process.exit(problems.length === 0 ? 0 : 1);
}
