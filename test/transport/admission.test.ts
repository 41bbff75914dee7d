import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Admission, networkOf } from '../../src/transport/admission.ts';

describe('admission', () => {
  it('admits up to the total and refuses beyond it', () => {
    const admission = new Admission({ connectionsMax: 2, connectionsPerAddressMax: 9 });
    const first = admission.admit('192.0.2.1');
    admission.admit('192.0.2.2');
    expect(admission.admit('192.0.2.3')).toEqual({ kind: 'refused', code: 'ERR_CONNECTION_LIMIT' });
    if (first.kind === 'admitted') first.release();
    expect(admission.admit('192.0.2.3').kind).toBe('admitted');
  });

  it('admits up to the limit of an address and refuses beyond it', () => {
    const admission = new Admission({ connectionsMax: 9, connectionsPerAddressMax: 1 });
    admission.admit('192.0.2.1');
    expect(admission.admit('::ffff:192.0.2.1')).toEqual({ kind: 'refused', code: 'ERR_ADDRESS_LIMIT' });
    expect(admission.admit('192.0.2.2').kind).toBe('admitted');
    expect(admission.admit(undefined).kind).toBe('admitted');
    expect(admission.admit(undefined).kind).toBe('admitted');
  });

  it('counts exactly the live connections, and remembers no others', () => {
    const address = fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8::2', undefined);
    const step = fc.oneof(
      fc.record({ admit: address }),
      fc.record({ release: fc.nat(20), times: fc.integer({ min: 1, max: 3 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const limits = { connectionsMax: 6, connectionsPerAddressMax: 3 };
        const admission = new Admission(limits);
        const live: { network: string | undefined; release: () => void }[] = [];
        for (const step of steps) {
          if ('admit' in step) {
            const network = step.admit === undefined ? undefined : networkOf(step.admit);
            const same = live.filter((one) => one.network === network).length;
            const answer = admission.admit(step.admit);
            if (live.length >= limits.connectionsMax)
              expect(answer).toEqual({ kind: 'refused', code: 'ERR_CONNECTION_LIMIT' });
            else if (network !== undefined && same >= limits.connectionsPerAddressMax)
              expect(answer).toEqual({ kind: 'refused', code: 'ERR_ADDRESS_LIMIT' });
            else expect(answer.kind).toBe('admitted');
            if (answer.kind === 'admitted') live.push({ network, release: answer.release });
          } else if (live.length > 0) {
            const [one] = live.splice(step.release % live.length, 1);
            for (let i = 0; i < step.times; i += 1) one!.release();
          }
          expect(admission.live).toBe(live.length);
          const networks = live.map((one) => one.network).filter((network) => network !== undefined);
          expect(admission.addresses).toBe(new Set(networks).size);
        }
      }),
    );
  });
});

describe('the network that counts as one address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:0:1::1', '2001:db8:0:1'],
    ['2001:0db8:0000:0001:ffff::', '2001:db8:0:1'],
    ['2001:DB8:0:1:2:3:4:5', '2001:db8:0:1'],
    ['2001:db8::', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['::', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0'],
  ])('%s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  it('is the same for all of a /64, however written, and another for the next', () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    const eight = fc.array(group, { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(eight, eight, (a, b) => {
        fc.pre(a[5] !== 0xffff);
        const long = a.map((one) => one.toString(16).padStart(4, '0').toUpperCase()).join(':');
        const short = new URL(`http://[${a.map((one) => one.toString(16)).join(':')}]`).hostname.slice(1, -1);
        const neighbour = [...a.slice(0, 4), ...b.slice(4)].map((one) => one.toString(16)).join(':');
        const other = [...a.slice(0, 3), a[3]! ^ 1, ...a.slice(4)].map((one) => one.toString(16)).join(':');
        expect(networkOf(short)).toBe(networkOf(long));
        expect(networkOf(neighbour)).toBe(networkOf(long));
        expect(networkOf(other)).not.toBe(networkOf(long));
      }),
    );
  });
});
