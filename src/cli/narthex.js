#!/usr/bin/env node
// The command's entry point. It is plain JavaScript because the machine's own Node may be older than the one the
// product runs on: in that case it hands over to the pinned Node among the dependencies, with the same arguments.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [major, minor] = process.versions.node.split('.').map(Number);
const source = fileURLToPath(new URL('main.ts', import.meta.url));
const main = existsSync(source) ? source : fileURLToPath(new URL('main.js', import.meta.url));
// Running main.ts needs type stripping without a flag (Node 22.18, 23.6); running the build needs 22.15.
const needed = main === source ? [22, 18] : [22, 15];

if (major > needed[0] || (major === needed[0] && minor >= needed[1])) {
  await import(main);
} else {
  const pinned = fileURLToPath(new URL('../../node_modules/node/bin/node', import.meta.url));
  if (!existsSync(pinned)) {
    console.error(
      `narthex: error ERR_NODE_VERSION: needs Node ${needed.join('.')} or newer, this is ${process.versions.node}. ` +
        'Run npm ci in the checkout (it brings its own Node), or upgrade.',
    );
    process.exit(78);
  }
  const child = spawn(pinned, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
