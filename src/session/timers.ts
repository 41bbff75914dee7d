/** Runs `task` once after `milliseconds`. @returns a function that cancels it */
export type Schedule = (milliseconds: number, task: () => void) => () => void;

/** The process's own timers. */
export const systemTimers: Schedule = (milliseconds, task) => {
  const timer = setTimeout(task, milliseconds);
  return () => clearTimeout(timer);
};
