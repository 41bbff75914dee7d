/** The scenarios of test/interop/scenarios are scripts that can be played: `npm run scenarios -- test/interop/scenarios`. */
import { describe, expect, it } from 'vitest';
import { readFolder } from './folder.ts';
import { parseScript } from './script.ts';
import { readStanzas } from './stanzas.ts';

const scenarios = readFolder(new URL('../interop/scenarios', import.meta.url).pathname);

describe('our scenarios', () => {
  it.each(scenarios)('$name has a title, clients that connect, and well-formed stanzas', ({ text }) => {
    const { title, clients, actions } = parseScript(text);
    expect(title).not.toBe('');
    const connected = actions.filter(({ kind }) => kind === 'connects').map(({ client }) => client);
    expect(new Set(connected).size).toBeGreaterThan(0);
    expect(clients.map(({ name }) => name)).toEqual(expect.arrayContaining(connected));
    for (const action of actions)
      if ('xml' in action) expect(readStanzas(action.xml.replaceAll(/\$\{[^}]+\}/g, 'x'))).not.toEqual([]);
  });

  it('each show something else', () => {
    const titles = scenarios.map(({ text }) => parseScript(text).title);
    expect(scenarios.length).toBeGreaterThanOrEqual(40);
    expect(new Set(titles).size).toBe(titles.length);
  });
});
