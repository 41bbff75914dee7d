/** Plays the script through an endpoint: two clients log in, talk, and log out. */
import { answerRequest } from './caps.ts';
import { connectClient, type Client, type Endpoint } from './client.ts';
import { createDevice, type Device } from './envelope.ts';
import { SimulatorError } from './error.ts';
import { script, software, type Actor, type Expectation, type Stage, type Step } from './script.ts';

/** What one actor saw of one step. */
type Reception =
  | {
      readonly outcome: 'received';
      readonly actor: Actor;
      readonly title: string;
      readonly xml: string;
      /** What the actor made of it, for the reader: a decrypted text. */
      readonly note: string | undefined;
    }
  | { readonly outcome: 'withheld'; readonly actor: Actor; readonly title: string };

/** One step, done. */
export interface ConversationEvent {
  /** From 1. */
  readonly step: number;
  readonly kind: 'login' | 'stanza' | 'logout';
  readonly actor: Actor;
  readonly title: string;
  /** The stanza as the actor wrote it; '' for logging in and out. */
  readonly sentXml: string;
  readonly received: readonly Reception[];
}

export interface ConversationOptions {
  readonly endpoint: Endpoint;
  readonly users: Readonly<Record<Actor, { readonly username: string; readonly password: string }>>;
  /** Awaited before the next step: what the gatekeeper received until now belongs to this step. */
  readonly onEvent?: (event: ConversationEvent) => void | Promise<void>;
  /** How long to wait for what must come, in milliseconds. Default: 10,000. */
  readonly timeoutMs?: number;
  /** How long to wait for what a policy may withhold, in milliseconds. Default: 500. */
  readonly patienceMs?: number;
}

const resources: Readonly<Record<Actor, string>> = { juliet: 'balcony', romeo: 'orchard' };
const titles: Readonly<Record<Actor, string>> = { juliet: 'Juliet logs in', romeo: 'Romeo logs in' };

/** Resolves when the last stream is closed.
 *  @throws SimulatorError naming the step, when what must be received is not, or is wrong */
export async function runConversation(options: ConversationOptions): Promise<void> {
  const clients = new Map<Actor, Client>();
  const stage = createStage(options);
  let step = 0;
  const report = async (event: Omit<ConversationEvent, 'step'>) =>
    options.onEvent?.({ step: ++step, ...event });
  try {
    for (const actor of ['romeo', 'juliet'] as const) {
      clients.set(actor, await logIn(options, actor));
      await report({ kind: 'login', actor, title: titles[actor], sentXml: '', received: [] });
    }
    for (const one of script) await report(await play(one, clients, stage, options));
  } finally {
    for (const client of clients.values()) client.destroy();
  }
}

function logIn({ endpoint, users, timeoutMs }: ConversationOptions, actor: Actor): Promise<Client> {
  return connectClient({
    endpoint,
    ...users[actor],
    resource: resources[actor],
    onRequest: (iq) => answerRequest(software[actor], iq),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
}

async function play(
  step: Step,
  clients: ReadonlyMap<Actor, Client>,
  stage: Stage,
  options: ConversationOptions,
): Promise<Omit<ConversationEvent, 'step'>> {
  const { actor, title, send } = step;
  const client = clients.get(actor)!;
  try {
    const isLogout = send === 'end-of-stream';
    const sentXml = isLogout ? '' : client.send(send(stage));
    if (isLogout) await client.close();
    const received: Reception[] = [];
    for (const expectation of step.expect)
      received.push(await receive(expectation, clients.get(expectation.actor)!, stage, options));
    return { kind: isLogout ? 'logout' : 'stanza', actor, title, sentXml, received };
  } catch (cause) {
    const { code, message } = cause as SimulatorError;
    throw new SimulatorError(code, `"${title}" failed: ${message}`, { cause });
  }
}

async function receive(
  expectation: Expectation,
  client: Client,
  stage: Stage,
  { timeoutMs, patienceMs }: ConversationOptions,
): Promise<Reception> {
  const { actor, title, mayBeWithheld = false } = expectation;
  const bound = mayBeWithheld ? (patienceMs ?? 500) : timeoutMs;
  try {
    const { xml, element } = await client.receive((stanza) => expectation.accepts(stanza, stage), bound);
    return { outcome: 'received', actor, title, xml, note: expectation.read?.(element, stage) };
  } catch (error) {
    const isTimeout = error instanceof SimulatorError && error.code === 'ERR_SIMULATOR_TIMEOUT';
    if (isTimeout && mayBeWithheld) return { outcome: 'withheld', actor, title };
    throw error;
  }
}

/** Devices know each other's keys from here: exchanged out of band. */
function createStage({ endpoint, users }: ConversationOptions): Stage {
  const bare = (actor: Actor) => `${users[actor].username}@${endpoint.domain}`;
  const devices: Readonly<Record<Actor, Device>> = {
    juliet: createDevice(bare('juliet'), 31_415),
    romeo: createDevice(bare('romeo'), 27_183),
  };
  const memory = new Map<string, string>();
  return {
    domain: endpoint.domain,
    bare,
    device: (actor) => devices[actor],
    remember: (name, value) => void memory.set(name, value),
    recall(name) {
      const value = memory.get(name);
      if (value === undefined) throw new SimulatorError('ERR_SIMULATOR_EXPECTATION', `nobody saw ${name}`);
      return value;
    },
  };
}
