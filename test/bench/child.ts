import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Sends a message to a child and waits for its next one. @throws Error when it ends instead. */
export async function ask(child: ChildProcess, message: object | string): Promise<unknown> {
  const abort = new AbortController();
  const { signal } = abort;
  const answered = once(child, 'message', { signal });
  const ended = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`a process of the benchmark ended with ${String(code)}`);
  });
  child.send(message);
  try {
    const [answer] = (await Promise.race([answered, ended])) as [unknown];
    return answer;
  } finally {
    abort.abort();
    await Promise.allSettled([answered, ended]);
  }
}
