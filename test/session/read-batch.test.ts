import { afterEach, describe, expect, it } from 'vitest';
import { BatchedReads, ReadBatch } from '../../src/session/read-batch.ts';
import { Conversation, message, settled } from './conversation.ts';

const talks: Conversation[] = [];
async function begin(reads = new ReadBatch()): Promise<Conversation> {
  const talk = await new Conversation({ reads }).established();
  talks.push(talk);
  talk.client.news();
  talk.gatekeeper.news();
  return talk;
}
afterEach(async () => {
  await Promise.all(talks.map((talk) => talk.over()));
  talks.length = 0;
});

describe('a batch', () => {
  const steps: string[] = [];
  afterEach(() => {
    steps.length = 0;
  });

  /** A connection whose chunks are letters. */
  function connection(batch: ReadBatch): { reads: BatchedReads; read(letter: string): void } {
    let last = '';
    const reads = new BatchedReads(batch, {
      take(chunk) {
        last = Buffer.from(chunk).toString();
        steps.push(`take ${last}`);
        return true;
      },
      finish: () => steps.push(`finish ${last}`),
    });
    reads.begin();
    return {
      reads,
      read(letter) {
        reads.settle();
        reads.add(Buffer.from(letter));
      },
    };
  }

  it('takes every chunk before it finishes the first, after the reads of the iteration', async () => {
    const batch = new ReadBatch();
    connection(batch).read('a');
    connection(batch).read('b');
    expect(steps).toEqual([]);
    await settled();
    expect(steps).toEqual(['take a', 'take b', 'finish a', 'finish b']);
  });

  it('is taken once, when a connection in it reads again', async () => {
    const batch = new ReadBatch();
    const one = connection(batch);
    one.read('a');
    connection(batch).read('b');
    one.read('c');
    expect(steps).toEqual(['take a', 'take b', 'finish a', 'finish b']);
    await settled();
    expect(steps.slice(4)).toEqual(['take c', 'finish c']);
  });

  it('is taken at once with its 64th chunk', () => {
    const batch = new ReadBatch();
    for (let index = 1; index < 64; index += 1) connection(batch).read('a');
    expect(steps).toEqual([]);
    connection(batch).read('b');
    expect(steps).toHaveLength(128);
  });

  it('does not hold a connection that has not begun to be batched', () => {
    const reads = new BatchedReads(new ReadBatch(), {
      take: () => steps.push('take') > 0,
      finish: () => steps.push('finish'),
    });
    reads.add(Buffer.from('a'));
    expect(steps).toEqual(['take', 'finish']);
  });

  it('does not finish a chunk that was kept, or refused', async () => {
    const batch = new ReadBatch();
    const reads = new BatchedReads(batch, { take: () => false, finish: () => steps.push('finish') });
    reads.add(Buffer.from('a'));
    reads.begin();
    reads.add(Buffer.from('b'));
    await settled();
    expect(steps).toEqual([]);
  });

  it('is tried less often while it has one chunk, and always once it has had two', async () => {
    const batch = new ReadBatch();
    const one = connection(batch);
    /** Reads one chunk in an iteration. @returns whether it was taken at once */
    const alone = async (): Promise<boolean> => {
      steps.length = 0;
      one.read('a');
      const atOnce = steps.length > 0;
      await settled();
      return atOnce;
    };
    const kinds: string[] = [];
    for (let index = 0; index < 100; index += 1) kinds.push((await alone()) ? '.' : 'B');
    const waits = kinds
      .join('')
      .split('B')
      .slice(1, -1)
      .map(({ length }) => length);
    expect(waits).toEqual([2, 4, 8, 16, 32]);
    while (await alone());
    for (let index = 0; index < 64; index += 1) await alone();
    // The next chunk is the first of a batch again.
    one.read('a');
    connection(batch).read('b');
    await settled();
    expect(await alone()).toBe(false);
    const after: boolean[] = [];
    for (let index = 0; index < 3; index += 1) after.push(await alone());
    expect(after).toEqual([true, true, false]);
  });
});

describe('sessions that are read in one batch', () => {
  it('pass on what each side says', async () => {
    const reads = new ReadBatch();
    const [one, other] = [await begin(reads), await begin(reads)];
    void one.client.says(message('1'));
    void one.gatekeeper.says(message('2'));
    void other.client.says(message('3'));
    await settled();
    expect(one.gatekeeper.news()).toContain('<body>1<');
    expect(one.client.news()).toContain('<body>2<');
    expect(other.gatekeeper.news()).toContain('<body>3<');
  });

  it('are not ended by what another one is refused for', async () => {
    const reads = new ReadBatch();
    const [bad, good] = [await begin(reads), await begin(reads)];
    void bad.client.says('<message></iq>');
    void good.client.says(message('1'));
    await settled();
    expect(bad.closed).toBe('ERR_XML_NOT_WELL_FORMED');
    expect(good.closed).toBeUndefined();
    expect(good.gatekeeper.news()).toContain('<body>1<');
  });

  it('keep the order of chunks that come before the batch is taken', async () => {
    const talk = await begin();
    for (let id = 1; id <= 5; id += 1) void talk.client.says(message(String(id)));
    await settled();
    const ids = [...talk.gatekeeper.news().matchAll(/<body>(\d)</g)].map(([, id]) => id);
    expect(ids).toEqual(['1', '2', '3', '4', '5']);
  });

  it('pass on the last words of a connection that is lost after them', async () => {
    const talk = await begin();
    void talk.client.says(message('last'));
    await talk.client.hangsUp();
    expect(talk.gatekeeper.news()).toContain('<body>last<');
    expect(talk.closed).toBe('client-closed');
  });

  it('read nothing more once one side has closed its stream', async () => {
    const talk = await begin();
    void talk.client.says('</stream:stream>');
    void talk.gatekeeper.says(message('late'));
    await settled();
    expect(talk.client.news()).not.toContain('late');
    expect(talk.closed).toBe('client-closed');
  });
});
