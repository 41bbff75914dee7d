/** The engine as the relay uses it: scanner, policy stage with its enforcement, rendering. */
import { createSecretKey } from 'node:crypto';
import { openCatalogue } from '../../src/app/files/policies.ts';
import { clientHeader } from '../../src/app/tools/wire.ts';
import { MediaAddresses } from '../../src/minimisation/media-address.ts';
import { Pseudonyms } from '../../src/minimisation/pseudonymise.ts';
import { CompiledPolicy, vocabularyOf } from '../../src/policy/compile.ts';
import { Enforcement } from '../../src/policy/enforcement.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { loadPolicy } from '../../src/policy/resolve.ts';
import { formatDiagnostic } from '../../src/documents/diagnostic.ts';
import { circumstancesOf } from '../../src/policy/circumstances.ts';
import { policyStage } from '../../src/session/policy/policy-stage.ts';
import { Rendering } from '../../src/session/rendering.ts';
import type { Stage, StagePort } from '../../src/session/stage.ts';
import { StreamError } from '../../src/stanza/error.ts';
import type { Stanza } from '../../src/stanza/stanza.ts';
import type { Disposition } from '../../src/stanza/verdict.ts';
import { defaultLimits } from '../../src/stream/limits.ts';
import { Scanner } from '../../src/stream/scanner.ts';
import type { Direction } from '../reference/catalogue.ts';
import type { Session } from '../reference/language.ts';
import { newWorkspace } from '../support/scan.ts';
import { textOf, type Documents } from './policies.ts';
import { media, now, secret } from './sessions.ts';

const catalogue = openCatalogue();
const names = vocabularyOf(catalogue);
const pseudonyms = new Pseudonyms([createSecretKey(secret)]);
const mediaAddresses = new MediaAddresses({
  base: media.base,
  provider: media.provider,
  gatekeepers: new Map(Object.entries(media.gatekeepers)),
  seal: {
    seal: (url, { audience, gatekeeper }, { context, periodMs }) =>
      media.seal(url, `${audience} ${gatekeeper}`, context, periodMs),
    unseal: (token, { audience, gatekeeper }) => media.open(token, `${audience} ${gatekeeper}`),
  },
});

/** Reads the policy of this name.
 *  @throws SyntaxError with every complaint about it */
export function loadGenerated(name: string, documents: Documents): Policy {
  const find = (each: string): { file: string; text: string } => ({
    file: `${each}.yaml`,
    text: textOf(each, documents),
  });
  const loaded = loadPolicy(find(name), { find, names: () => [] });
  if (loaded.kind === 'refused') throw new SyntaxError(loaded.diagnostics.map(formatDiagnostic).join('\n'));
  return loaded.value;
}

export function compile(policy: Policy): CompiledPolicy {
  return new CompiledPolicy(policy, { catalogue, names, pseudonyms, media: mediaAddresses });
}

/** What the engine makes of one stanza: what leaves for its receiver, or what its sender is sent. */
export interface Judged {
  readonly verdict: Disposition;
  /** The stanza in normal form, as it leaves; undefined when it does not, or when its normal form is refused for its size. */
  readonly after: string | undefined;
  /** The bytes on the wire, with padding. */
  readonly wire: Buffer | undefined;
}

/** Sessions at several gatekeepers, each with a policy of its own. */
export class Deployment {
  readonly #enforcement: Enforcement;

  /** @param policies by gatekeeper */
  constructor(policies: Readonly<Record<string, CompiledPolicy>>) {
    const inForce = new Map(
      Object.entries(policies).map(([name, enforced]) => [name, { enforced, shadow: undefined }]),
    );
    this.#enforcement = new Enforcement({
      policies: ({ gatekeeper }) => inForce.get(gatekeeper)!,
      decided: () => {},
    });
  }

  open(session: Session): EngineSession {
    const context = { phase: 'established', id: session.session, ...contextOf(session) };
    const stage = policyStage({ enforcement: this.#enforcement, clock: () => now, random: () => 1 }).begin({
      context,
    } as unknown as StagePort);
    return new EngineSession(stage, context);
  }
}

function contextOf({
  gatekeeper,
  account,
  listener,
  claims,
  region,
  resource,
  session,
  startedAt,
}: Session): object {
  return {
    gatekeeper,
    account,
    ...circumstancesOf({ listener, claims, region }),
    resource,
    session,
    startedAt,
  };
}

/** One session. Its account and its resource may differ from one stanza to the next. */
export class EngineSession {
  readonly #stage: Stage;
  readonly #context: object;
  readonly #rendering = sharedRendering;

  constructor(stage: Stage, context: object) {
    this.#stage = stage;
    this.#context = context;
  }

  /** Judges one stanza.
   *  @param wire whether its bytes on the wire are wanted too
   *  @throws StreamError when the scanner refuses it */
  judge(text: string, direction: Direction, { account, resource }: Session, wire = false): Judged {
    Object.assign(this.#context, { account, resource, shownResource: undefined });
    const stanza = scan(text);
    const verdict = this.#stage.judge(stanza, direction);
    if (verdict.kind !== 'forward') return { verdict, after: undefined, wire: undefined };
    return {
      verdict,
      after: this.#render(stanza, verdict, { normalise: true })?.toString(),
      wire: wire ? this.#wire(stanza, verdict) : undefined,
    };
  }

  #wire(stanza: Stanza, verdict: Extract<Disposition, { kind: 'forward' }>): Buffer | undefined {
    const { edits = [], normalise = false, padTo } = verdict;
    if (edits.length === 0 && !normalise && padTo === undefined && stanza.verbatim)
      return Buffer.from(stanza.wire());
    return this.#render(stanza, verdict, { normalise, padTo });
  }

  #render(
    stanza: Stanza,
    { edits = [] }: Extract<Disposition, { kind: 'forward' }>,
    options: Parameters<Rendering['write']>[2],
  ): Buffer | undefined {
    try {
      return Buffer.from(this.#rendering.write(stanza, edits, options));
    } catch (error) {
      if (error instanceof StreamError) return undefined;
      throw error;
    }
  }
}

const sharedRendering = new Rendering({ names, limits: defaultLimits, workspace: newWorkspace() });

let found: Stanza | undefined;
let scanner = newScanner();

function newScanner(): Scanner {
  const made = new Scanner({
    names,
    limits: defaultLimits,
    workspace: newWorkspace(),
    sink: {
      header: () => {},
      whitespace: () => {},
      end: () => {},
      stanza: (stanza) => void (found = stanza.retain()),
    },
  });
  made.push(clientHeader);
  return made;
}

function scan(text: string): Stanza {
  found = undefined;
  try {
    scanner.push(Buffer.from(text));
  } catch (error) {
    scanner = newScanner();
    throw error;
  }
  if (found === undefined) throw new SyntaxError('expected one whole stanza');
  return found;
}
