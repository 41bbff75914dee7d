/** The story of interoperability where the gatekeeper speaks the chat channel: the acts and the people of story.ts, with
 *  frames of the published framework between the intermediary and the gatekeeper. Each statement is checked on what the
 *  other party received. */
import type { Intermediary } from '../scene.ts';
import { Telling, type Outcome, type Step } from '../telling.ts';
import { playConnecting } from './connecting.ts';
import { playEnlisting } from './enlisting.ts';
import { ChatScene } from './scene.ts';
import type { ChatStage } from './stage.ts';
import { playWaking } from './waking.ts';
import { playWriting } from './writing.ts';

export interface ChatStoryOptions {
  readonly stage: ChatStage;
  readonly intermediary: Intermediary;
  readonly onStep: (step: Step) => void;
}

/** Plays the story. Never rejects because of the intermediary: a fault of it is a statement that fails. */
export async function playChatStory({ stage, intermediary, onStep }: ChatStoryOptions): Promise<Outcome> {
  const telling = new Telling(onStep);
  const scene = new ChatScene(stage, intermediary, telling);
  try {
    await playEnlisting(scene);
    await playConnecting(scene);
    await playWriting(scene);
    await playWaking(scene);
  } finally {
    scene.close();
  }
  return telling.outcome;
}
