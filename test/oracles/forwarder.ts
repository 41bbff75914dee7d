/** What the proxy forwards of a stream: the real scanner, the guard of the negotiation, the policy stage and the
 *  rendering, without sockets. */
import { CompiledPolicy } from '../../src/policy/compile.ts';
import { Enforcement } from '../../src/policy/enforcement.ts';
import { negotiationGuard } from '../../src/session/negotiation/guard.ts';
import { policyStage } from '../../src/session/policy/policy-stage.ts';
import { Rendering } from '../../src/session/rendering.ts';
import type { Stage, StagePort } from '../../src/session/stage.ts';
import type { Direction } from '../../src/stanza/direction.ts';
import { StreamError } from '../../src/stanza/error.ts';
import { ns } from '../../src/stanza/namespaces.ts';
import type { Stanza } from '../../src/stanza/stanza.ts';
import type { Disposition } from '../../src/stanza/verdict.ts';
import { defaultLimits } from '../../src/stream/limits.ts';
import { Scanner, type ScannerSink } from '../../src/stream/scanner.ts';
import { catalogue, context, media, names, policyOf, pseudonyms, read, today } from '../policy/fixtures.ts';
import { newWorkspace } from '../support/scan.ts';
import type { ForwardedStanza } from './batch.ts';
import { describeStanza } from './description.ts';

const GT = 0x3e;

const policyNames = ['passthrough', 'balanced', 'strict'] as const;

/** Counts of what was made of streams. */
export interface ForwardingCounts {
  streams: number;
  /** Streams of which something was refused. */
  refused: number;
  received: number;
  forwarded: number;
  /** Stanzas forwarded otherwise than as the bytes that came. */
  rewritten: number;
}

export class Forwarder {
  readonly counts: ForwardingCounts = { streams: 0, refused: 0, received: 0, forwarded: 0, rewritten: 0 };
  readonly #workspace = newWorkspace();
  readonly #rendering = new Rendering({ names, limits: defaultLimits, workspace: newWorkspace() });
  readonly #stages: readonly Stage[];
  /** Ends the stream at an element of the streams namespace, among others. */
  readonly #guard: Stage = negotiationGuard.begin(port);

  constructor() {
    this.#stages = policyNames.map(stageOf);
  }

  /** Scans a stream and adds what is forwarded under each policy, to each audience, that differs from another. */
  forward(chunks: readonly Uint8Array[], direction: Direction, into: ForwardedStanza[]): void {
    this.counts.streams += 1;
    const sink: ScannerSink = {
      header: ({ scope }) => {
        // As the session does.
        if (scope.contentNamespace !== ns.client)
          throw new StreamError('invalid-namespace', { code: 'ERR_STREAM_HEADER' });
      },
      stanza: (stanza) => this.#take(stanza, direction, into),
      whitespace: () => {},
      end: () => {},
    };
    const scanner = new Scanner({ names, limits: defaultLimits, workspace: this.#workspace, sink });
    try {
      for (const chunk of chunks) scanner.push(chunk);
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      this.counts.refused += 1;
    }
  }

  #take(stanza: Stanza, direction: Direction, into: ForwardedStanza[]): void {
    this.counts.received += 1;
    const guarded = this.#guard.judge(stanza, direction);
    if (guarded.kind === 'close') throw guarded.error;
    if (guarded.kind === 'drop') return;
    let before: Uint8Array | undefined;
    this.#stages.forEach((stage, index) => {
      const bytes = this.#render(stanza, stage.judge(stanza, direction));
      if (bytes === undefined || (before !== undefined && Buffer.compare(before, bytes) === 0)) return;
      before = bytes;
      this.counts.forwarded += 1;
      into.push({ bytes, source: index === 0 ? describeStanza(stanza) : undefined });
    });
  }

  /** As the relay does with a verdict; an answer to the sender is forwarded too, the other way. */
  #render(stanza: Stanza, verdict: Disposition): Uint8Array | undefined {
    if (verdict.kind === 'close') throw verdict.error;
    if (verdict.kind === 'drop') return verdict.reply;
    if (verdict.kind === 'hold') throw new RangeError('a policy holds nothing');
    const { edits = [], normalise = false, padTo } = verdict;
    if (edits.length === 0 && !normalise && padTo === undefined && stanza.verbatim)
      return Buffer.from(stanza.wire());
    this.counts.rewritten += 1;
    const bytes = this.#rendering.write(stanza, edits, { normalise, padTo });
    return bytes.subarray(0, Math.min(bytes.length, bytes.lastIndexOf(GT) + 1 + paddingMax));
  }
}

/** A session after its negotiation. */
const port = {
  context: { ...context, phase: 'established', id: context.session },
} as unknown as StagePort;

/** Padding is white space between stanzas, of which a little stands for all. */
const paddingMax = 8;

function stageOf(name: (typeof policyNames)[number]): Stage {
  const compiled = new CompiledPolicy(policyOf(read(`policies/${name}.yaml`)), {
    catalogue,
    names,
    pseudonyms,
    media,
  });
  const policies = { enforced: compiled, shadow: undefined };
  return policyStage({
    enforcement: new Enforcement({ policies: () => policies, decided: () => {} }),
    clock: () => today,
    random: () => 0,
  }).begin(port);
}
