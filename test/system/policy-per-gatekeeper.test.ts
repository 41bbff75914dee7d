/** Two gatekeepers with policies of their own, and sessions with both at once: an account at one is judged by the policy
 *  of that one only, also while the other's is replaced or rejected. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawClient } from '../support/raw-client.ts';
import { startTwoGatekeepers, type GatekeeperName, type TwoGatekeepers } from '../support/two-gatekeepers.ts';
import { eventually } from '../support/wait.ts';

/** Hides the status of a presence, its priority, or neither. */
const policy = (name: string, hidden: 'presence.status' | 'presence.priority' | 'nothing'): string =>
  `apiVersion: narthex/v1\nkind: MetadataPolicy\nmetadata: { name: ${name} }\nspec:\n  extends: passthrough\n` +
  `  audiences: { gatekeeper: ${hidden === 'nothing' ? '{}' : `{ ${hidden}: drop }`} }\n`;

let scene: TwoGatekeepers;
const file = (name: GatekeeperName | 'top'): string => join(scene.folder.path, `${name}.yaml`);
const names: readonly GatekeeperName[] = ['test', 'other'];
const clients: Partial<Record<GatekeeperName, RawClient>> = {};
let sent = 0;

/** Sends one presence in both sessions, and returns what of it arrived at each gatekeeper. */
async function exchange(): Promise<Record<GatekeeperName, string>> {
  sent += 1;
  for (const name of names)
    clients[name]!.socket.write(
      `<presence id='p${sent}'><status>s</status><priority>5</priority></presence>`,
    );
  const parts = names.map(async (name) => {
    const [, content] = await eventually(
      () => new RegExp(`<presence id='p${sent}'>(.*?)</presence>`).exec(scene.received[name]) ?? undefined,
    );
    return [name, content!] as const;
  });
  return Object.fromEntries(await Promise.all(parts)) as Record<GatekeeperName, string>;
}

const withoutStatus = '<priority>5</priority>';
const withoutPriority = '<status>s</status>';
const whole = withoutPriority + withoutStatus;

beforeAll(async () => {
  scene = await startTwoGatekeepers({
    files: {
      'top.yaml': policy('top', 'nothing'),
      'test.yaml': policy('first', 'presence.status'),
      'other.yaml': policy('second', 'presence.priority'),
    },
    sections: (path) => ({
      test: { policy: { file: path('test.yaml') } },
      other: { policy: { file: path('other.yaml') } },
    }),
    proxy: (path) => ({ policy: path('top.yaml') }),
  });
  for (const name of names) clients[name] = await scene.logIn(name);
});
afterAll(() => scene[Symbol.asyncDispose]());

describe('two policies at once', () => {
  it('judge each its own gatekeeper, in sessions at the same time', async () => {
    expect(await exchange()).toEqual({ test: withoutStatus, other: withoutPriority });
  });

  it('are counted by their names', () => {
    const dropped = scene.proxy.decisions.totals().filter(({ treatment }) => treatment === 'drop');
    expect(dropped.map(({ field, policy: by }) => `${by} ${field}`).toSorted()).toEqual([
      'first presence.status',
      'second presence.priority',
    ]);
  });

  it('are replaced one without the other, between two stanzas of open sessions', async () => {
    await writeFile(file('other'), policy('third', 'nothing'));
    await scene.proxy.proxy.refresh();
    expect(await exchange()).toEqual({ test: withoutStatus, other: whole });
    expect(scene.proxy.policy.at(-1)).toBe('reloaded third');
    await writeFile(file('other'), policy('second', 'presence.priority'));
    await scene.proxy.proxy.refresh();
    expect(await exchange()).toEqual({ test: withoutStatus, other: withoutPriority });
  });

  it('are rejected one without the other, and the last good one of that gatekeeper stays', async () => {
    await writeFile(file('other'), 'broken: [');
    await writeFile(file('test'), policy('fourth', 'nothing'));
    await scene.proxy.proxy.refresh();
    const states = scene.proxy.proxy.policies.scopes.map(
      ({ name, state }) => `${name.gatekeeper ?? 'top'} ${state}`,
    );
    expect(states).toEqual(['top loaded', 'test loaded', 'other rejected']);
    expect(await exchange()).toEqual({ test: whole, other: withoutPriority });
    await writeFile(file('other'), policy('second', 'presence.priority'));
    await writeFile(file('test'), policy('first', 'presence.status'));
    await scene.proxy.proxy.refresh();
    expect(await exchange()).toEqual({ test: withoutStatus, other: withoutPriority });
  });

  it('do not change with the policy of the top level', async () => {
    await writeFile(file('top'), policy('top', 'presence.status'));
    await scene.proxy.proxy.refresh();
    expect(scene.proxy.policy.at(-1)).toBe('reloaded top');
    expect(await exchange()).toEqual({ test: withoutStatus, other: withoutPriority });
  });

  it('are replaced many times under traffic, and no stanza is judged by the wrong one', async () => {
    for (let round = 0; round < 20; round += 1) {
      await writeFile(
        file('other'),
        policy(`round-${round}`, round % 2 === 0 ? 'nothing' : 'presence.priority'),
      );
      const [seen] = await Promise.all([exchange(), scene.proxy.proxy.refresh()]);
      expect(seen.test).toBe(withoutStatus);
      expect([whole, withoutPriority]).toContain(seen.other);
    }
  });
});
