/** What neither side may say past the policy by way of the stream's own elements. */
import { describe, expect, it } from 'vitest';
import { negotiationGuard } from '../../../src/session/negotiation/guard.ts';
import type { Phase } from '../../../src/session/phase.ts';
import { Legs } from '../legs.ts';

const streams = 'http://etherx.jabber.org/streams';
const framing = 'urn:ietf:params:xml:ns:xmpp-framing';
const older = 'urn:xmpp:sm:2';
const connect = (phase: Phase = 'established'): Legs => new Legs({ stages: [negotiationGuard], phase });

describe('a client on an established stream', () => {
  it.each([
    ['features', `<features xmlns='${streams}'>marker</features>`],
    ['an unknown element of the streams namespace', `<marker xmlns='${streams}'/>`],
    ['the framing of another transport (RFC 7395)', `<open xmlns='${framing}' to='marker'/>`],
  ])('sends %s to no peer', (_, xml) => {
    const legs = connect();
    expect(() => legs.read('to-gatekeeper', xml)).toThrow(
      expect.objectContaining({ code: 'ERR_NEGOTIATION', condition: 'unsupported-stanza-type' }),
    );
    expect(legs.out['to-gatekeeper']).toEqual([]);
  });

  it('that gives up with an error ends its stream, and its text stays at the proxy', () => {
    const legs = connect();
    const error = `<error xmlns='${streams}'><text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>marker</text></error>`;
    expect(() => legs.read('to-gatekeeper', error)).toThrow(
      expect.objectContaining({ code: 'ERR_CLIENT_GAVE_UP' }),
    );
    expect(legs.out['to-gatekeeper']).toEqual([]);
  });

  it.each(['enable', 'resume'])('is refused the older stream management: %s', (request) => {
    const legs = connect();
    legs.read('to-gatekeeper', `<${request} xmlns='${older}'/>`);
    expect(legs.out['to-gatekeeper']).toEqual([]);
    expect(legs.out['to-client'].join('')).toBe(
      `<failed xmlns='${older}'><feature-not-implemented xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>`,
    );
  });

  it('counts without any in it', () => {
    const legs = connect();
    legs.read('to-gatekeeper', `<a xmlns='${older}' h='1'/><r xmlns='${older}'/>`);
    legs.read('to-client', `<a xmlns='${older}' h='1'/><r xmlns='${older}'/>`);
    expect(legs.out).toEqual({ 'to-gatekeeper': [], 'to-client': [] });
  });
});

describe('a gatekeeper', () => {
  it('does not offer what its clients cannot use', () => {
    const legs = connect();
    legs.read(
      'to-client',
      `<features xmlns='${streams}'><sm xmlns='${older}'/><sm xmlns='urn:xmpp:sm:3'/></features>`,
    );
    expect(legs.out['to-client'].join('')).toBe(
      `<features xmlns='${streams}'><sm xmlns='urn:xmpp:sm:3'/></features>`,
    );
  });

  it.each([
    ['an unknown element of the streams namespace', `<marker xmlns='${streams}'/>`],
    [
      'the framing of another transport',
      `<close xmlns='${framing}' see-other-uri='wss://elsewhere.example'/>`,
    ],
  ])('sends %s to no peer', (_, xml) => {
    const legs = connect();
    expect(() => legs.read('to-client', xml)).toThrow(
      expect.objectContaining({ code: 'ERR_GATEKEEPER_NEGOTIATION' }),
    );
    expect(legs.out['to-client']).toEqual([]);
  });
});
