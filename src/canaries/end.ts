/** One end of a TLS connection that writes text as it is and keeps every byte it receives. */
import type { TLSSocket } from 'node:tls';

/** The outcome of a wait: the text came, the connection was closed before it, or neither happened in time. */
export type WaitOutcome = 'heard' | 'closed' | 'silent';

export class End {
  readonly #socket: TLSSocket;
  readonly #received: Buffer[];
  #unread = '';
  #taken = '';
  #closed = false;
  readonly #looks = new Set<() => void>();

  /** @param received list that the bytes are added to */
  constructor(socket: TLSSocket, received: Buffer[]) {
    this.#socket = socket;
    this.#received = received;
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      this.#received.push(Buffer.from(chunk));
      this.#unread += chunk.toString('latin1');
      this.#look();
    });
    socket.on('end', () => socket.end());
    socket.once('close', () => {
      this.#closed = true;
      this.#look();
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The text before the one that was awaited last. */
  get taken(): string {
    return this.#taken;
  }

  write(text: string): void {
    if (this.#socket.writable) this.#socket.write(text);
  }

  /** Waits until a text is received, and takes everything up to its end. @param timeoutMs bound of the wait */
  until(text: string, timeoutMs: number): Promise<WaitOutcome> {
    return new Promise((resolve) => {
      const finish = (outcome: WaitOutcome): void => {
        clearTimeout(timer);
        this.#looks.delete(look);
        resolve(outcome);
      };
      const look = (): void => {
        const at = this.#unread.indexOf(text);
        if (at !== -1) {
          this.#taken = this.#unread.slice(0, at);
          this.#unread = this.#unread.slice(at + text.length);
          finish('heard');
        } else if (this.#closed) finish('closed');
      };
      const timer = setTimeout(() => finish('silent'), timeoutMs);
      this.#looks.add(look);
      look();
    });
  }

  /** Closes the stream and waits for the end of the connection; after `timeoutMs` it is broken off. */
  async close(timeoutMs: number): Promise<void> {
    this.write('</stream:stream>');
    this.#socket.end();
    if ((await this.until('\0', timeoutMs)) !== 'closed') this.#socket.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #look(): void {
    this.#looks.forEach((look) => look());
  }
}
