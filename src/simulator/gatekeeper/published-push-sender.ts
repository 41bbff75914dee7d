/** Notifies a provider in the published shape: `{"to": …}` with a token signed by RS256, posted below a base address. */
import { json } from '../http/message.ts';
import { repeated, type PushOutcome, type PushSenderOptions } from './push-sender.ts';

export interface PublishedPushSenderOptions extends Omit<PushSenderOptions, 'url'> {
  /** The integrator's base address, without a slash at the end. */
  readonly url: string;
  /** `aud` of the tokens. Default: the base address. */
  readonly audience?: string;
}

export interface PublishedPushSender {
  /** Notifies a user-visible identifier. All attempts show the same token. */
  push(to: string): Promise<PushOutcome>;
}

/** Lifetime of a token in seconds, as in the published sample. */
const lifetimeS = 3_600;

export function createPublishedPushSender(options: PublishedPushSenderOptions): PublishedPushSender {
  const { url, issuer, audience = url } = options;
  return {
    async push(to) {
      const token = await issuer.sign({ audience, lifetimeS });
      return repeated(json({ to }), async () => token, { ...options, url: `${url}/push` });
    },
  };
}
