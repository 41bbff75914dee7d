/** The parser of @xmpp/xml, which only benchmarks use: it is lenient, so the product leaves it out of its types. */
import '@xmpp/xml';

declare module '@xmpp/xml' {
  export class Parser {
    on(event: 'element', listener: (element: { toString(): string }) => void): this;
    write(data: string): void;
  }
}
