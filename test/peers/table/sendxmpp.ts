/** sendxmpp, as its users run it: each message is a process that logs in, sends, and leaves. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { within } from '../../support/wait.ts';
import type { Login } from '../client.ts';
import { startProcess } from '../process.ts';
import { programs } from '../programs.ts';
import type { TableClient, TableSession } from '../table-client.ts';

const onlySends = 'only sends';
const runTimeoutMs = 60_000;

export const sendxmppTable: TableClient = {
  name: 'sendxmpp',
  needs: ['sendxmpp'],
  transports: ['starttls', 'direct'],
  cannot: {
    'message in': onlySends,
    'encrypted message': 'has no OMEMO',
    room: 'joins a room only with what it sends there',
    upload: 'has no upload over HTTP',
    archive: onlySends,
    resume: 'connects for each message',
  },
  logIn,
};

async function logIn(login: Login): Promise<TableSession> {
  const jid = `${login.user}@${login.domain}`;
  const folder = await mkdtemp(join(tmpdir(), 'narthex-client-'));
  const close = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    await writeFile(join(folder, 'authority.pem'), login.authority);
    await writeFile(join(folder, 'account'), account(login), { mode: 0o600 });
    // With nothing to say it logs in and leaves.
    await run(folder, login, ['--interactive', jid]);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    jid,
    send: (to, body) => run(folder, login, ['--message-type=chat', to], body),
    receive: () => Promise.reject(new Error(`sendxmpp ${onlySends}`)),
    close,
  };
}

function account({ user, domain, password, host, port }: Login): string {
  return [
    `username: ${user}`,
    `password: ${password}`,
    `jserver: ${host}`,
    `port: ${port}`,
    `component: ${domain}`,
    '',
  ].join('\n');
}

/** @throws Error with the end of its output, when it does not succeed */
async function run(folder: string, login: Login, args: readonly string[], body?: string): Promise<void> {
  const tls = login.mode === 'direct' ? '--ssl' : '--tls';
  const trust = `--tls-ca-path=${join(folder, 'authority.pem')}`;
  const process = startProcess({
    program: programs.sendxmpp,
    args: [`--file=${join(folder, 'account')}`, trust, tls, ...args],
    folder,
    log: join(folder, 'client.log'),
  });
  if (body !== undefined) process.write(body);
  process.closeInput();
  try {
    const status = await within(runTimeoutMs, 'sendxmpp', process.ended);
    if (status !== 0) throw new Error(`sendxmpp ended with ${status}: ${process.logTail()}`);
  } finally {
    await process.stop();
  }
}
