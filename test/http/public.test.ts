import { describe, expect, it } from 'vitest';
import type { HttpEvent } from '../../src/http/events.ts';
import { createHostMeta } from '../../src/http/discovery/host-meta.ts';
import { HttpProblem, renderProblem, statusOf } from '../../src/http/problem.ts';
import { defaultHttpLimits } from '../../src/http/limits.ts';
import { createPublicApp, type PublicParts } from '../../src/http/public.ts';
import { adminErrors } from '../../src/errors/http.ts';
import { httpCodes } from '../../src/observability/http-words.ts';
import { codeOf } from './support/party.ts';

const websocketUrl = new URL('wss://xmpp.provider.example/xmpp-websocket?a=1&b=2');

function appWith(parts: Partial<PublicParts> = {}) {
  const events: HttpEvent[] = [];
  const app = createPublicApp({
    report: (event) => void events.push(event),
    now: () => 0,
    limits: defaultHttpLimits,
    ...parts,
  });
  return { app, events };
}

describe('the public app', () => {
  it('has no route for a part that is not configured', async () => {
    const { app, events } = appWith();
    for (const path of ['/', '/enlistments', '/media/x', '/push/gk', '/.well-known/jwks.json']) {
      const answer = await app.request(path, { method: 'POST' });
      expect([answer.status, await codeOf(answer)]).toEqual([404, 'ERR_HTTP_NOT_FOUND']);
    }
    expect(new Set(events.map((event) => JSON.stringify(event)))).toEqual(
      new Set([
        JSON.stringify({
          event: 'answered',
          route: '*',
          status: 404,
          milliseconds: 0,
          code: 'ERR_HTTP_NOT_FOUND',
        }),
      ]),
    );
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'])(
    'lists the methods of a path in the answer to %s',
    async (method) => {
      const { app } = appWith({ hostMeta: createHostMeta({ websocketUrl }) });
      const answer = await app.request(
        new Request('http://x/.well-known/host-meta', { method: method === 'TRACE' ? 'PATCH' : method }),
      );
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
      expect(await codeOf(answer)).toBe('ERR_HTTP_METHOD');
    },
  );

  it('lets no unlisted header leave, by any handler', async () => {
    const identifying = {
      server: 'x',
      'set-cookie': 'a=1',
      'x-powered-by': 'y',
      via: 'z',
      'x-request-id': '1',
      etag: '"1"',
    };
    const { app } = appWith({ push: async () => new Response('a', { headers: identifying }) });
    const answer = await app.request('/push/gk', { method: 'POST' });
    expect([...answer.headers.keys()].sort()).toEqual([
      'content-security-policy',
      'content-type',
      'etag',
      'strict-transport-security',
      'x-content-type-options',
    ]);
  });

  it('answers a defect without its cause, and reports it to the operator', async () => {
    const fault = new Error('juliet@capulet.example was not found in /srv/store');
    const { app, events } = appWith({ push: () => Promise.reject(fault) });
    const answer = await app.request('/push/gk', { method: 'POST' });
    const text = await answer.text();
    expect([answer.status, text.includes('ERR_INTERNAL'), /juliet|srv/.test(text)]).toEqual([
      500,
      true,
      false,
    ]);
    expect(events.map(({ event }) => event)).toEqual(['failed', 'answered']);
    expect(JSON.stringify(events)).not.toContain('juliet');
    expect(events[0]?.event === 'failed' && events[0].error.reveal()).toBe(fault);
  });
});

describe('host-meta', () => {
  const { app } = appWith({ hostMeta: createHostMeta({ websocketUrl }) });

  it('states the address of the WebSocket, to any page', async () => {
    const answer = await app.request('/.well-known/host-meta.json');
    expect(await answer.json()).toEqual({
      links: [{ rel: 'urn:xmpp:alt-connections:websocket', href: websocketUrl.href }],
    });
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
  });

  it('states it in XML too', async () => {
    const answer = await app.request('/.well-known/host-meta');
    expect(answer.headers.get('content-type')).toBe('application/xrd+xml');
    expect(await answer.text()).toBe(
      '<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0"><Link rel="urn:xmpp:alt-connections:websocket" ' +
        'href="wss://xmpp.provider.example/xmpp-websocket?a=1&amp;b=2"/></XRD>',
    );
  });

  it('points to no WebSocket in the clear', () => {
    expect(() => createHostMeta({ websocketUrl: new URL('ws://provider.example/') })).toThrow(TypeError);
  });
});

describe('a problem document', () => {
  it.each([...httpCodes, ...(Object.keys(adminErrors) as (keyof typeof adminErrors)[])])(
    '%s has its status, its code and a sentence',
    async (code) => {
      const answer = renderProblem(new HttpProblem(code, { retryAfterS: 3, bytesMax: 7 }));
      const status = statusOf(code);
      const detail: unknown = expect.stringMatching(/^[A-Z].+\.$/);
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect(answer.headers.get('retry-after')).toBe('3');
      expect(answer.headers.has('www-authenticate')).toBe(status === 401);
      expect(await answer.json()).toEqual({ status, code, detail, bytesMax: 7 });
    },
  );

  it('401 is for tokens only', () => {
    const codes = [...httpCodes, ...(Object.keys(adminErrors) as (keyof typeof adminErrors)[])];
    expect(codes.filter((code) => statusOf(code) === 401 && !code.startsWith('ERR_TOKEN_'))).toEqual([]);
  });
});
