/** The demo: the parties of the simulator, and a proxy between them. */
import { openStage, type Stage } from '../../simulator/story/stage.ts';
import { assemble, type Part } from '../part.ts';
import type { DemoConfigOptions } from './config.ts';
import { startDemoProxy, type DemoProxy } from './proxy.ts';

export interface Demo extends Part {
  readonly stage: Stage;
  readonly proxy: DemoProxy;
}

/** Starts the parties and the proxy.
 *  @throws SetupError, SimulatorError when a port cannot be opened */
export function openDemo(options: DemoConfigOptions): Promise<Demo> {
  return assemble(async (parts) => {
    const stage = parts.track(await openStage());
    const proxy = parts.track(await startDemoProxy(stage, options));
    return { stage, proxy };
  });
}
