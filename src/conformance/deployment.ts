/** A provider's deployment as its clients see it: the public HTTPS port and the stream port of a proxy. Only the addresses
 *  that are given are dialled; redirects are not followed. */
import { randomBytes } from 'node:crypto';
import { connectChatClient, type ChatClient } from '../simulator/chat/client.ts';
import type { Endpoint } from '../simulator/client-stream.ts';
import { SimulatorError } from '../simulator/error.ts';
import { jsonBody, type HttpAnswer } from '../simulator/http/message.ts';
import { send } from '../simulator/http/request.ts';
import { Finding } from './finding.ts';

export interface DeploymentOptions {
  /** Base address of the public HTTPS port, without a slash at the end. */
  readonly http: string;
  readonly endpoint: Endpoint;
  /** Name of the gatekeeper in the proxy's configuration. */
  readonly gatekeeper: string;
  /** Returns an ownership token that is valid now. */
  readonly token: () => string;
  /** Address of a user of the gatekeeper who answers. */
  readonly peer: string;
  /** Address by which the gatekeeper fetches a stored file; undefined for none. */
  readonly media?: string | undefined;
  /** Milliseconds to wait for any one answer. */
  readonly timeoutMs: number;
}

type Json = Readonly<Record<string, unknown>>;

/** Bytes of the client's keys in the form. */
const keyBytes = { e_keytype: 1, e_regid: 4, e_ident: 32, e_skey_id: 3, e_skey_val: 32, e_skey_sig: 64 };

export class Deployment {
  readonly options: DeploymentOptions;
  /** Keys of the client, the same in every form: the client is one. */
  readonly #keys: Readonly<Record<string, string>>;
  #client: ChatClient | undefined;
  #ids = 0;

  constructor(options: DeploymentOptions) {
    this.options = options;
    const keys = Object.entries(keyBytes).map(([name, bytes]) => [name, randomBytes(bytes)] as const);
    this.#keys = Object.fromEntries(
      keys.map(([name, bytes]) => [name, (name === 'e_keytype' ? curve25519 : bytes).toString('base64url')]),
    );
  }

  /** The client that has logged in.
   *  @throws Finding when none has */
  get client(): ChatClient {
    if (this.#client === undefined) throw new Finding('no client is logged in');
    return this.#client;
  }

  /** Fetches a document of the public port. */
  get(path: string): Promise<HttpAnswer> {
    return this.#send('GET', `${this.options.http}${path}`);
  }

  /** Fetches the first byte of the stored file.
   *  @throws Finding without an address */
  getMedia(): Promise<HttpAnswer> {
    const { media } = this.options;
    if (media === undefined) throw new Finding('no address of a stored file was given', 'skipped');
    return this.#send('GET', media, [['Range', 'bytes=0-0']]);
  }

  /** Sends the form of an enlistment.
   *  @param changed fields in place of the right ones */
  enlist(changed: Readonly<Record<string, string>> = {}): Promise<HttpAnswer> {
    const { gatekeeper, token } = this.options;
    const form = new URLSearchParams({ gatekeeper, ...this.#keys, token: token(), ...changed });
    const type = ['Content-Type', 'application/x-www-form-urlencoded'] as const;
    return this.#send('POST', `${this.options.http}/enlistments`, [type], Buffer.from(form.toString()));
  }

  /** Logs in, and keeps the client for later rows.
   *  @throws Finding */
  async logIn(): Promise<void> {
    this.#client?.destroy();
    this.#client = await this.connect(this.options.token());
    this.#client.send({ tag: 'presence', attrs: { type: 'available' } });
  }

  /** Connects with a token.
   *  @throws Finding with the reason of a refusal */
  async connect(token: string): Promise<ChatClient> {
    const { endpoint, timeoutMs } = this.options;
    try {
      return await connectChatClient({ endpoint, token, timeoutMs });
    } catch (error) {
      throw findingOf(error, 'the stream');
    }
  }

  /** Returns an id for a stanza. */
  id(): string {
    return `C${++this.#ids}-${randomBytes(6).toString('hex')}`.toUpperCase();
  }

  close(): void {
    this.#client?.destroy();
  }

  async #send(
    method: 'GET' | 'POST',
    url: string,
    headers: readonly (readonly [string, string])[] = [],
    body?: Buffer,
  ): Promise<HttpAnswer> {
    const { endpoint, timeoutMs } = this.options;
    try {
      const outgoing = { method, url, headers, ...(body && { body }) };
      return (await send(outgoing, { ca: endpoint.ca, timeoutMs })).answer;
    } catch (error) {
      throw findingOf(error, 'the HTTPS port');
    }
  }
}

const curve25519 = Buffer.of(5);

/** Returns the JSON object of an answer; an empty one for any other body. */
export function documentOf(answer: HttpAnswer): Json {
  return jsonBody(answer) ?? {};
}

/** Returns the finding of a failure of the simulator's client.
 *  @throws the error, when it is another one */
export function findingOf(error: unknown, where: string): Finding {
  if (!(error instanceof SimulatorError)) throw error;
  const reasons: Partial<Record<SimulatorError['code'], string>> = {
    ERR_SIMULATOR_CONNECT: `no connection to ${where}, or its certificate is not trusted`,
    ERR_SIMULATOR_TIMEOUT: `${where} did not answer in time`,
    ERR_SIMULATOR_NEGOTIATION: `${where} does not offer what the client needs`,
    ERR_SIMULATOR_AUTHENTICATION: `the login was refused`,
  };
  return new Finding(
    `${reasons[error.code] ?? `${where} ended or cannot be read`}${condition(error.message)}`,
  );
}

/** Returns the condition of SASL or of a stream error that a message ends with, where it has one. */
function condition(message: string): string {
  const [, word] = / (?:answers|stream error) ([a-z-]{1,40})$/.exec(message) ?? [];
  return word === undefined ? '' : `: ${word}`;
}
