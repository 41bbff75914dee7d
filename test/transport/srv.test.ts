import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns';
import { once } from 'node:events';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/wait.ts';
import {
  endpointsOf,
  orderRecords,
  systemResolver,
  type Resolver,
  type SrvRecord,
} from '../../src/transport/srv.ts';

type Answer = readonly SrvRecord[] | string;

/** A resolver that knows two names; a string is an error code. */
function resolver(direct: Answer, starttls: Answer): Resolver {
  const answers = new Map([
    ['_xmpps-client._tcp.im.example', direct],
    ['_xmpp-client._tcp.im.example', starttls],
  ]);
  return {
    lookup,
    async resolveSrv(name) {
      const answer = answers.get(name) ?? 'ENOTFOUND';
      if (typeof answer === 'string') throw Object.assign(new Error(answer), { code: answer });
      return answer;
    },
  };
}

function record(name: string, priority = 1, weight = 1, port = 5222): SrvRecord {
  return { name, port, priority, weight };
}

function endpoints(direct: Answer, starttls: Answer, random = () => 0): ReturnType<typeof endpointsOf> {
  return endpointsOf('im.example', resolver(direct, starttls), random, new AbortController().signal);
}

describe('the endpoints of a domain', () => {
  it('mix direct TLS and STARTTLS by priority', async () => {
    expect(
      await endpoints(
        [record('b', 20, 1, 443), record('d', 40, 1, 5223)],
        [record('c', 30), record('a', 10)],
      ),
    ).toEqual([
      { host: 'a', port: 5222, tls: 'starttls' },
      { host: 'b', port: 443, tls: 'direct' },
      { host: 'c', port: 5222, tls: 'starttls' },
      { host: 'd', port: 5223, tls: 'direct' },
    ]);
  });

  const fallback = [{ host: 'im.example', port: 5222, tls: 'starttls' }];
  const root = [record('')];
  it.each<[string, Answer, Answer, unknown]>([
    ['no records', 'ENOTFOUND', 'ENODATA', fallback],
    ['empty answers', [], [], fallback],
    ['no answer', 'ETIMEOUT', 'ESERVFAIL', fallback],
    ['direct TLS not offered, nothing else said', root, 'ENODATA', fallback],
    ['not offered', 'ENODATA', root, []],
    ['not offered, with the target written out', 'ENODATA', [record('.')], []],
    ['neither offered', root, root, []],
    ['only direct TLS offered', [record('a', 1, 1, 443)], root, [{ host: 'a', port: 443, tls: 'direct' }]],
    ['only STARTTLS offered', root, [record('a')], [{ host: 'a', port: 5222, tls: 'starttls' }]],
    ['one question answered', 'ESERVFAIL', [record('a')], [{ host: 'a', port: 5222, tls: 'starttls' }]],
  ])('%s', async (_, direct, starttls, expected) => {
    expect(await endpoints(direct, starttls)).toEqual(expected);
  });
});

