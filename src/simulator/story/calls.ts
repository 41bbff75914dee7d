/** Requests of the two apps over HTTP, and what the acts of a story share. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { SimulatorError } from '../error.ts';
import { json, jsonBody, type HeaderList, type HttpExchange } from '../http/message.ts';
import { send, type OutgoingRequest } from '../http/request.ts';
import { basicCredentials } from '../http/user.ts';
import { juliet, names, romeo } from './cast.ts';

/** Addresses of the parties, each without a slash at its end, and the authority of their certificates in PEM form. */
export interface PartyAddresses {
  readonly ca: string;
  readonly provider: string;
  /** The public HTTPS port of the intermediary. */
  readonly intermediary: string;
  readonly gatekeeper: string;
}

export class PartyCalls {
  readonly #parties: PartyAddresses;

  constructor(parties: PartyAddresses) {
    this.#parties = parties;
  }

  /** Returns a token of Juliet's provider for the gatekeeper, and its nonce.
   *  @throws SimulatorError when the provider gives none */
  async ownershipToken(): Promise<{ readonly token: string; readonly nonce: string }> {
    const nonce = randomBytes(12).toString('base64url');
    const { answer } = await this.callProvider({
      method: 'POST',
      url: `${this.#parties.provider}/tokens`,
      headers: [['Content-Type', 'application/json']],
      body: json({ audience: names.gatekeeper, nonce }),
    });
    const token = jsonBody(answer)?.['ownershipToken'];
    if (typeof token !== 'string') throw missing('the provider gives no token');
    return { token, nonce };
  }

  /** Sends a request of Juliet's app directly to her own provider. */
  callProvider({ headers = [], ...request }: OutgoingRequest): Promise<HttpExchange> {
    return this.#call({ ...request, headers: [['Authorization', basicCredentials(juliet)], ...headers] });
  }

  /** Sends a request of Juliet's app to the intermediary, with the headers that her HTTP library adds. */
  callIntermediary(
    method: OutgoingRequest['method'],
    path: string,
    headers: HeaderList,
    body?: object | string,
  ): Promise<HttpExchange> {
    return this.#call({
      method,
      url: `${this.#parties.intermediary}${path}`,
      headers: [...juliet.httpHabits, ...headers],
      ...(body === undefined ? {} : { body: typeof body === 'string' ? Buffer.from(body) : json(body) }),
    });
  }

  /** Sends a request of Romeo's app to his gatekeeper. */
  callGatekeeper(method: OutgoingRequest['method'], path: string, body?: Buffer): Promise<HttpExchange> {
    return this.#call({
      method,
      url: `${this.#parties.gatekeeper}${path}`,
      headers: [['Authorization', basicCredentials(romeo)], ...romeo.httpHabits],
      ...(body === undefined ? {} : { body }),
    });
  }

  #call(request: OutgoingRequest): Promise<HttpExchange> {
    return send(request, { ca: this.#parties.ca });
  }
}

const untilMs = 10_000;
const pollMs = 10;

/** Waits until `look` returns a value.
 *  @throws SimulatorError `ERR_SIMULATOR_TIMEOUT` */
export async function until<T>(look: () => T | undefined, what: string): Promise<T> {
  for (let waited = 0; waited < untilMs; waited += pollMs) {
    const found = look();
    if (found !== undefined) return found;
    await sleep(pollMs);
  }
  throw new SimulatorError('ERR_SIMULATOR_TIMEOUT', what);
}

export function missing(message: string): SimulatorError {
  return new SimulatorError('ERR_SIMULATOR_EXPECTATION', message);
}

export function known<T>(value: T | undefined, otherwise: string): T {
  if (value === undefined) throw missing(otherwise);
  return value;
}
