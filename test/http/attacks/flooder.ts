/** Sends a flood from a process of its own, at a fixed rate until it is killed: `node flooder.ts PORT VERSION NAME BYTES_PER_SECOND`. */
import { setPriority } from 'node:os';
import { attack } from './attacker.ts';
import { baselines, floods } from './floods.ts';

const [port, version, name, bytesPerSecond] = process.argv.slice(2);
const flood = [...baselines, ...floods].find((each) => each.version === version && each.name === name)!;

// Attackers have machines of their own. Here they take the processor last.
setPriority(19);

process.stdout.write('ready');
let next = performance.now();
const pace = async (bytes: number): Promise<void> => {
  next += (bytes / Number(bytesPerSecond)) * 1_000;
  const wait = next - performance.now();
  if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
};
for (;;) await attack({ port: Number(port), pid: process.pid }, flood, 4, pace);
