/** Renders a stanza that leaves changed: edited, in normal form, padded. */
import { paddingOf } from '../minimisation/pad.ts';
import type { Names } from '../stanza/names.ts';
import type { Stanza, StreamScope } from '../stanza/stanza.ts';
import type { Edit, SendOptions } from '../stanza/verdict.ts';
import { CanonicalWriter } from '../stream/canonical.ts';
import type { StreamLimits } from '../stream/limits.ts';
import { Scanner } from '../stream/scanner.ts';
import { splice } from '../stream/splice.ts';
import type { Workspace } from '../stream/workspace.ts';
import { restateHeader } from '../stream/write.ts';

export interface RenderingOptions {
  readonly names: Names;
  readonly limits: StreamLimits;
  /** A workspace of its own: an edited stanza is scanned while the scanner that found it is at work. */
  readonly workspace: Workspace;
}

const SPACE = 0x20;

/** Renders stanzas for every session of a process. Each call is complete when it returns. */
export class Rendering {
  readonly #options: RenderingOptions;
  readonly #canonical: CanonicalWriter;
  /** Scanners in the middle of a stream, by the scope of its header. */
  readonly #scanners = new WeakMap<StreamScope, Scanner>();
  /** What was scanned again, in normal form. */
  #canonicalBytes: Uint8Array | undefined;
  #padding = 0;

  constructor(options: RenderingOptions) {
    this.#options = options;
    this.#canonical = new CanonicalWriter(options.limits);
  }

  /** Bytes of padding that the last `write` has added. */
  get padding(): number {
    return this.#padding;
  }

  /** Returns a new buffer with the stanza, edited, in normal form where asked or needed, and padded to `padTo`.
   *  @throws StreamError ERR_STANZA_TOO_LARGE, ERR_NORMAL_FORM_GROWTH when the result exceeds its limit */
  write(stanza: Stanza, edits: readonly Edit[], options: SendOptions): Uint8Array {
    const { output } = this.#options.workspace;
    const normalise = options.normalise === true || !stanza.verbatim;
    const edited = edits.length === 0 ? stanza.wire() : splice(stanza, reconcile(edits), output);
    let result = edited;
    if (normalise)
      result = edits.length === 0 ? this.#canonical.write(stanza) : this.#rewrite(stanza.scope, edited);
    const missing = options.padTo === undefined ? 0 : paddingOf(result.length, options.padTo);
    this.#padding = missing;
    // A spliced stanza is a copy already; the others are views of buffers that are reused.
    if (missing === 0 && result === edited && edits.length > 0) return result;
    const copy = output.take(result.length + missing);
    copy.set(result);
    copy.fill(SPACE, result.length);
    return copy;
  }

  /** Overwrites what is left of earlier stanzas. */
  forget(): void {
    this.#canonical.forget();
    this.#canonicalBytes = undefined;
    this.#options.workspace.forget();
  }

  /** Scans a stanza that stages have edited. Edits that leave no whole stanza, or several, are a fault of the stage: the
   *  bytes of an earlier stanza, maybe of another session, must not leave in its place.
   *  @throws RangeError */
  #rewrite(scope: StreamScope, edited: Uint8Array): Uint8Array {
    this.#canonicalBytes = undefined;
    try {
      this.#scanner(scope).push(edited);
      if (this.#canonicalBytes === undefined) throw new RangeError('edits leave no whole stanza');
      return this.#canonicalBytes;
    } catch (error) {
      // It may be in the middle of a stanza.
      this.#scanners.delete(scope);
      throw error;
    }
  }

  #scanner(scope: StreamScope): Scanner {
    const known = this.#scanners.get(scope);
    if (known !== undefined) return known;
    const { names, limits, workspace } = this.#options;
    const scanner = new Scanner({
      names,
      limits,
      workspace,
      sink: {
        header: () => {},
        stanza: (stanza) => {
          if (this.#canonicalBytes !== undefined) throw new RangeError('edits leave more than one stanza');
          this.#canonicalBytes = this.#canonical.write(stanza);
        },
        whitespace: () => {},
        end: () => {},
      },
    });
    scanner.push(restateHeader(scope));
    this.#scanners.set(scope, scanner);
    return scanner;
  }
}

/** Merges the edits of several stages, given in the order of the stages. An edit inside another is dropped; of two
 *  equal ranges the later edit is applied. An insertion at the border of a replaced range is kept, as are two at one
 *  place.
 *  @returns disjoint edits in document order */
export function reconcile(edits: readonly Edit[]): readonly Edit[] {
  if (edits.length < 2) return edits;
  const standing: Edit[] = [];
  let start = 0;
  // The end of the edits that begin before `start`, and of all edits so far.
  let before = 0;
  let reached = 0;
  for (const edit of edits.toSorted(byPlace)) {
    if (edit.start > start) {
      start = edit.start;
      before = reached;
    }
    const last = standing.at(-1);
    if (isInsertion(edit)) {
      if (before <= edit.start) standing.push(edit);
    } else if (last?.start === edit.start && last.end === edit.end) {
      standing[standing.length - 1] = edit;
    } else if (edit.end > reached) {
      standing.push(edit);
      reached = edit.end;
    }
  }
  return standing;
}

/** Compares edits: by start, then insertions first, then the wider range first, so that what it contains follows.
 *  Equal ones keep the order of the stages. */
function byPlace(one: Edit, other: Edit): number {
  if (one.start !== other.start) return one.start - other.start;
  const first = Number(isInsertion(other)) - Number(isInsertion(one));
  return first !== 0 ? first : other.end - one.end;
}

function isInsertion({ start, end }: Edit): boolean {
  return start === end;
}
