import { WebSocket, type ClientOptions } from 'ws';

export interface WebSocketClientOptions {
  readonly ca: string;
  /** In TLS and in the Host field. Default `localhost`. */
  readonly host?: string;
  readonly origin?: string;
  readonly localAddress?: string;
  /** Further options of `ws`. */
  readonly more?: ClientOptions;
}

/** A client over WebSocket that sends and reads messages as the test wants. */
export class WebSocketClient {
  readonly socket: WebSocket;
  /** Messages received and not yet taken. */
  readonly messages: string[] = [];
  /** Resolves with the close code. */
  readonly closed: Promise<number>;
  #waiter: (() => void) | undefined;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => {
      this.messages.push((data as Buffer).toString());
      this.#waiter?.();
    });
    this.closed = new Promise((resolve) =>
      socket.once('close', (code) => {
        resolve(code);
        this.#waiter?.();
      }),
    );
    socket.on('error', () => {});
  }

  send(text: string): void {
    this.socket.send(text);
  }

  /** Takes messages up to the first that has this text.
   *  @returns that message */
  async until(text: string, timeoutMs = 5_000): Promise<string> {
    const taken: string[] = [];
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const message = this.messages.shift();
      if (message !== undefined) {
        taken.push(message);
        if (message.includes(text)) return message;
        continue;
      }
      const left = deadline - Date.now();
      if (left <= 0 || this.socket.readyState === WebSocket.CLOSED)
        throw new Error(`"${text}" did not come; heard ${taken.join('').slice(-500)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiter = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

/** Opens a WebSocket, with nothing said in it yet.
 *  @throws Error with the status, when the server refuses it */
export async function openWebSocket(port: number, options: WebSocketClientOptions): Promise<WebSocketClient> {
  const { ca, host = 'localhost', origin, localAddress, more } = options;
  const tls = { ca, servername: host };
  const socket = new WebSocket(`wss://127.0.0.1:${port}/xmpp-websocket`, ['xmpp'], {
    ...tls,
    headers: { host },
    perMessageDeflate: false,
    ...(origin !== undefined && { origin }),
    ...(localAddress !== undefined && { localAddress }),
    ...more,
  });
  const client = new WebSocketClient(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return client;
}

export const opensFrame = (to = 'localhost'): string =>
  `<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='${to}' version='1.0'/>`;
export const closesFrame = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";

/** Logs in with SASL 1, and binds nothing. */
export async function authenticateOver(
  client: WebSocketClient,
  { username, password, to = 'localhost' }: { username: string; password: string; to?: string },
): Promise<void> {
  client.send(opensFrame(to));
  await client.until('<stream:features');
  const secret = Buffer.from(`\0${username}\0${password}`).toString('base64');
  client.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${secret}</auth>`);
  await client.until('<success');
  client.send(opensFrame(to));
  await client.until('<stream:features');
}

/** Logs in with SASL 1 and binds a resource.
 *  @returns the bound address */
export async function logInOver(
  client: WebSocketClient,
  username: string,
  password: string,
): Promise<string> {
  await authenticateOver(client, { username, password });
  client.send(
    "<iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
  );
  const bound = await client.until("id='bind'");
  return /<jid>([^<]*)<\/jid>/.exec(bound)?.[1] ?? '';
}
