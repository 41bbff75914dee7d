/** A stanza that asks for much work gets little: deciding and editing visit everything once, whatever is repeated. */
import { expectLinear } from '../support/linear.ts';
import { describe, test } from 'vitest';
import { Rendering } from '../../src/session/rendering.ts';
import { openPolicy } from '../../src/app/files/policies.ts';
import type { Direction } from '../../src/stanza/direction.ts';
import type { Stanza } from '../../src/stanza/stanza.ts';
import { defaultLimits, type StreamLimits } from '../../src/stream/limits.ts';
import { Scanner } from '../../src/stream/scanner.ts';
import { headers } from '../stream/hostile/case.ts';
import { newWorkspace } from '../support/scan.ts';
import { deciderFor, names } from './fixtures.ts';

/** Out of the way, so that only the policy's own cost is measured. */
const limits: StreamLimits = { ...defaultLimits, elementsMax: 1_000_000, attributesMax: 100_000, tagBytesMax: 4_000_000, stanzaBytesMax: 4_000_000 }; // prettier-ignore

const message = (content: string): string =>
  `<message xmlns='jabber:client' type='chat' to='a@b.example' from='c@d.example/e'>${content}</message>`;
const forwarded = `<forwarded xmlns='urn:xmpp:forward:0'>${message('<body>x</body>')}</forwarded>`;

/** [what, size of the smaller input, input of size n] */
const shapes: readonly (readonly [string, number, (n: number) => string])[] = [
  ['bodies', 1_000, (n) => message('<body>x</body>'.repeat(n))],
  ['bodies and forwarded messages in turn', 250, (n) => message(`<body>x</body>${forwarded}`.repeat(n))],
  ['unlisted elements', 1_000, (n) => message("<a xmlns='urn:example:unknown'/>".repeat(n))],
  ['unlisted attributes', 1_000, (n) => message(`<body${Array.from({ length: n }, (_, i) => ` a${i}=''`).join('')}/>`)],
  ['delays', 500, (n) => message("<delay xmlns='urn:xmpp:delay' from='a@b.example/c' stamp='2026-11-23T11:22:33Z'>x</delay>".repeat(n))],
  ['form fields', 500, (n) => `<iq xmlns='jabber:client' type='set' id='1'><query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'>${"<field var='with'><value>a@b.example</value></field>".repeat(n)}</x></query></iq>`],
  ['transport candidates', 250, (n) => `<iq xmlns='jabber:client' type='set' id='1' to='a@b.example/c'><jingle xmlns='urn:xmpp:jingle:1' action='transport-info' sid='s'><content creator='initiator' name='n'><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'>${"<candidate type='host' ip='192.0.2.1' port='1' foundation='1' component='1' generation='0' id='i' network='0' priority='1' protocol='udp'/>".repeat(n)}</transport></content></jingle></iq>`],
  ['texts between elements', 1_000, (n) => message('x<body/>'.repeat(n))],
]; // prettier-ignore

function parse(text: string): Stanza {
  let found: Stanza | undefined;
  const scanner = new Scanner({
    names,
    limits,
    workspace: newWorkspace(undefined, limits),
    sink: {
      header() {},
      stanza: (stanza) => {
        found = stanza.retain();
      },
      whitespace() {},
      end() {},
    },
  });
  scanner.push(Buffer.from(headers['to-client'] + text));
  return found!;
}

describe.each(['to-gatekeeper', 'to-client'] as const)(
  'twice as many cost twice as much, %s',
  (direction) => {
    const rendering = new Rendering({ names, limits, workspace: newWorkspace(undefined, limits) });
    test.each(shapes)('%s', (name, n, input) => {
      expectLinear(
        name,
        judging(input(n), direction, rendering),
        judging(input(2 * n), direction, rendering),
      );
    });
  },
);

function judging(text: string, direction: Direction, rendering: Rendering): () => void {
  const decider = deciderFor(openPolicy('strict'), direction);
  const stanza = parse(text);
  return () => {
    const { verdict, normalise } = decider.decide(stanza);
    if (verdict.kind === 'forward') rendering.write(stanza, verdict.edits ?? [], { normalise });
  };
}
