/** What the tests of policies share: the shipped files, a fixed key, a fixed day. */
import { createSecretKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createWire } from '../../src/app/tools/wire.ts';
import { openCatalogue, openObligations, policySource, readFolder } from '../../src/app/files/policies.ts';
import { createMediaTokens } from '../../src/http/media/token.ts';
import { MediaAddresses } from '../../src/minimisation/media-address.ts';
import { Pseudonyms } from '../../src/minimisation/pseudonymise.ts';
import { checkPolicy, type Knowable } from '../../src/policy/check.ts';
import { CompiledPolicy, vocabularyOf } from '../../src/policy/compile.ts';
import { Decider } from '../../src/policy/decide.ts';
import { formatDiagnostic, type Diagnostic } from '../../src/documents/diagnostic.ts';
import type { ExplainOptions } from '../../src/policy/explain.ts';
import type { Outcome } from '../../src/policy/outcome.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { loadPolicy, type PolicySource } from '../../src/policy/resolve.ts';
import type { Direction } from '../../src/stanza/direction.ts';
import type { Stanza } from '../../src/stanza/stanza.ts';

export const root = new URL('../..', import.meta.url).pathname;
/** The shipped ones, for catalogues with fields of a test's own. */
export const catalogueFiles = readFolder(`${root}/policies/catalogue`, '.yaml');
export const catalogue = openCatalogue();
const obligations = openObligations();
export const names = vocabularyOf(catalogue);
export const wire = createWire();
export const today = Date.parse('2026-11-23T12:00:00Z');
export const pseudonyms = new Pseudonyms([createSecretKey(Buffer.alloc(32, 7))]);
/** The same server for both audiences, so that one example shows either. */
export const mediaHost = 'https://media.provider.example';
const mediaTokens = createMediaTokens({
  secrets: [Buffer.alloc(32, 7)],
  lifetimeMs: 86_400_000,
  now: () => today,
});
export const sealedBase = 'https://proxy.example/media/';
export const media = new MediaAddresses({
  base: sealedBase,
  provider: [mediaHost],
  gatekeepers: new Map(
    ['gk', 'gatekeeper'].map((name) => [name, [mediaHost, 'https://up.gatekeeper.example']]),
  ),
  seal: {
    seal: (url, { audience, gatekeeper }, { context, periodMs = 86_400_000 }) =>
      mediaTokens.seal(url, `${audience} ${gatekeeper}`, { context, periodMs }),
    unseal: (token, { audience, gatekeeper }) => mediaTokens.reveal(token, `${audience} ${gatekeeper}`),
  },
});
export const tools: ExplainOptions = { catalogue, names, wire, pseudonyms, media, clock: () => today };

export function read(path: string): string {
  return readFileSync(`${root}/${path}`, 'utf8');
}

/** A policy by its rules, everything else kept and the unknown dropped. */
export function policyText(audiences: string, spec = ''): string {
  return `apiVersion: narthex/v1
kind: MetadataPolicy
metadata: { name: test }
spec:
  extends: passthrough
  unlisted: drop
  audiences: ${audiences}
${spec}`;
}

export function policyOf(text: string, source: PolicySource = policySource): Policy {
  const loaded = loadPolicy({ file: `${root}/policies/test.yaml`, text }, source);
  if (loaded.kind === 'refused') throw new Error(loaded.diagnostics.map(formatDiagnostic).join('\n'));
  return loaded.value;
}

/** What a test knows of the proxy that runs a policy. */
interface Known {
  readonly now?: number;
  readonly media?: boolean;
  readonly knowable?: Knowable;
}

/** Errors and warnings of a policy text, one line each, without the folder. */
export function complaints(text: string, known: Known = {}): string[] {
  return lines(text, known, ({ severity }) => severity !== 'notice');
}

/** Notices of a policy text. */
export function notices(text: string, known: Known = {}): string[] {
  return lines(text, known, ({ severity }) => severity === 'notice');
}

function lines(
  text: string,
  { now = today, ...known }: Known,
  chosen: (diagnostic: Diagnostic) => boolean,
): string[] {
  const loaded = loadPolicy({ file: 'p.yaml', text }, policySource);
  if (loaded.kind === 'refused') return loaded.diagnostics.map(formatDiagnostic);
  const found = checkPolicy(loaded.value, { catalogue, obligations, now, ...known });
  return found.filter(chosen).map(formatDiagnostic);
}

export const context = {
  gatekeeper: 'gk',
  account: 'me@provider.example',
  resource: '',
  session: 'session-1',
  startedAt: today,
};

export function deciderFor(
  policy: Policy,
  direction: Direction,
  over: Partial<typeof context> = {},
): Decider {
  const compiled = new CompiledPolicy(policy, { catalogue, names, pseudonyms, media });
  return new Decider(compiled, direction, { ...context, ...over }, { clock: () => today, random: () => 1 });
}

/** What leaves, '' for nothing. */
export function leaving(stanza: Stanza, { verdict }: Outcome): string {
  if (verdict.kind !== 'forward') return '';
  return Buffer.from(wire.write(stanza, verdict.edits ?? [])).toString();
}

export function replyOf({ verdict }: Outcome): string {
  return verdict.kind === 'drop' ? Buffer.from(verdict.reply ?? []).toString() : '';
}

/** One stanza under a policy: what leaves, and what goes back. */
export function pass(decider: Decider, text: string): { after: string; reply: string } {
  const stanza = wire.parse(text, names);
  const outcome = decider.decide(stanza);
  return { after: leaving(stanza, outcome), reply: replyOf(outcome) };
}
