/** Support codes in a running proxy: looked up by the operator, and found nowhere else. */
import { generateKeyPairSync } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCollector } from '../observability/collector.ts';
import { createAuthority } from '../support/certificates.ts';
import { connectRaw, streamHeader } from '../support/raw-client.ts';
import { serveProcess } from '../support/serve-process.ts';
import { eventually } from '../support/wait.ts';
import { Canaries } from './canaries/canary.ts';

const domains = ['chat.example', 'unroutable.example'];

const ledgerKey = generateKeyPairSync('ed25519')
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();

describe('a support code', () => {
  it('is answered with phase, error code and minute, and stands in no log, metric, trace, ledger or file', async () => {
    const authority = createAuthority();
    const { cert, key } = authority.issue({ dns: [...domains, 'elsewhere.example'] });
    const collector = await openCollector();
    const proxy = await serveProcess({
      config: {
        certificates: [{ certFile: 'clients.crt', keyFile: 'clients.key' }],
        tracing: { otlpEndpoint: collector.endpoint },
        log: { level: 'debug', unauthenticatedLinesPerSecondMax: 0 },
        ledger: { recordsFolder: '.', keyFile: 'ledger.pem', intervalMs: 1_000 },
      },
      files: { 'clients.crt': cert, 'clients.key': key, 'ledger.pem': ledgerKey },
    });
    const port = Number(proxy.log.find(({ event }) => event === 'listener.opened')?.['port']);
    const before = Math.floor(Date.now() / 60_000);
    const refused = async (to: string, said = streamHeader(to)): Promise<string> => {
      const client = connectRaw(port, authority.cert, { servername: to });
      client.socket.write(said);
      await client.closed;
      return /Support code ([0-9A-Z]{4}-[0-9A-Z]{4})\./.exec(client.received())![1]!;
    };
    const codes = [
      await refused('chat.example'),
      await refused('elsewhere.example'),
      await refused('chat.example', '<!-- no comment -->'),
    ];
    const admin = async (path: string): Promise<Response> =>
      fetch(`http://127.0.0.1:${proxy.adminPort}${path}`);
    const answers: unknown[] = [];
    const minutes: string[] = [];
    for (const code of codes) {
      const answer = (await (await admin(`/api/refusals/${code}`)).json()) as Record<string, string>;
      const { minute, ...rest } = answer;
      minutes.push(minute!);
      answers.push(rest);
    }
    expect(answers).toEqual([
      { phase: 'dialling', code: 'ERR_GATEKEEPER_UNREACHABLE' },
      { phase: 'routing', code: 'ERR_UNKNOWN_DOMAIN' },
      { phase: 'routing', code: 'ERR_XML_RESTRICTED' },
    ]);
    const after = Math.floor(Date.now() / 60_000);
    for (const minute of minutes) {
      expect(minute).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\dZ$/);
      expect(Date.parse(minute) / 60_000).toBeGreaterThanOrEqual(before);
      expect(Date.parse(minute) / 60_000).toBeLessThanOrEqual(after);
    }
    // Asking again does not use it up; a code that was not given is unknown.
    expect((await admin(`/api/refusals/${codes[0]!.toLowerCase().replace('-', '')}`)).status).toBe(200);
    expect((await admin(`/api/refusals/${codes[0]!.slice(0, 8)}!`)).status).toBe(404);

    await eventually(() => proxy.log.filter(({ event }) => event === 'session.closed').length === 3);
    const watched: string[] = [];
    for (const path of ['/metrics', '/readyz', '/livez', '/startupz', '/api/sessions', '/api/policy'])
      watched.push(await (await admin(path)).text());
    const isRecorded = (name: string): boolean =>
      /"kind":"(idle|exposure)"/.test(readFileSync(join(proxy.folder, name), 'utf8'));
    await eventually(() => globSync('*.ledger', { cwd: proxy.folder }).some(isRecorded));
    const files = globSync('**', { cwd: proxy.folder, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1'));
    expect(await proxy.stop()).toBe(0);
    expect(collector.spans().filter(({ name }) => name === 'session')).toHaveLength(3);
    // What the support has no code for, the operator has: lines and spans of a session are joined by its trace.
    const traced = proxy.log.filter(({ event }) => event === 'session.closed').map(({ trace }) => trace);
    const sessions = collector.spans().filter(({ name }) => name === 'session');
    expect(new Set(traced)).toEqual(new Set(sessions.map(({ traceId }) => traceId)));
    expect(traced).toHaveLength(sessions.length);
    const dial = collector.spans().find(({ name }) => name === 'dial');
    expect(dial?.attributes).toContainEqual({ key: 'narthex.gatekeeper', value: { stringValue: 'test' } });
    await collector.close();

    const canaries = new Canaries();
    for (const [index, code] of codes.entries()) {
      canaries.note(`code ${index}`, code);
      canaries.note(`code ${index} without hyphen`, code.replace('-', ''));
    }
    const seen = {
      printed: proxy.printed(),
      traces: collector.raw(),
      admin: watched.join('\n'),
      files: files.join('\n'),
    };
    for (const [where, text] of Object.entries(seen)) {
      expect(text.length).toBeGreaterThan(100);
      expect({ where, found: canaries.found(text) }).toEqual({ where, found: [] });
    }
  });
});
