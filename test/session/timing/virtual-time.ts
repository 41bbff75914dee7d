/** Time that passes task by task, when a test says so: each runs at the moment for which it was set. */
import type { Schedule } from '../../../src/session/timers.ts';

interface Task {
  readonly at: number;
  readonly run: () => void;
}

export class VirtualTime {
  /** Milliseconds. */
  ms = 0;
  #tasks: Task[] = [];

  readonly now = (): number => this.ms;

  readonly schedule: Schedule = (milliseconds, run) => {
    const task = { at: this.ms + milliseconds, run };
    this.#tasks.push(task);
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== task);
    };
  };

  /** Goes to the next task that is due by `until` and runs it, or to `until`. @returns whether there was one */
  step(until: number): boolean {
    let next: Task | undefined;
    for (const task of this.#tasks)
      if (task.at <= until && (next === undefined || task.at < next.at)) next = task;
    this.ms = Math.max(this.ms, next?.at ?? until);
    if (next === undefined) return false;
    this.#tasks = this.#tasks.filter((other) => other !== next);
    next.run();
    return true;
  }

  /** Runs everything that is due by `until`. */
  advanceTo(until: number): void {
    while (this.step(until));
  }
}
