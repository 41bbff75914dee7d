import { describe, expect, it } from 'vitest';
import type { Diagnostic } from '../../src/documents/diagnostic.ts';
import { SetupError } from '../../src/transport/error.ts';
import { Refresher } from '../../src/transport/refresher.ts';

const broken = new SetupError('ERR_SECRET_INVALID', 'too short', 'Make it longer', {
  role: 'secret',
  path: '/k',
});

/** A refresher of one number on an imagined disk. Negative numbers cannot be read, odd ones not applied. */
function subject(over: { readonly fault?: () => unknown } = {}) {
  const fault = over.fault ?? (() => broken);
  const rejections: (readonly Diagnostic[])[] = [];
  const state = { disk: 0, inForce: 0, applied: 0 };
  const refresher = new Refresher({
    digest: '0',
    files: ['/nowhere/file'],
    pollMs: 3_600_000,
    read: () => {
      if (state.disk < 0) throw fault();
      return { digest: String(state.disk), value: state.disk };
    },
    apply: async ({ value }) => {
      state.applied += 1;
      await Promise.resolve();
      if (value % 2 !== 0) throw fault();
      state.inForce = value;
    },
    rejected: (problems) => rejections.push(problems),
  });
  return { state, rejections, refresher };
}

describe('a refresher', () => {
  it('applies a change once', async () => {
    const { state, refresher } = subject();
    state.disk = 2;
    await refresher.refresh();
    await refresher.refresh();
    expect(state).toEqual({ disk: 2, inForce: 2, applied: 1 });
    refresher.close();
  });

  it.each([-1, 1])('reports %d once, keeps the contents in force, and notices the repair', async (bad) => {
    const { state, rejections, refresher } = subject();
    state.disk = bad;
    for (let round = 0; round < 3; round += 1) await refresher.refresh();
    expect(rejections).toEqual([broken.diagnostics]);
    expect(state.inForce).toBe(0);
    const applied = state.applied;
    state.disk = 0;
    await refresher.refresh();
    expect(state.applied).toBe(applied + 1);
    state.disk = bad;
    await refresher.refresh();
    expect(rejections).toHaveLength(2);
    refresher.close();
  });

  it.each([
    ['a TypeError', () => new TypeError('juliet@capulet.example'), 'TypeError'],
    ['a rejected non-error', () => 'juliet@capulet.example', 'unknown'],
  ])('turns %s into a rejection of its own code that quotes nothing', async (_, fault, errorClass) => {
    for (const bad of [-1, 1]) {
      const { state, rejections, refresher } = subject({ fault });
      state.disk = bad;
      await refresher.refresh();
      const reason = expect.stringMatching(`^a defect of the proxy: ${errorClass} at `) as string;
      expect(rejections).toMatchObject([[{ code: 'ERR_RELOAD_DEFECT', file: '/nowhere/file', reason }]]);
      expect(JSON.stringify(rejections)).not.toContain('juliet');
      expect(state.inForce).toBe(0);
      refresher.close();
    }
  });

  it('runs again for a change during a run, and never twice at once', async () => {
    const { state, refresher } = subject();
    state.disk = 2;
    const first = refresher.refresh();
    state.disk = 4;
    await Promise.all([first, refresher.refresh()]);
    expect(state).toEqual({ disk: 4, inForce: 4, applied: 2 });
    refresher.close();
  });
});
