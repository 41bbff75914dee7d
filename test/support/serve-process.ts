/** `narthex serve` as a process of its own, with a configuration in a folder that goes away with it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createAuthority } from './certificates.ts';
import { neverLate } from './patience.ts';
import { temporaryFolder } from './temporary.ts';

export interface ServeProcess {
  readonly child: ChildProcess;
  readonly httpPort: number;
  readonly adminPort: number;
  /** The authority of its certificate, which is for `proxy.example`. */
  readonly ca: string;
  /** That certificate and its key, `tls.crt` and `tls.key` of the folder. */
  readonly pair: { readonly cert: string; readonly key: string };
  /** Folder of narthex.yaml and the files it names. */
  readonly folder: string;
  /** Text of narthex.yaml. */
  readonly config: string;
  /** Lines of its log, parsed. */
  readonly log: readonly Record<string, unknown>[];
  /** Everything that it has written to standard output and standard error. */
  readonly printed: () => string;
  /** Asks it to stop, waits for its end, and gives the exit code. */
  readonly stop: () => Promise<number | null>;
}

export interface ServeProcessOptions {
  /** Sections in addition to the usual ones. */
  readonly config: Record<string, unknown>;
  /** Sections of the gatekeeper. */
  readonly gatekeeper?: Record<string, unknown>;
  /** Files next to the configuration. */
  readonly files?: Readonly<Record<string, string>>;
  /** Arguments of Node itself. */
  readonly node?: readonly string[];
  /** Options of `serve`; `{folder}` stands for the folder. */
  readonly options?: readonly string[];
}

const launcher = join(import.meta.dirname, '../../src/cli/main.ts');

export async function serveProcess({
  config,
  gatekeeper = {},
  files = {},
  node = [],
  options = [],
}: ServeProcessOptions): Promise<ServeProcess> {
  const folder = await temporaryFolder();
  const authority = createAuthority();
  const pair = authority.issue({ dns: ['proxy.example'] });
  const all = { ...files, 'tls.crt': pair.cert, 'tls.key': pair.key };
  for (const [name, text] of Object.entries(all)) await folder.write(name, text);
  const text = JSON.stringify({
    apiVersion: 'narthex/v1',
    kind: 'Proxy',
    listeners: [{ name: 'clients', host: '127.0.0.1', port: 0, tls: 'direct' }],
    certificates: [{ certFile: 'tls.crt', keyFile: 'tls.key' }],
    domains: [{ domain: 'chat.example', gatekeeper: 'test' }],
    gatekeepers: [{ name: 'test', connect: { address: '127.0.0.1:9', tls: 'direct' }, ...gatekeeper }],
    admin: { host: '127.0.0.1', port: 0 },
    ...config,
    overload: { ...neverLate, ...(config['overload'] as object) },
  });
  const file = await folder.write('narthex.yaml', text);
  const given = options.map((option) => option.replace('{folder}', folder.path));
  const child = spawn(process.execPath, [...node, launcher, 'serve', file, ...given], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log: Record<string, unknown>[] = [];
  let errors = '';
  let printed = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
    printed += chunk.toString();
  });
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const started = Promise.withResolvers<void>();
  createInterface(child.stdout).on('line', (line) => {
    log.push(JSON.parse(line) as Record<string, unknown>);
    if (log.at(-1)!['event'] === 'proxy.started') started.resolve();
  });
  const exit = once(child, 'exit') as Promise<[number | null]>;
  void exit.then(() => started.reject(new Error(`it ended: ${errors}`)));
  await started.promise;
  const port = (event: string): number => Number(log.find((line) => line['event'] === event)?.['port']);
  return {
    child,
    httpPort: port('http.opened'),
    adminPort: port('admin.opened'),
    ca: authority.cert,
    pair,
    folder: folder.path,
    config: text,
    log,
    printed: () => printed,
    async stop() {
      child.kill('SIGTERM');
      const [code] = await exit;
      await folder[Symbol.asyncDispose]();
      return code;
    },
  };
}
