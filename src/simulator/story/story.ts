/** The story of interoperability through an intermediary, played by the simulator's parties: opting in, connecting,
 *  a message with a picture, a push. Each statement is checked on what the other party received. */
import { playConnecting } from './connecting.ts';
import { playEnlisting } from './enlisting.ts';
import { Scene, type Intermediary } from './scene.ts';
import type { Stage } from './stage.ts';
import { Telling, type Outcome, type Step } from './telling.ts';
import { playWaking } from './waking.ts';
import { playWriting } from './writing.ts';

export interface StoryOptions {
  readonly stage: Stage;
  readonly intermediary: Intermediary;
  readonly onStep: (step: Step) => void;
}

/** Plays the story. Never rejects because of the intermediary: a fault of it is a statement that fails. */
export async function playStory({ stage, intermediary, onStep }: StoryOptions): Promise<Outcome> {
  const telling = new Telling(onStep);
  const scene = new Scene(stage, intermediary, telling);
  try {
    const { location } = await playEnlisting(scene);
    await playConnecting(scene);
    await playWriting(scene);
    await playWaking(scene, location);
  } finally {
    scene.close();
  }
  return telling.outcome;
}
