/** Stanzas of the checklist and what is awaited for them. Contents are random bytes in place of ciphertext: no key is
 *  agreed with the peer, who in the simulator does not read it. */
import { randomBytes } from 'node:crypto';
import type { ChatNode } from '../simulator/chat/node.ts';
import { SimulatorError } from '../simulator/error.ts';
import type { Deployment } from './deployment.ts';
import { expectThat, Finding } from './finding.ts';

/** Awaits a node.
 *  @param what it is, for the reason when it does not come
 *  @throws Finding */
export async function awaitNode(
  { client, options }: Deployment,
  accepts: (node: ChatNode) => boolean,
  what: string,
): Promise<ChatNode> {
  try {
    return (await client.receive(accepts, options.timeoutMs)).node;
  } catch (error) {
    if (!(error instanceof SimulatorError)) throw error;
    const isLate = error.code === 'ERR_SIMULATOR_TIMEOUT';
    throw new Finding(isLate ? `${what} did not come in time` : `the stream ended before ${what} came`);
  }
}

/** Sends a request with an id of its own, and returns its answer.
 *  @throws Finding */
export function request(
  deployment: Deployment,
  { attrs, ...node }: ChatNode,
  what: string,
): Promise<ChatNode> {
  const id = deployment.id();
  deployment.client.send({ ...node, attrs: { id, ...attrs } });
  return awaitNode(
    deployment,
    ({ tag, attrs: found }) => tag === 'iq' && found['id'] === id,
    `the answer to ${what}`,
  );
}

/** Sends a message to the peer, and awaits the gatekeeper's acknowledgement.
 *  @returns its id
 *  @throws Finding */
export async function message(deployment: Deployment, type: 'text' | 'reaction'): Promise<string> {
  const id = deployment.id();
  const content = [{ tag: 'enc', attrs: { v: '2', type: 'msg' }, content: randomBytes(200) }];
  deployment.client.send({ tag: 'message', attrs: { id, to: deployment.options.peer, type }, content });
  const { attrs } = await awaitNode(
    deployment,
    ({ tag, attrs: found }) => tag === 'ack' && found['class'] === 'message' && found['id'] === id,
    'the acknowledgement of the message',
  );
  expectThat(attrs['error'] === undefined, 'the gatekeeper does not accept the message');
  return id;
}

/** Awaits a receipt of the peer for a message. */
export async function receipt(deployment: Deployment, id: string, type: 'read' | undefined): Promise<void> {
  const isIt = ({ tag, attrs }: ChatNode): boolean =>
    tag === 'receipt' && attrs['id'] === id && attrs['type'] === type;
  await awaitNode(deployment, isIt, type === undefined ? 'the delivery receipt' : 'the read receipt');
}
