import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StreamError } from '../../src/stanza/error.ts';
import { createVocabulary } from '../../src/stanza/vocabulary.ts';
import { defaultLimits } from '../../src/stream/limits.ts';
import { PortableStructure } from '../../src/stream/structure/portable.ts';
import { Workspace } from '../../src/stream/workspace.ts';
import { dial, type Dialled } from '../../src/transport/dial.ts';
import { systemResolver } from '../../src/transport/srv.ts';
import { startTls, type StartTlsOptions } from '../../src/transport/starttls.ts';
import { GatekeeperNegotiationError } from '../../src/transport/gatekeeper-error.ts';
import { createAuthority } from '../support/certificates.ts';
import { loopback, rejection, type Loopback } from '../support/sockets.ts';
import { eventually } from '../support/wait.ts';

const authority = createAuthority();
const trusting = createSecureContext({ ca: authority.cert });
const serving = createSecureContext(authority.issue({ dns: ['im.example'] }));
const names = createVocabulary();
const workspace = new Workspace(new PortableStructure(), defaultLimits);

const header =
  "<?xml version='1.0'?><stream:stream from='im.example' id='s1' version='1.0' xmlns='jabber:client' " +
  "xmlns:stream='http://etherx.jabber.org/streams'>";
const features =
  "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>" +
  "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>";
const proceed = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

let server: Loopback;
beforeEach(async () => {
  server = await loopback();
});
afterEach(() => server[Symbol.asyncDispose]());

type Plain = Extract<Dialled, { kind: 'starttls' }>;

async function dialled(): Promise<{ plain: Plain; far: Socket }> {
  const plain = (await dial(
    { kind: 'address', host: '127.0.0.1', port: server.port, tls: 'starttls' },
    {
      domain: 'im.example',
      context: trusting,
      resolver: systemResolver(),
      dialTimeoutMs: 2_000,
      attemptTimeoutMs: 2_000,
    },
  )) as Plain;
  return { plain, far: await server.next() };
}

function options(more: Partial<StartTlsOptions> = {}): StartTlsOptions {
  return { domain: 'im.example', names, workspace, negotiationTimeoutMs: 2_000, ...more };
}

/** Answers the stream header with `first` and what follows with `second`; what was received is collected. */
function script(far: Socket, first: string, second?: string): { received: string[] } {
  const received: string[] = [];
  far.on('data', (chunk: Buffer) => {
    received.push(chunk.toString());
    if (received.length === 1) far.write(first);
    if (received.length === 2 && second !== undefined) far.write(second);
  });
  return { received };
}

/** Runs a negotiation that must fail; nothing may be left open, and nothing more than `<starttls/>` sent. */
async function failure(first: string, second?: string): Promise<StreamError> {
  const { plain, far } = await dialled();
  const { received } = script(far, first, second);
  const error = await rejection(startTls(plain, options()), StreamError);
  expect(plain.socket.destroyed).toBe(true);
  await eventually(() => far.readableEnded || far.destroyed);
  expect(received.length).toBeLessThanOrEqual(2);
  expect(error.condition).toBe('remote-connection-failed');
  return error;
}

async function reason(first: string, second?: string): Promise<string> {
  const error = await failure(first, second);
  expect(error.code).toBe('ERR_GATEKEEPER_NEGOTIATION');
  return (error as GatekeeperNegotiationError).reason;
}

/** Ends the gatekeeper's side of the negotiation by taking TLS. */
function secure(far: Socket): TLSSocket {
  far.removeAllListeners('data');
  far.pause();
  const secured = new TLSSocket(far, { isServer: true, secureContext: serving });
  secured.on('error', () => {});
  return secured;
}

describe('STARTTLS with a gatekeeper', () => {
  it('sends declaration and header in one write, then asks, then takes TLS', async () => {
    const { plain, far } = await dialled();
    const starting = startTls(plain, options({ domain: 'a&b.example' }));
    expect(String((await once(far, 'data'))[0])).toBe(
      "<?xml version='1.0'?><stream:stream to='a&amp;b.example' version='1.0' xmlns='jabber:client' " +
        "xmlns:stream='http://etherx.jabber.org/streams'>",
    );
    far.write(header + features);
    expect(String((await once(far, 'data'))[0])).toBe("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    far.write(proceed);
    const theirs = secure(far);
    const ours = await starting;
    ours.write('over TLS');
    expect(String((await once(theirs, 'data'))[0])).toBe('over TLS');
    theirs.write('and back');
    expect(String((await once(ours, 'data'))[0])).toBe('and back');
    ours.destroy();
  });

  it('reads answers however they are split, and other prefixes', async () => {
    const other =
      "<stream xmlns='http://etherx.jabber.org/streams' xmlns:c='jabber:client' version='1.0'>" +
      "<features><t:starttls xmlns:t='urn:ietf:params:xml:ns:xmpp-tls'/></features>";
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(header.length + features.length), { maxLength: 5 }),
        fc.nat(proceed.length),
        async (cuts, last) => {
          const { plain, far } = await dialled();
          const starting = startTls(plain, options());
          await once(far, 'data');
          const text = `${header} \n${features}`;
          const edges = [0, ...cuts.toSorted((a, b) => a - b), text.length];
          for (let i = 1; i < edges.length; i += 1) {
            far.write(text.slice(edges[i - 1], edges[i]));
            await new Promise((resolve) => setImmediate(resolve));
          }
          await once(far, 'data');
          far.write(proceed.slice(0, last));
          await new Promise((resolve) => setImmediate(resolve));
          far.write(proceed.slice(last));
          secure(far);
          (await starting).destroy();
        },
      ),
      { numRuns: 25 },
    );
    expect(await reason(other)).toBe('unexpected');
  });
});

