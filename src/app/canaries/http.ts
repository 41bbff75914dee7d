/** Sends canaries over HTTP: an enlistment, a push, and downloads in both directions. */
import { randomUUID } from 'node:crypto';
import type { Canary } from '../../canaries/canary.ts';
import type { Scene } from '../../simulator/story/scene.ts';

/** Sends a message with the address of a file through a stream.
 *  @returns the address as it arrived; undefined where the message did not arrive */
export type SendAddress = (direction: Canary['direction'], url: string) => Promise<string | undefined>;

export interface HttpCanaries {
  /** The parties and the proxy. */
  readonly scene: Scene;
  readonly sendAddress: SendAddress;
  /** Everything that the client receives is added to it. */
  readonly received: Buffer[];
}

/** Sends every canary of an HTTP request.
 *  @returns what became of each */
export async function sendHttpCanaries(
  canaries: readonly Canary[],
  { scene, sendAddress, received }: HttpCanaries,
): Promise<ReadonlyMap<Canary, string>> {
  const { stage, intermediary } = scene;
  const { services } = stage.gatekeeper;
  await services.attach({
    url: intermediary.url,
    pushUrl: `${intermediary.url}/push/${intermediary.gatekeeper}`,
  });
  const outcomes = new Map<Canary, string>();
  const of = (field: string): Canary => canaries.find((each) => each.field.name === field)!;
  const habits = [...habitHeaders].map(([field, name]) => [name, of(field).text] as const);
  const note = (fields: Iterable<string>, outcome: string): void => {
    for (const field of fields) outcomes.set(of(field), outcome);
  };

  const { token, nonce } = await scene.ownershipToken();
  const enlisted = await scene.callIntermediary(
    'POST',
    '/enlistments',
    [
      ['Authorization', `Bearer ${token}`],
      ['Ownership-Nonce', nonce],
      ['Idempotency-Key', randomUUID()],
      ['Content-Type', 'application/json'],
      ...habits,
    ],
    { gatekeeper: intermediary.gatekeeper },
  );
  received.push(Buffer.from(JSON.stringify(enlisted.answer.headers)), enlisted.answer.body);
  note(habitHeaders.keys(), enlisted.answer.status === 201 ? 'sent' : `answered ${enlisted.answer.status}`);

  const pushed = await services.push({
    id: of('push.id').text,
    recipient: of('push.recipient').text,
    sender: of('push.sender').text,
    body: of('push.body').text,
    count: Number(of('push.count').text),
  });
  // The provider does not know the device; its answer comes after it has read the notification.
  note(pushFields, pushed.kind === 'taken' || pushed.kind === 'gone' ? 'sent' : pushed.kind);

  for (const canary of canaries.filter(({ field }) => field.name === 'media.fetch'))
    outcomes.set(canary, await fetchMedia(canary, { scene, sendAddress, received }));
  return outcomes;
}

/** Headers that carry a field. */
const habitHeaders: ReadonlyMap<string, string> = new Map([
  ['http.user-agent', 'User-Agent'],
  ['http.origin', 'Origin'],
  ['http.cookie', 'Cookie'],
  ['http.accept-language', 'Accept-Language'],
  ['http.referer', 'Referer'],
  ['http.forwarded', 'X-Forwarded-For'],
]);

const pushFields = ['push.id', 'push.recipient', 'push.sender', 'push.body', 'push.count'];

/** Returns the address of a stored file. */
function locationOf({ headers }: Awaited<ReturnType<Scene['callProvider']>>['answer']): string {
  return headers.find(([name]) => name.toLowerCase() === 'location')?.[1] ?? '';
}

/** Stores a file under the canary's name, sends its address to the other side, and lets that side fetch it. */
async function fetchMedia(
  { direction, text }: Canary,
  { scene, sendAddress, received }: HttpCanaries,
): Promise<string> {
  const { stage, intermediary } = scene;
  const file = Buffer.from('a file');
  if (direction === 'to-client') {
    // Stored at the provider by its user, and fetched by the gatekeeper.
    const url = `${stage.provider.url}/media/${text}`;
    const stored = await scene.callProvider({ method: 'PUT', url, body: file });
    const sealed = await sendAddress('to-gatekeeper', locationOf(stored.answer));
    if (sealed === undefined || !sealed.startsWith(intermediary.url))
      return 'fetched from the provider itself';
    const fetched = await scene.callGatekeeper('GET', `/media-proxy?url=${encodeURIComponent(sealed)}`);
    return fetched.answer.status === 200 ? 'sent' : `answered ${fetched.answer.status}`;
  }
  const stored = await scene.callGatekeeper('PUT', `/media/${text}`, file);
  const sealed = await sendAddress('to-client', locationOf(stored.answer));
  if (sealed === undefined || !sealed.startsWith(intermediary.url))
    return 'fetched from the gatekeeper itself';
  const { pathname } = new URL(sealed);
  const { answer } = await scene.callIntermediary('GET', pathname, []);
  received.push(Buffer.from(JSON.stringify(answer.headers)), answer.body);
  return answer.status === 200 ? 'sent' : `answered ${answer.status}`;
}
