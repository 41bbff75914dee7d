import { describe, expect, it } from 'vitest';
import { outcome, peersRequired } from './require.ts';

const present = { kind: 'present' } as const;
const missing = { kind: 'missing', reason: 'prosody is not installed (apt-get install prosody)' } as const;

describe('a test that needs real peers', () => {
  it('runs where all are installed', () => {
    expect(outcome([present, present], true)).toEqual({ kind: 'run' });
    expect(outcome([], false)).toEqual({ kind: 'run' });
  });

  it('is skipped, with the package to install, where one is missing', () => {
    expect(outcome([present, missing], peersRequired({}))).toEqual({
      kind: 'skip',
      notice: 'skipped: prosody is not installed (apt-get install prosody)',
    });
  });

  it('fails where one is missing and NARTHEX_PEERS=required', () => {
    const required = peersRequired({ NARTHEX_PEERS: 'required' });
    expect(outcome([missing], required)).toEqual({ kind: 'fail', reason: missing.reason });
  });
});
