/** The audit of a recording of five client libraries: what falls under the shipped policies, and what stays.
 *  `npm run long -- audit-clients` has the full count; docs/audit.md has its table. */
import { expect, it } from 'vitest';
import { auditFiveClients } from '../long/audit-clients.ts';
import { describeWithPeers } from '../peers/require.ts';
import { prosody } from '../peers/servers.ts';
import { fiveClientsNeed } from '../recording/five-clients.ts';

describeWithPeers([...prosody.needs, ...fiveClientsNeed], 'an audit of five libraries', () => {
  it('shows what falls under a policy, and what stays', async () => {
    const { audiences, sessions } = await auditFiveClients(2);
    expect(sessions).toBeGreaterThanOrEqual(5);
    const { fields } = audiences.find(({ audience }) => audience === 'gatekeeper')!;
    /** Returns the bits as received, under passthrough, balanced and strict. */
    const bitsOf = (name: string, wanted = 'value'): number[] =>
      fields
        .find(({ field, aspect }) => field === name && aspect === wanted)!
        .showings.map(({ figures }) => figures.sample.shannon);

    const [sizes, ids, styles, messages] = [
      bitsOf('content.wire-size'),
      bitsOf('id.iq', 'form'),
      bitsOf('style.fingerprint'),
      bitsOf('id.message', 'form'),
    ];
    for (const bits of [sizes, ids, styles, messages]) {
      expect(bits[0]).toBeGreaterThan(1);
      expect(bits[1]).toBe(bits[0]);
    }
    expect([sizes![2], sizes![3]]).toEqual([0, 0]);
    expect([ids![2], ids![3]]).toEqual([0, 0]);
    expect(styles![2]).toBe(styles![0]);
    expect(styles![3]).toBe(0);
    // End-to-end encryption refers to it, so that it stays.
    expect(messages![3]).toBe(messages![0]);
  });
});
