#!/usr/bin/env node
// The command's entry point. It runs the sources in a checkout and the build in the published package. It is plain
// JavaScript because the machine's own Node may be older than the one the product runs on: in that case it hands over
// to the npm package `node`, where that is installed, with the same arguments.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [major, minor] = process.versions.node.split('.').map(Number);
const source = fileURLToPath(new URL('main.ts', import.meta.url));
const build = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const main = existsSync(source) ? source : build;
// Running main.ts needs type stripping without a flag (Node 22.18, 23.6); running the build needs 22.15.
const needed = main === source ? [22, 18] : [22, 15];

if (major > needed[0] || (major === needed[0] && minor >= needed[1])) {
  await import(main);
} else {
  const pinned = installedNode();
  if (pinned === undefined) {
    console.error(
      `narthex: error ERR_NODE_VERSION: needs Node ${needed.join('.')} or newer, this is ${process.versions.node}. ` +
        'Upgrade it, or install the npm package `node` (npm ci does so in a checkout).',
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

/** Returns the program of the npm package `node`, which `npm ci` puts next to the product's dependencies. */
function installedNode() {
  try {
    const program = join(dirname(createRequire(import.meta.url).resolve('node/package.json')), 'bin/node');
    return existsSync(program) ? program : undefined;
  } catch {
    return undefined;
  }
}
