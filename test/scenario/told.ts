import type { DemoConfigOptions } from '../../src/app/demo/config.ts';
import { startDemoProxy } from '../../src/app/demo/proxy.ts';
import { receivedByGatekeeper, receivedByProvider, type Records } from '../../src/simulator/story/records.ts';
import { openStage } from '../../src/simulator/story/stage.ts';
import { playStory } from '../../src/simulator/story/story.ts';
import type { Outcome, Step } from '../../src/simulator/story/telling.ts';

/** The story as it went, and everything that reached the parties. */
export interface Told {
  readonly steps: readonly Step[];
  readonly outcome: Outcome;
  readonly records: Records;
  readonly urls: { readonly intermediary: string; readonly provider: string };
  /** As text: what came to the gatekeeper and to the provider through the intermediary. */
  readonly gatekeeperReceived: string;
  readonly providerReceived: string;
  /** Statements that did not hold. */
  readonly untrue: readonly string[];
}

/** Plays the whole story through a whole proxy under a policy. */
export async function tell(policy: string, more: Partial<DemoConfigOptions> = {}): Promise<Told> {
  const stage = await openStage();
  try {
    const proxy = await startDemoProxy(stage, { policy, port: 0, tlsPort: 0, httpPort: 0, ...more });
    const steps: Step[] = [];
    const outcome = await playStory({ stage, intermediary: proxy, onStep: (step) => steps.push(step) });
    await proxy.close();
    const { records } = stage;
    return {
      steps,
      outcome,
      records,
      urls: { intermediary: proxy.url, provider: stage.provider.url },
      gatekeeperReceived: receivedByGatekeeper(records),
      providerReceived: receivedByProvider(records),
      untrue: steps.flatMap(({ findings }) => findings.flatMap(({ holds, text }) => (holds ? [] : [text]))),
    };
  } finally {
    await stage.close();
  }
}
