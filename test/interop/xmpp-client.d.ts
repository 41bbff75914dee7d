/** What the tests use of @xmpp/client, which has no types. */
declare module '@xmpp/client' {
  interface Client {
    start(): Promise<unknown>;
    stop(): Promise<unknown>;
    on(event: 'error', listener: (error: Error) => void): this;
  }

  export function client(options: { readonly service: string; readonly domain: string }): Client;
}
