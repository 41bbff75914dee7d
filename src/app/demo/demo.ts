/** The demo: the parties of the simulator, and a proxy between them. */
import { playChatStory } from '../../simulator/story/chat/story.ts';
import { openChatStage } from '../../simulator/story/chat/stage.ts';
import { openStage } from '../../simulator/story/stage.ts';
import { playStory } from '../../simulator/story/story.ts';
import type { Outcome, Step } from '../../simulator/story/telling.ts';
import { assemble, type Part } from '../part.ts';
import type { DemoConfigOptions } from './config.ts';
import { startChatDemoProxy, startDemoProxy, type DemoProxy } from './proxy.ts';

export interface Demo extends Part {
  readonly proxy: DemoProxy;
  /** Plays the story of the gatekeeper's protocol.
   *  @param onStep called with each step */
  play(onStep: (step: Step) => void): Promise<Outcome>;
}

/** Starts the parties and the proxy.
 *  @throws SetupError, SimulatorError when a port cannot be opened; Refusal ERR_TEMPORARY_FILE */
export function openDemo(options: DemoConfigOptions): Promise<Demo> {
  return options.protocol === 'chat-channel' ? openChatDemo(options) : openXmppDemo(options);
}

function openXmppDemo(options: DemoConfigOptions): Promise<Demo> {
  return assemble(async (parts) => {
    const stage = parts.track(await openStage());
    const proxy = parts.track(await startDemoProxy(stage, options));
    return { proxy, play: (onStep) => playStory({ stage, intermediary: proxy, onStep }) };
  });
}

function openChatDemo(options: DemoConfigOptions): Promise<Demo> {
  return assemble(async (parts) => {
    const stage = parts.track(await openChatStage());
    const proxy = parts.track(await startChatDemoProxy(stage, options));
    return { proxy, play: (onStep) => playChatStory({ stage, intermediary: proxy, onStep }) };
  });
}
