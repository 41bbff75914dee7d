/** What the tests use of @xmpp/client, which has no types. */
declare module '@xmpp/client' {
  export interface Element {
    readonly name: string;
    readonly attrs: Readonly<Record<string, string>>;
    children: (Element | string)[];
    toString(): string;
  }

  export interface Client {
    readonly reconnect: { stop(): void };
    readonly middleware: {
      use(
        step: (context: { readonly stanza: Element }, next: () => Promise<unknown>) => Promise<unknown>,
      ): void;
    };
    /** Null before and after a stream. */
    readonly parser: object | null;
    _onData(data: Uint8Array): void;
    emit(event: 'error', error: Error): void;
    /** Resolves with the full JID. */
    start(): Promise<unknown>;
    stop(): Promise<unknown>;
    send(element: Element): Promise<void>;
    on(event: 'error', listener: (error: Error) => void): this;
    on(event: 'stanza', listener: (stanza: Element) => void): this;
  }

  export function client(options: {
    readonly service: string;
    readonly domain: string;
    readonly username?: string;
    /** Called when the server has offered its mechanisms. */
    readonly credentials?: (
      authenticate: (credentials: { username: string; password: string }, mechanism: string) => Promise<void>,
    ) => Promise<void>;
    readonly resource?: string;
    /** Milliseconds for each step of the negotiation; 2000 by default. */
    readonly timeout?: number;
  }): Client;

  export function xml(name: string, attributes: object | string, ...children: (Element | string)[]): Element;
}

declare module '@xmpp/xml/lib/parse.js' {
  import type { Element } from '@xmpp/client';
  export default function parse(xml: string): Element;
}
