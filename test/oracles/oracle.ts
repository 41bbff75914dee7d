/** Parsers that peers use, as long-lived child processes: documents go in, descriptions (description.ts) come out, each
 *  after its length in four bytes. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

export interface Oracle {
  readonly name: string;
  /** Describes the top-level stanzas of a document. One that begins with `!` is the error that ended it.
   *  @throws Error when the parser is gone */
  read(document: Uint8Array): Promise<Buffer>;
  close(): Promise<void>;
}

export interface OracleCommand {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
}

/** Starts an oracle that reads its standard input. */
export function startProcessOracle({ name, program, args }: OracleCommand): Oracle {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const endWithWorker = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithWorker);
  const answers = new Answers(name, child);
  let turn: Promise<unknown> = Promise.resolve();
  return {
    name,
    read: (document) => {
      // One document at a time: answers that are not read yet could fill the pipe.
      const answered = turn.then(() => {
        const head = Buffer.alloc(4);
        head.writeUInt32BE(document.length);
        child.stdin.write(head);
        child.stdin.write(document);
        return answers.next();
      });
      turn = answered.catch(() => {});
      return answered;
    },
    close: async () => {
      child.stdin.end();
      const exited = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await exited;
      clearTimeout(timer);
      process.off('exit', endWithWorker);
    },
  };
}

/** Answers in order, cut out of what a process writes. */
class Answers {
  readonly #name: string;
  #chunks: Buffer[] = [];
  #length = 0;
  #waiting: { resolve: (answer: Buffer) => void; reject: (error: Error) => void } | undefined;
  #gone = false;

  constructor(name: string, child: ChildProcess) {
    this.#name = name;
    child.stdout!.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#settle();
    });
    child.stdin!.on('error', () => {});
    const end = (): void => {
      this.#gone = true;
      this.#settle();
    };
    child.once('error', end);
    child.once('exit', end);
  }

  next(): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#settle();
    });
  }

  #settle(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    const answer = this.#take();
    if (answer === undefined && !this.#gone) return;
    this.#waiting = undefined;
    if (answer === undefined) waiting.reject(new Error(`${this.#name} is gone`));
    else waiting.resolve(answer);
  }

  #take(): Buffer | undefined {
    if (this.#length < 4) return undefined;
    if (this.#chunks[0]!.length < 4) this.#chunks = [Buffer.concat(this.#chunks)];
    const end = 4 + this.#chunks[0]!.readUInt32BE(0);
    if (this.#length < end) return undefined;
    const all = Buffer.concat(this.#chunks);
    this.#chunks = all.length === end ? [] : [all.subarray(end)];
    this.#length -= end;
    return all.subarray(4, end);
  }
}