describe('the order of SRV records (RFC 2782)', () => {
  const records = fc.array(
    fc.record({ priority: fc.nat(3), weight: fc.oneof(fc.constant(0), fc.nat(65_535)), id: fc.nat() }),
    { maxLength: 12 },
  );
  const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  it('keeps every record once, and priorities rise', () => {
    fc.assert(
      fc.property(records, fc.infiniteStream(unit), (all, stream) => {
        const ordered = orderRecords(all, () => stream.next().value as number);
        expect(new Set(ordered)).toEqual(new Set(all));
        expect(ordered).toHaveLength(all.length);
        for (let i = 1; i < ordered.length; i += 1)
          expect(ordered[i]!.priority).toBeGreaterThanOrEqual(ordered[i - 1]!.priority);
      }),
    );
  });

  it('puts a record first in proportion to its weight, whatever order they came in', () => {
    const weights = fc.uniqueArray(fc.integer({ min: 1, max: 50 }), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(weights, (weights) => {
        const all = weights.map((weight) => ({ priority: 0, weight }));
        const total = weights.reduce((a, b) => a + b);
        const first = new Map<number, number>();
        // Every value the mark can take, once each: 0 to the total.
        for (let mark = 0; mark <= total; mark += 1) {
          const { weight } = orderRecords(all, () => mark / (total + 1) + 1e-9)[0]!;
          first.set(weight, (first.get(weight) ?? 0) + 1);
        }
        for (const weight of weights) {
          // The RFC's inclusive range gives the record that stands first one more.
          expect(first.get(weight)! - weight).toBeGreaterThanOrEqual(0);
          expect(first.get(weight)! - weight).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it('gives weight 0 a small chance among others, and an order among themselves', () => {
    const all = [
      { priority: 0, weight: 9 },
      { priority: 0, weight: 0 },
    ];
    expect(orderRecords(all, () => 0)[0]!.weight).toBe(0);
    expect(orderRecords(all, () => 0.11)[0]!.weight).toBe(9);
    expect(orderRecords([all[1]!, all[1]!], () => 0.99)).toHaveLength(2);
  });
});

/** A DNS server for one kind of question (RFC 1035 §4.1): the answer's records by name; silent about others. */
async function dnsServer(answers: Readonly<Record<string, readonly SrvRecord[]>>) {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (query, { port, address }) => {
    const { name, end } = questionOf(query);
    asked.push(name);
    const records = answers[name];
    if (records === undefined) return;
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(records.length > 0 ? 0x8180 : 0x8183, 2);
    header.writeUInt16BE(records.length, 6);
    header.fill(0, 8, 12);
    socket.send(Buffer.concat([header, query.subarray(12, end), ...records.map(srvAnswer)]), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { asked, servers: [`127.0.0.1:${socket.address().port}`], close: () => socket.close() };
}

function questionOf(query: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.'), end: at + 5 };
}

function srvAnswer({ name, port, priority, weight }: SrvRecord): Buffer {
  const target = name
    .split('.')
    .filter((label) => label !== '')
    .flatMap((label) => [label.length, ...Buffer.from(label)]);
  // The name of the question (compressed), type SRV, class IN, a minute to live, and the length.
  const head = Buffer.from([0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0, 7 + target.length]);
  const fields = Buffer.alloc(6);
  fields.writeUInt16BE(priority, 0);
  fields.writeUInt16BE(weight, 2);
  fields.writeUInt16BE(port, 4);
  return Buffer.concat([head, fields, Buffer.from([...target, 0])]);
}

describe('the resolver of the system', () => {
  it('asks DNS for both records of a domain', async () => {
    const dns = await dnsServer({
      '_xmpps-client._tcp.im.example': [record('tls.im.example', 5, 0, 443)],
      '_xmpp-client._tcp.im.example': [],
      '_xmpp-client._tcp.closed.example': [record('.')],
      '_xmpps-client._tcp.closed.example': [],
    });
    const resolver = systemResolver(dns);
    const { signal } = new AbortController();
    expect(await endpointsOf('im.example', resolver, () => 0, signal)).toEqual([
      { host: 'tls.im.example', port: 443, tls: 'direct' },
    ]);
    expect(await endpointsOf('closed.example', resolver, () => 0, signal)).toEqual([]);
    dns.close();
  });

  it('asks again at each dial, so that a change of the records holds before their time to live has passed', async () => {
    const answers = {
      '_xmpps-client._tcp.im.example': [record('old.im.example', 5, 0, 443)],
      '_xmpp-client._tcp.im.example': [],
    };
    const dns = await dnsServer(answers);
    const resolver = systemResolver(dns);
    const hosts = async (): Promise<string[]> => {
      const endpoints = await endpointsOf('im.example', resolver, () => 0, new AbortController().signal);
      return endpoints.map(({ host }) => host);
    };
    expect(await hosts()).toEqual(['old.im.example']);
    // The record lives for a minute.
    answers['_xmpps-client._tcp.im.example'] = [record('second.im.example', 7, 0, 443), record('new.im.example', 1, 0, 443)];
    expect(await hosts()).toEqual(['new.im.example', 'second.im.example']);
    dns.close();
  }); // prettier-ignore

  it('stops asking when the answer is not awaited', async () => {
    const dns = await dnsServer({});
    const controller = new AbortController();
    const asking = endpointsOf('silent.example', systemResolver(dns), () => 0, controller.signal);
    const outcome = expect(asking).rejects.toThrow(RangeError);
    await eventually(() => dns.asked.length === 2);
    controller.abort(new RangeError('left'));
    await outcome;
    dns.close();
  });
});
