/** Plays a story step by step: what was sent, what the other party received, and statements about both. A failed
 *  statement is printed like the others; a step that cannot be played ends the story. */
import { SimulatorError } from '../error.ts';
import type { HttpAnswer, HttpRequest } from '../http/message.ts';

/** One message through the intermediary. `received` is undefined when it did not arrive. */
export type Passage = { readonly from: Party; readonly to: Party } & (
  | { readonly kind: 'stanza'; readonly sent: string; readonly received: string | undefined }
  | { readonly kind: 'request'; readonly sent: HttpRequest; readonly received: HttpRequest | undefined }
  | { readonly kind: 'answer'; readonly sent: HttpAnswer; readonly received: HttpAnswer | undefined }
);

export type Party = "Juliet's app" | 'the gatekeeper' | 'the provider';

export interface Finding {
  readonly holds: boolean;
  readonly text: string;
}

export interface Step {
  /** Number of the step, from 1. */
  readonly number: number;
  /** The act that begins with this step. */
  readonly act: string | undefined;
  readonly title: string;
  readonly passages: readonly Passage[];
  readonly findings: readonly Finding[];
}

export interface StepNotes {
  shows(passage: Passage): void;
  finds(holds: boolean, text: string): void;
}

export interface Outcome {
  readonly findings: number;
  /** Number of statements that failed. */
  readonly failed: number;
  /** Whether every step was played. */
  readonly complete: boolean;
}

export class Telling {
  readonly #onStep: (step: Step) => void;
  #act: string | undefined;
  #steps = 0;
  #findings = 0;
  #failed = 0;
  #complete = true;

  constructor(onStep: (step: Step) => void) {
    this.#onStep = onStep;
  }

  act(title: string): void {
    this.#act = title;
  }

  /** Plays one step unless the story has ended.
   *  @throws any error that is no SimulatorError: a defect of the simulator */
  async step(title: string, play: (notes: StepNotes) => Promise<void>): Promise<void> {
    if (!this.#complete) return;
    const passages: Passage[] = [];
    const findings: Finding[] = [];
    try {
      await play({
        shows: (passage) => void passages.push(passage),
        finds: (holds, text) => void findings.push({ holds, text }),
      });
    } catch (error) {
      if (!(error instanceof SimulatorError)) throw error;
      findings.push({ holds: false, text: error.message });
      this.#complete = false;
    }
    this.#findings += findings.length;
    this.#failed += findings.filter(({ holds }) => !holds).length;
    this.#onStep({ number: (this.#steps += 1), act: this.#act, title, passages, findings });
    this.#act = undefined;
  }

  get outcome(): Outcome {
    return { findings: this.#findings, failed: this.#failed, complete: this.#complete };
  }
}
