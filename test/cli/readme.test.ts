/** README's commands run as they stand, in an empty folder: its configuration, its check. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { catalogue } from '../policy/fixtures.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { narthex, root } from './narthex.ts';

const page = readFileSync(join(root, 'README.md'), 'utf8');
const blocks = [...page.matchAll(/\n```sh\n([^]*?)```\n/g)].map(([, block]) => block!);

/** The block that has this command. */
const blockWith = (command: string): string => blocks.find((block) => block.includes(command))!;

describe('README', () => {
  it('has a configuration that is valid as it stands', async () => {
    await using folder = await temporaryFolder();
    const [, options] = /^npx narthex (init .*)$/m.exec(blockWith('npx narthex serve'))!;
    expect((await narthex(options!.split(' '), { folder: folder.path })).exit).toBe(0);
    const { exit, stderr } = await narthex(['check'], { folder: folder.path });
    expect([exit, stderr]).toEqual([0, '']);
  });

  it('has commands on policies that run', async () => {
    const commands = [...blockWith('policy diff').matchAll(/^npx narthex (.*?)\s*(?:#.*)?$/gm)];
    expect(commands).toHaveLength(3);
    for (const [, command] of commands) {
      const { exit, stdout, stderr } = await narthex(command!.split(' '));
      expect([exit, stderr]).toEqual([0, '']);
      expect(stdout.length).toBeGreaterThan(100);
    }
  });

  it('counts the fields of the catalogue', () => {
    expect(Number(/\((\d+) of them/.exec(page)?.[1])).toBe(catalogue.fields.size);
    for (const name of ['chat-state', 'pep.geoloc', 'conn.client-ip'])
      expect(catalogue.fields.has(name)).toBe(true);
  });

  it('links only to files that are there', () => {
    const targets = [...page.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, target]) => target!);
    expect(targets.length).toBeGreaterThan(15);
    expect(targets.filter((target) => !existsSync(join(root, target)))).toEqual([]);
  });

  it('can be read in two minutes: at most 900 words', () => {
    expect(page.split(/\s+/).filter((word) => /\w/.test(word)).length).toBeLessThan(900);
  });
});
