/** `npm start`: a gatekeeper, a proxy before it, and two people who talk through both. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { configSchema, type Config } from '../config/schema.ts';
import { openLog } from '../observability/log.ts';
import { createMetrics } from '../observability/metrics.ts';
import { openTracing } from '../observability/tracing.ts';
import { createDevelopmentAuthority, type CertificatePair } from '../simulator/certificates.ts';
import { runConversation, type ConversationEvent } from '../simulator/conversation.ts';
import { createGatekeeper } from '../simulator/gatekeeper.ts';
import type { BoundListener } from '../simulator/server/options.ts';
import { formatBeforeAndAfter } from '../simulator/transcript.ts';
import { startProxy, type Proxy } from './compose.ts';
import { createObserver } from './observe.ts';

const domain = 'localhost';
const host = '127.0.0.1';
const users = [
  { username: 'juliet', password: 'R0m30' },
  { username: 'romeo', password: 'J0l13t' },
] as const;

interface DemoOptions {
  readonly once?: boolean;
  readonly folder: string;
  readonly port: string;
  readonly tlsPort: string;
}

/** Adds the subcommand. */
export function register(program: Command): void {
  program
    .command('demo')
    .description(
      'Generates development certificates, starts the embedded gatekeeper and a proxy before it, plays a ' +
        'conversation through the proxy, and shows for each stanza what the client sent and what the gatekeeper received.',
    )
    .option('--once', 'exit after the conversation')
    .option('--port <port>', 'STARTTLS port of the proxy', '5222')
    .option('--tls-port <port>', 'direct TLS port of the proxy', '5223')
    .option('--folder <folder>', 'where the development certificates go', '.narthex')
    .action(demo);
}

async function demo(options: DemoOptions): Promise<void> {
  const authority = createDevelopmentAuthority();
  const pair = authority.issue([domain, host]);
  const files = await writeCertificates(options.folder, authority.certificate, pair);

  /** What the gatekeeper received since the last step, in order. */
  let received: string[] = [];
  const gatekeeper = createGatekeeper({
    domain,
    users,
    certificate: pair,
    listeners: [{ tls: 'direct', host, port: 0 }],
    onStanza: ({ direction, kind, xml }) => {
      if (direction === 'received' && kind === 'stanza') received.push(xml);
    },
  });
  const [upstream] = await gatekeeper.start();
  let proxy: Proxy | undefined;
  try {
    proxy = await startDemoProxy(options, files, upstream!);
    print(`Gatekeeper on ${host}:${upstream!.port}, proxy on ${host}:${proxy.ports[0]} (STARTTLS) and`);
    print(`${host}:${proxy.ports[1]} (direct TLS). Romeo and Juliet talk through the proxy:\n`);
    await runConversation({
      endpoint: { host, port: proxy.ports[0]!, tls: 'starttls', ca: authority.certificate, domain },
      users: { juliet: users[0], romeo: users[1] },
      onEvent: (event) => {
        show(event, received);
        received = [];
      },
    });
    if (options.once !== true) {
      invite(proxy, files.ca);
      await interrupted();
    }
  } finally {
    await proxy?.close(0);
    await gatekeeper.close();
  }
}

interface Files {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

async function writeCertificates(folder: string, ca: string, pair: CertificatePair): Promise<Files> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const files = {
    ca: join(folder, 'ca.crt'),
    certificate: join(folder, 'localhost.crt'),
    key: join(folder, 'localhost.key'),
  };
  await writeFile(files.ca, ca);
  await writeFile(files.certificate, pair.certificate);
  await writeFile(files.key, pair.key, { mode: 0o600 });
  return files;
}

async function startDemoProxy(options: DemoOptions, files: Files, upstream: BoundListener): Promise<Proxy> {
  const config: Config = configSchema.parse({
    apiVersion: 'narthex/v1',
    kind: 'Proxy',
    listeners: [
      { name: 'starttls', host, port: Number(options.port), tls: 'starttls' },
      { name: 'direct', host, port: Number(options.tlsPort), tls: 'direct' },
    ],
    certificates: [{ certFile: files.certificate, keyFile: files.key }],
    domains: [{ domain, gatekeeper: 'embedded' }],
    gatekeepers: [
      { name: 'embedded', connect: { address: `${host}:${upstream.port}`, tls: 'direct' }, caFile: files.ca },
    ],
  });
  const version = 'demo';
  return startProxy(
    config,
    createObserver({
      log: openLog({ level: 'warn', now: () => Date.now() }),
      metrics: createMetrics({ version, processMetrics: false }),
      tracing: await openTracing({ endpoint: undefined, version, failed: () => {} }),
      now: () => performance.now(),
    }),
  );
}

/** One step: what was sent and what came of it. */
function show(
  { step, kind, title, sentXml, received: receptions }: ConversationEvent,
  received: readonly string[],
): void {
  print(`${String(step).padStart(2)}. ${title}`);
  if (kind === 'stanza') {
    const after = received[0];
    const colour = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
    const lines =
      after === undefined
        ? ['(the gatekeeper received nothing)']
        : formatBeforeAndAfter(sentXml, after, { colour, width: 100 });
    for (const line of lines) print(`      ${line}`);
  }
  for (const reception of receptions) {
    const note =
      reception.outcome === 'received' && reception.note !== undefined ? `: ${reception.note}` : '';
    print(`    → ${reception.title}${reception.outcome === 'withheld' ? ' (withheld)' : ''}${note}`);
  }
  print('');
}

function invite(proxy: Proxy, ca: string): void {
  print('The proxy stays up. Connect an ordinary XMPP client:\n');
  print(`  address    ${users[0].username}@${domain}  password ${users[0].password}`);
  print(`             ${users[1].username}@${domain}   password ${users[1].password}`);
  print(`  server     ${host}, port ${proxy.ports[0]} (STARTTLS) or ${proxy.ports[1]} (direct TLS)`);
  print(`  trust      ${ca}\n`);
  print('Ctrl-C ends it.');
}

function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
