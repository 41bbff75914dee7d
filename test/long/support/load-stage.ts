/** Proxies of the bench with sessions of its load generator, for runs that ask whether they stay as they are. */
import {
  startNarthex,
  startPipe,
  writeCredentials,
  type Contender,
  type NarthexSettings,
  type Surroundings,
} from '../../bench/contenders.ts';
import { workingTree } from '../../bench/checkout.ts';
import { Load } from '../../bench/load.ts';
import { chat } from '../../bench/shapes.ts';

/** Under which most would run it. */
export const shipped: NarthexSettings = { policy: 'balanced', capabilities: true };

/** Bytes of a message. */
const byteLength = 300;

/** What is started is stopped with the stage. */
export class LoadStage implements AsyncDisposable {
  readonly load: Load;
  readonly #around: Surroundings;
  readonly #started: Contender[] = [];

  private constructor(load: Load, around: Surroundings) {
    this.load = load;
    this.#around = around;
  }

  /** Compiles and starts the load generator. @throws Error without a compiler or the headers of OpenSSL */
  static async start(): Promise<LoadStage> {
    const { folder, credentials } = await writeCredentials();
    const load = await Load.start(credentials);
    await load.shape(chat, byteLength);
    return new LoadStage(load, { folder, credentials, upstream: load.port });
  }

  async narthex(): Promise<Contender> {
    return this.#keep(await startNarthex(workingTree, shipped, this.#around));
  }

  async pipe(): Promise<Contender> {
    return this.#keep(await startPipe(this.#around));
  }

  #keep(contender: Contender): Contender {
    this.#started.push(contender);
    return contender;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#started.map((contender) => contender.stop()));
    await this.load[Symbol.asyncDispose]();
    await this.#around.folder[Symbol.asyncDispose]();
  }
}
