/** A worker for the tests of the supervisor, which does as its first argument says: a word for each worker, such as
 *  `serve,hang`. It adds its number, a space and its process id to the file of the second argument when it begins.
 *  - `serve`: says that it serves, and ends when it is asked to stop.
 *  - `deaf`: says that it serves, and ends by a signal only.
 *  - `hang`: never says that it serves.
 *  - `fail`: ends with 69 after all have begun. */
import { appendFileSync, readFileSync } from 'node:fs';
import type { Message } from '../../../src/app/workers/messages.ts';
import { workerVariable, type WorkerAssignment } from '../../../src/app/workers/worker-process.ts';

const { index, processes } = JSON.parse(process.env[workerVariable]!) as WorkerAssignment;
const [, , script = '', file = ''] = process.argv;
const behaviour = script.split(',')[index]!;

appendFileSync(file, `${index} ${process.pid}\n`);
// Keeps the process, as listeners do.
const kept = setInterval(() => {}, 1_000);
process.on('message', (message: Message) => {
  if (message.kind !== 'notice' || message.notice.kind !== 'stop' || behaviour !== 'serve') return;
  clearInterval(kept);
  process.disconnect!();
});
if (behaviour === 'serve' || behaviour === 'deaf') {
  const started: Message = {
    kind: 'notice',
    notice: { kind: 'started', ports: { listeners: [5222], http: undefined } },
  };
  process.send!(started);
} else if (behaviour === 'fail') {
  setInterval(() => {
    if (readFileSync(file, 'utf8').trim().split('\n').length >= processes) process.exit(69);
  }, 10);
}
