/** One slip of indentation is one problem, wherever in a document it happens: each line of the shipped documents, alone and
 *  with the lines below it, is moved to the left and to the right. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfigText } from '../../src/config/document.ts';
import { problemsOf } from '../../src/config/issues.ts';
import type { Outline } from '../../src/config/outline.ts';
import { publishedSchema } from '../../src/config/published-schema.ts';
import { configSchema } from '../../src/config/schema.ts';
import { readDocument } from '../../src/policy/document.ts';
import { policySchema } from '../../src/policy/schema.ts';
import { shape } from '../../src/policy/shape.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const outline = publishedSchema() as Outline;

/** `line:column message` for each problem. */
type Problems = (text: string) => readonly string[];

const ofConfig: Problems = (text) => {
  const parsed = parseConfigText(Buffer.from(text), 'f');
  const problems =
    parsed.kind === 'refused'
      ? parsed.problems
      : problemsOf(configSchema.safeParse(parsed.value).error?.issues ?? [], { ...parsed, outline });
  return problems.map(({ place, message }) => `${place?.line}:${place?.column} ${message}`);
};

const ofPolicy: Problems = (text) => {
  const shaped = shape(readDocument('f', text), policySchema);
  if (shaped.kind === 'fits') return [];
  return shaped.diagnostics.map(({ line, column, reason }) => `${line}:${column} ${reason}`);
};

const indentOf = (line: string): number => line.length - line.trimStart().length;

/** The line after the block that a line begins. */
function endOfBlock(lines: readonly string[], start: number): number {
  const depth = indentOf(lines[start]!);
  let end = start + 1;
  while (end < lines.length && (lines[end]!.trim() === '' || indentOf(lines[end]!) > depth)) end += 1;
  return end;
}

interface SlippedText {
  readonly name: string;
  readonly text: string;
}

function* slips(text: string): Generator<SlippedText> {
  const lines = text.split('\n');
  for (const [start, line] of lines.entries()) {
    if (/^\s*(#.*)?$/.test(line)) continue;
    for (const end of new Set([start + 1, endOfBlock(lines, start)]))
      for (const by of [-2, -1, 1, 2]) {
        if (indentOf(line) + by < 0) continue;
        const moved = lines.map((each, at) => {
          if (at < start || at >= end || each.trim() === '') return each;
          return by > 0 ? ' '.repeat(by) + each : each.slice(-by);
        });
        yield { name: `line ${start + 1} to ${end} by ${by}: ${line.trim()}`, text: moved.join('\n') };
      }
  }
}

/** A configuration in block style, as people write it, with most sections. */
const config = `apiVersion: narthex/v1
kind: Proxy
listeners:
  - name: clients
    host: 127.0.0.1
    port: 5222
    tls: starttls
  - name: direct
    port: 5223
    tls: direct
certificates:
  - certFile: tls.crt
    keyFile: tls.key
domains:
  - domain: chat.example
    gatekeeper: main
gatekeepers:
  - name: main
    connect:
      address: xmpp.gatekeeper.example:5222
      tls: starttls
    caFile: ca.crt
    channelBinding: same-certificate
policy:
  file: balanced
  keyFiles:
    - keys/pseudonyms
provider:
  issuer: https://provider.example
  jwksUri: https://provider.example/jwks.json
  audiences:
    - https://gatekeeper.example
  push:
    url: https://push.provider.example
limits:
  connectionsMax: 100
  stanzaBytesMax: 100000
timeouts:
  dialMs: 5000
admin:
  host: 127.0.0.1
  port: 9090
`;

/** A policy in block style, with a treatment in each form. */
const policy = `apiVersion: narthex/v1
kind: MetadataPolicy
metadata:
  name: house
  owner: security
spec:
  extends: balanced
  unlisted: drop
  audiences:
    gatekeeper:
      presence.priority:
        replace: '0'
        why: it ranks devices
      receipt.read: drop
      bind.resource:
        pseudonymise:
          scope: account
          rotate: 30d
    client:
      error.text: drop
  exceptions:
    - when:
        contact-domain: partner.example
      audiences:
        gatekeeper:
          receipt.read: keep
      why: agreement
      approved-by: sec-118
      expires: 2027-03-31
  tests:
    - name: a test
      from: client
      given: <presence/>
      expect: nothing
`;

const documents: readonly (readonly [name: string, text: string, problems: Problems])[] = [
  ['a configuration', config, ofConfig],
  ['the example of a configuration', read('deploy/examples/narthex.yaml'), ofConfig],
  ['a policy', policy, ofPolicy],
  ['balanced', read('policies/balanced.yaml'), ofPolicy],
  ['strict', read('policies/strict.yaml'), ofPolicy],
];

describe.each(documents)('%s', (_, text, problems) => {
  it('has no problem as it stands', () => {
    expect(problems(text)).toEqual([]);
  });

  it('has at most one problem after one slip of indentation', () => {
    const all = [...slips(text)].map(({ name, text: slipped }) => ({ name, found: problems(slipped) }));
    expect(all.length).toBeGreaterThan(100);
    // Most slips are noticed; the others mean the same, such as a whole list moved to the right.
    expect(all.filter(({ found }) => found.length === 1).length).toBeGreaterThan(all.length / 2);
    expect(all.filter(({ found }) => found.length > 1)).toEqual([]);
  });
});

/** The start of a policy whose spec is not indented. */
const outdented = `apiVersion: narthex/v1
kind: MetadataPolicy
metadata: { name: p, owner: o }
spec:
extends: balanced
unlisted: drop
`;

describe('what is said of a slip', () => {
  it.each([
    ['a section and its keys in one column', outdented, ofPolicy,
      '4:1 `spec` is empty, and `extends` after it is indented as far as `spec` itself'],
    ['a key of a list item in the first column', config.replace(/ {4}connect:\n.*\n.*\n/, 'connect: { srv: gatekeeper.example }\n').replace(/ {4}(caFile|channelBinding).*\n/g, ''), ofConfig,
      '19:1 by its indentation `connect` is not part of `gatekeepers[0]`'],
    ['a section under the one before it', config.replace('timeouts:\n  dialMs', '  timeouts:\n    dialMs'), ofConfig,
      '38:3 by its indentation `timeouts` is not part of the top of the document'],
    ['a treatment in the column of its field', policy.replace("        replace: '0'\n        why", "      replace: '0'\n      why"), ofPolicy,
      '11:7 `presence.priority` is empty, and `replace` after it is indented as far as `presence.priority` itself'],
  ] as const)('%s', (_, text, problems, line) => {
    expect(problems(text)).toEqual([line]);
  }); // prettier-ignore

  it('does not hide another mistake', () => {
    expect(ofPolicy(outdented.replace('owner', 'ownr'))).toEqual([
      '4:1 `spec` is empty, and `extends` after it is indented as far as `spec` itself',
      '3:22 metadata.ownr is not known here',
    ]);
  });
});
