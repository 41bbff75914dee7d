import type { DemoConfigOptions } from '../../src/app/demo/config.ts';
import { startChatDemoProxy, startDemoProxy } from '../../src/app/demo/proxy.ts';
import { nodeXml } from '../../src/simulator/chat/xml.ts';
import { openChatStage, type ChatRecords } from '../../src/simulator/story/chat/stage.ts';
import { playChatStory } from '../../src/simulator/story/chat/story.ts';
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

/** The story over the chat channel as it went, and everything that reached the parties. */
export interface ToldInChat extends Omit<Told, 'records'> {
  readonly records: ChatRecords;
}

/** Plays the story over the chat channel through a whole proxy under a policy. */
export async function tellInChat(policy: string): Promise<ToldInChat> {
  const stage = await openChatStage();
  try {
    const options = { protocol: 'chat-channel', policy, port: 0, tlsPort: 0, httpPort: 0 } as const;
    const proxy = await startChatDemoProxy(stage, options);
    const steps: Step[] = [];
    const outcome = await playChatStory({ stage, intermediary: proxy, onStep: (step) => steps.push(step) });
    await proxy.close();
    const { records } = stage;
    return {
      steps,
      outcome,
      records,
      urls: { intermediary: proxy.url, provider: stage.provider.url },
      gatekeeperReceived: receivedInChat(records),
      providerReceived: receivedByProvider(records),
      untrue: steps.flatMap(({ findings }) => findings.flatMap(({ holds, text }) => (holds ? [] : [text]))),
    };
  } finally {
    await stage.close();
  }
}

/** Every byte that the gatekeeper received through the intermediary, as text: nodes, logins, requests to its services,
 *  and answers to its calls. */
function receivedInChat({ gatekeeper }: ChatRecords): string {
  const nodes = gatekeeper.nodes
    .filter(({ direction, address }) => direction === 'received' && address?.endsWith('@interop') === true)
    .map(({ node }) => nodeXml(node));
  const logins = gatekeeper.logins.map(({ payload }) => payload.toString('latin1'));
  const http = gatekeeper.http.map(({ through, exchange: { request, answer } }) => {
    if (through === 'media-proxy') return '';
    const { headers, body } = through === 'enlistment' ? request : answer;
    return [...headers.map(([name, value]) => `${name}: ${value}`), body.toString('latin1')].join('\n');
  });
  return [...nodes, ...logins, ...http].join('\n');
}
