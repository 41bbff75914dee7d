import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { isSignalClaims, signalClaims, type SignalNecessities } from '../../src/signals/claims.ts';
import { ClientHelloReader } from '../../src/signals/client-hello-reader.ts';
import {
  absent,
  balancerSignals,
  clientIpSignal,
  coarsenAddress,
  coarsenRoundTrip,
  roundTripSignal,
  tcpFingerprintSignal,
  tlsFingerprintSignal,
  type ConnectionSignals,
} from '../../src/signals/evidence.ts';
import type { ConnectionCapture } from '../../src/signals/saved-syn.ts';
import { readSyn } from '../../src/signals/syn.ts';
import { handshake, records } from './hello.ts';
import { syn4 } from './packet.ts';

const read = readSyn(syn4({ ttl: 60 }));
const capture: ConnectionCapture = {
  syn: read.kind === 'syn' ? read : { kind: 'absent', reason: 'parse-error' },
  tcp: { roundTripUs: 23_400, roundTripVarianceUs: 100 },
};
const p0f = '4:60+4:0:1460:mss*44,7:mss,sok,ts,nop,ws:df,id+:0';
const hello = new ClientHelloReader().push(records(handshake()));

const signals: ConnectionSignals = {
  clientIp: clientIpSignal('::ffff:192.0.2.77', 'edge'),
  tcpFingerprint: tcpFingerprintSignal(capture),
  tlsFingerprint: tlsFingerprintSignal(hello),
  roundTrip: roundTripSignal(capture, 61),
};

const everything: SignalNecessities = {
  client_ip: 'obligation',
  tcp: 'anti-abuse',
  tls: 'anti-abuse',
  round_trip: 'anti-abuse',
};

describe('evidence of a connection', () => {
  it('becomes claims, each with observer and reason', () => {
    const claims = signalClaims(signals, everything);
    expect(claims).toEqual({
      client_ip: { address: '192.0.2.77', observed_by: 'edge', necessity: 'obligation' },
      tcp: { p0f, distance: 4, observed_by: 'edge', necessity: 'anti-abuse' },
      tls: { ja4: expect.stringMatching(/^t12d0101/), observed_by: 'edge', necessity: 'anti-abuse' },
      round_trip: { tcp_ms: 25, tls_ms: 60, observed_by: 'edge', necessity: 'anti-abuse' },
    });
    expect(isSignalClaims(JSON.parse(JSON.stringify(claims)))).toBe(true);
  });

  it('leaves out signals without a reason in the policy', () => {
    expect(signalClaims(signals, {})).toEqual({});
    expect(Object.keys(signalClaims(signals, { client_ip: 'obligation' }))).toEqual(['client_ip']);
  });

  it('gives the reason of a missing signal', () => {
    const none: ConnectionSignals = {
      clientIp: clientIpSignal('not an address', 'edge'),
      tcpFingerprint: absent('behind-lb'),
      tlsFingerprint: absent('disabled'),
      roundTrip: roundTripSignal({ ...capture, tcp: undefined }, undefined),
    };
    const claims = signalClaims(none, everything);
    expect(claims).toEqual({
      client_ip: { absent: 'parse-error' },
      tcp: { absent: 'behind-lb' },
      tls: { absent: 'disabled' },
      round_trip: { absent: 'unsupported' },
    });
    expect(isSignalClaims(claims)).toBe(true);
    const flood: ConnectionCapture = { syn: { kind: 'absent', reason: 'syncookie' }, tcp: undefined };
    expect(tcpFingerprintSignal(flood)).toEqual(absent('syncookie'));
  });

  it.each([
    ['<stream', 'not-tls'],
    ['\u0016\u0003\u0001\0\0', 'parse-error'],
    ['', 'parse-error'],
    ['\u0016\u0003\u0001\0\u0004\u0001\0@\0', 'parse-error'],
  ])('of first bytes %j is %s', (bytes, reason) => {
    expect(tlsFingerprintSignal(new ClientHelloReader().push(Buffer.from(bytes, 'latin1')))).toEqual(
      absent(reason as 'not-tls'),
    );
  });

  it('keeps the address out of logs', () => {
    expect(inspect(signals, { depth: 9 })).not.toContain('192.0.2.77');
    expect(JSON.stringify(signals)).not.toContain('192.0.2.77');
  });

  it.each([
    ['192.0.2.77', { address: '192.0.2.0', prefix: 24 }],
    ['2001:db8:1:2::3', { address: '2001:db8:1::', prefix: 48 }],
  ])('coarsens %s to a prefix, and states its length', (address, expected) => {
    const signal = clientIpSignal(address, 'balancer');
    if (signal.kind === 'absent') throw new Error(signal.reason);
    const value = coarsenAddress(signal.value, { ipv4: 24, ipv6: 48 });
    const claims = signalClaims({ ...signals, clientIp: { ...signal, value } }, { client_ip: 'obligation' });
    expect(claims.client_ip).toMatchObject({ ...expected, observed_by: 'balancer' });
    expect(isSignalClaims(JSON.parse(JSON.stringify(claims)))).toBe(true);
  });

  it('coarsens times downwards', () => {
    expect(coarsenRoundTrip({ tcpMs: 99, tlsMs: 100 }, 50)).toEqual({ tcpMs: 50, tlsMs: 100 });
    expect(coarsenRoundTrip({ tcpMs: 10, tlsMs: undefined }, 50)).toEqual({ tcpMs: 0, tlsMs: undefined });
  });

  it('accepts a balancer’s value of the right form, and marks its observer', () => {
    const ja4 = 't13d1516h2_8daaf6152771_e5627efa2ab1';
    const fields = new Map([
      [0xe2, Buffer.from(ja4)],
      [0xe3, Buffer.from(p0f)],
    ]);
    expect(balancerSignals(fields)).toEqual({
      tcpFingerprint: { kind: 'seen', value: { p0f, distance: undefined }, observedBy: 'balancer' },
      tlsFingerprint: { kind: 'seen', value: { ja4, ja4Stable: undefined }, observedBy: 'balancer' },
    });
    expect(balancerSignals(fields, { ja4Type: 0xe5, p0fType: 0xe2 })).toEqual({
      tcpFingerprint: absent('parse-error'),
      tlsFingerprint: absent('behind-lb'),
    });
  });
});

describe('the shape of claims', () => {
  const tcp = { p0f, observed_by: 'edge', necessity: 'anti-abuse' };
  it.each<[string, unknown]>([
    ['a list', []],
    ['null', null],
    ['an unknown signal', { user: tcp }],
    ['a signal by an inherited name', { constructor: tcp }],
    ['a signal that is a list', { tcp: [] }],
    ['an unknown member', { tcp: { ...tcp, sequence: 1 } }],
    ['a member of another type', { tcp: { ...tcp, p0f: 1 } }],
    ['no value', { tcp: { observed_by: 'edge', necessity: 'anti-abuse' } }],
    ['an unknown observer', { tcp: { ...tcp, observed_by: 'someone' } }],
    ['no necessity', { tcp: { p0f, observed_by: 'edge' } }],
    ['an unknown reason', { tcp: { absent: 'suspicious' } }],
    ['a reason and a value', { tcp: { ...tcp, absent: 'disabled' } }],
  ])('is not %s', (_, claims) => {
    expect(isSignalClaims(claims)).toBe(false);
  });
});