function streamError(name: string): string {
  const condition = `<${name} xmlns='urn:ietf:params:xml:ns:xmpp-streams'>elsewhere.example</${name}>`;
  return `${header}<stream:error>${condition}</stream:error>`;
}

describe('a negotiation that fails', () => {
  const failed = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
  it.each([
    ['STARTTLS is not offered', `${header}<stream:features/>`, undefined, 'no-starttls'],
    [
      'something else of that name is offered',
      `${header}<stream:features><starttls/></stream:features>`,
      undefined,
      'no-starttls',
    ],
    ['it is refused', header + features, failed, 'refused'],
    ['the stream ends', `${header}</stream:stream>`, undefined, 'closed'],
    ['the server is too old', header.replace(" version='1.0' xmlns", ' xmlns'), undefined, 'unexpected'],
    ['the stream is for servers', header.replace('jabber:client', 'jabber:server'), undefined, 'unexpected'],
    ['something else comes first', `${header}<message/>`, undefined, 'unexpected'],
    ['features come twice', header + features, features, 'unexpected'],
    ['something else is answered', header + features, '<proceed/>', 'unexpected'],
    ['an answer before its request', header + features + proceed, undefined, 'unexpected'],
    ['a byte follows in clear', header + features, `${proceed}<`, 'trailing-bytes'],
    ['white space follows in clear', header + features, `${proceed} `, 'trailing-bytes'],
    ['a stream follows in clear', header + features, proceed + header, 'trailing-bytes'],
    ['it is no XML', 'HTTP/1.1 400 Bad Request\r\n\r\n', undefined, 'malformed'],
    ['it is XML with a comment', `${header}<!-- -->${features}`, undefined, 'malformed'],
    ['it is too large', `${header}<stream:features>${'<a/>'.repeat(3_000)}`, undefined, 'malformed'],
  ])('because %s', async (_, first, second, expected) => {
    expect(await reason(first, second)).toBe(expected);
  });

  it('because of clear text that came before anything was asked', async () => {
    const { plain, far } = await dialled();
    for (const text of [header + features, proceed, 'more']) {
      far.write(text);
      await eventually(() => plain.socket.bytesRead === far.bytesWritten);
    }
    const error = await rejection(startTls(plain, options()), GatekeeperNegotiationError);
    expect(error.reason).toBe('trailing-bytes');
  });

  it('with the rule and offset that malformed XML broke, and not its bytes', async () => {
    const error = await failure(`${header}<canary><!DOCTYPE`);
    expect(error.cause).toMatchObject({ code: 'ERR_XML_RESTRICTED' });
    expect(JSON.stringify([error.message, error.cause, error.detail])).not.toContain('canary');
  });

  it('because of a stream error, and a redirection is not followed', async () => {
    expect(await reason(streamError('host-unknown'))).toBe('stream-error');
    const redirect = await failure(streamError('see-other-host'));
    expect(redirect.code).toBe('ERR_GATEKEEPER_REDIRECT');
    expect(redirect.message).not.toContain('elsewhere');
  });

  it('because TLS fails after <proceed/>', async () => {
    const { plain, far } = await dialled();
    const starting = rejection(startTls(plain, options()), StreamError);
    const { received } = script(far, header + features, proceed);
    await eventually(() => received.length > 2);
    far.write('no TLS either');
    expect(await starting).toMatchObject({ code: 'ERR_GATEKEEPER_TLS', dialCause: 'plain-text' });
    expect(plain.socket.destroyed).toBe(true);
  });

  it.each([
    ['ends', (far: Socket) => far.end()],
    ['resets', (far: Socket) => far.resetAndDestroy()],
  ])('because the gatekeeper %s the connection', async (_, leave) => {
    const { plain, far } = await dialled();
    const starting = rejection(startTls(plain, options()), StreamError);
    await once(far, 'data');
    leave(far);
    expect(await starting).toMatchObject({
      code: 'ERR_GATEKEEPER_UNREACHABLE',
      dialCause: 'connection-lost',
    });
    expect(plain.socket.destroyed).toBe(true);
  });

  it('because the connection was gone before it began', async () => {
    const { plain } = await dialled();
    plain.socket.destroy();
    expect(await rejection(startTls(plain, options()), StreamError)).toMatchObject({
      dialCause: 'connection-lost',
    });
  });

  it('because the gatekeeper is silent, before or in TLS', async () => {
    const { plain } = await dialled();
    const timeout = { code: 'ERR_GATEKEEPER_UNREACHABLE', dialCause: 'timed-out' };
    const silent = startTls(plain, options({ negotiationTimeoutMs: 50 }));
    expect(await rejection(silent, StreamError)).toMatchObject(timeout);
    const other = await dialled();
    script(other.far, header + features, proceed);
    const later = startTls(other.plain, options({ negotiationTimeoutMs: 100 }));
    expect(await rejection(later, StreamError)).toMatchObject(timeout);
    expect([plain.socket.destroyed, other.plain.socket.destroyed]).toEqual([true, true]);
  });

  it('because the client leaves', async () => {
    const { plain, far } = await dialled();
    const controller = new AbortController();
    const starting = rejection(startTls(plain, options({ signal: controller.signal })), RangeError);
    await once(far, 'data');
    controller.abort(new RangeError('left'));
    await starting;
    expect(plain.socket.destroyed).toBe(true);
  });
});
