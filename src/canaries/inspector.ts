/** Speaks the inspector's protocol (Chrome DevTools Protocol) with another Node process. */

type Message = {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
};

/** One living ArrayBuffer of the other process. */
export interface LivingBuffer {
  readonly bytes: Buffer;
  /** Returns its number in heap snapshots. */
  readonly snapshotId: () => Promise<number>;
}

/** An object of the other process, by its handle. */
export interface RemoteObject {
  readonly objectId?: string;
  readonly value?: unknown;
}

export class Inspector {
  readonly #socket: WebSocket;
  readonly #pending = new Map<
    number,
    { resolve: (result: Record<string, unknown>) => void; reject: (error: Error) => void }
  >();
  readonly #chunks: string[] = [];
  #calls = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#receive(JSON.parse(String(data)) as Message));
    socket.addEventListener('close', () => {
      for (const { reject } of this.#pending.values())
        reject(new Error('the inspector closed the connection'));
      this.#pending.clear();
    });
  }

  /** Connects. @param url begins with `ws://`; Node prints it at its start
   *  @throws Error when nothing answers */
  static open(url: string): Promise<Inspector> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      socket.addEventListener('open', () => resolve(new Inspector(socket)));
      socket.addEventListener('error', () => reject(new Error('no inspector answers')));
    });
  }

  call(method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  /** Returns a heap snapshot in the form of `v8.writeHeapSnapshot`, after a garbage collection. */
  async heapSnapshot(): Promise<string> {
    this.#chunks.length = 0;
    await this.call('HeapProfiler.takeHeapSnapshot', { reportProgress: false, exposeNumericValues: false });
    return this.#chunks.splice(0).join('');
  }

  /** Evaluates an expression, and returns its object or value. */
  async evaluate(expression: string): Promise<RemoteObject> {
    const { result } = await this.call('Runtime.evaluate', { expression });
    return result as RemoteObject;
  }

  /** Returns the contents of every living ArrayBuffer and SharedArrayBuffer, after a garbage collection. */
  async *arrayBuffers(): AsyncIterable<LivingBuffer> {
    await this.call('HeapProfiler.collectGarbage');
    for (const kind of ['ArrayBuffer', 'SharedArrayBuffer']) {
      const prototype = await this.evaluate(`${kind}.prototype`);
      const { objects } = await this.call('Runtime.queryObjects', {
        prototypeObjectId: prototype.objectId,
        objectGroup: 'buffers',
      });
      const { objectId } = objects as RemoteObject;
      const { value: count } = await this.#callOn(objectId!, 'function () { return this.length; }');
      for (let at = 0; at < Number(count); at += 1)
        yield {
          bytes: Buffer.from(String((await this.#callOn(objectId!, readBuffer, [at])).value), 'base64'),
          snapshotId: () => this.#snapshotIdOf(objectId!, at),
        };
    }
    await this.call('Runtime.releaseObjectGroup', { objectGroup: 'buffers' });
  }

  close(): void {
    this.#socket.close();
  }

  /** @param list handle of an array @param at index of the object in it */
  async #snapshotIdOf(list: string, at: number): Promise<number> {
    const { objectId } = await this.#callOn(list, 'function (at) { return this[at]; }', [at], false);
    const { heapSnapshotObjectId } = await this.call('HeapProfiler.getHeapObjectId', { objectId });
    return Number(heapSnapshotObjectId);
  }

  /** Calls a function with an object as `this`, and returns the value of its result, or a handle of it. */
  async #callOn(
    objectId: string,
    functionDeclaration: string,
    values: readonly number[] = [],
    returnByValue = true,
  ): Promise<RemoteObject> {
    const { result } = await this.call('Runtime.callFunctionOn', {
      objectId,
      functionDeclaration,
      arguments: values.map((value) => ({ value })),
      returnByValue,
    });
    return result as RemoteObject;
  }

  #receive({ id, method, params, result, error }: Message): void {
    if (method === 'HeapProfiler.addHeapSnapshotChunk') this.#chunks.push(String(params!['chunk']));
    const pending = this.#pending.get(id ?? -1);
    if (pending === undefined) return;
    this.#pending.delete(id!);
    if (error === undefined) pending.resolve(result ?? {});
    else pending.reject(new Error(error.message));
  }
}

/** Runs in the other process: the bytes of one buffer of the list, in base64. A detached one has none. */
const readBuffer = `function (at) {
  const buffer = this[at];
  return buffer.byteLength === 0 ? '' : Buffer.from(buffer).toString('base64');
}`;
