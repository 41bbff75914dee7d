import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A folder with these files, which only this user may open, gone when the test is over. */
export async function folderWith(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'narthex-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files))
    await writeFile(join(folder, name), content, { mode: 0o600 });
  return folder;
}

/** The smallest configuration that is complete. */
export const minimal = `apiVersion: narthex/v1
kind: Proxy
listeners:
  - name: clients
    port: 5222
    tls: starttls
certificates:
  - certFile: tls.crt
    keyFile: tls.key
domains:
  - domain: chat.example
    gatekeeper: main
gatekeepers:
  - name: main
    connect:
      address: xmpp.internal:5222
      tls: starttls
`;
