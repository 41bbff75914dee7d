/** Prosody 0.12 and 13, as recipes: one Lua configuration, accounts as files, logs to the console. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { programs } from './programs.ts';
import { startServer, type PeerServer, type Recipe, type ServerOptions, type Site } from './server.ts';

export function startProsody(options?: ServerOptions): Promise<PeerServer> {
  return startServer(recipe('prosody', programs.prosody, tlsVersions.old), options);
}

/** Prosody 13, which binds channels over TLS 1.3 too and announces how (XEP-0440). */
export function startProsody13(options?: ServerOptions): Promise<PeerServer> {
  return startServer(recipe('prosody-13', programs.prosody13, tlsVersions.current), options);
}

type TlsVersion = (site: Site) => string;

const tlsVersions = {
  /** The one binding Prosody 0.12 knows, tls-unique, does not exist in TLS 1.3. gloox has nothing after TLS 1.2. */
  old: ({ channelBinding }) => (channelBinding ? 'tlsv1_2' : 'tlsv1_2+'),
  current: () => 'tlsv1_2+',
} satisfies Record<string, TlsVersion>;

function recipe(name: string, program: string, tlsVersion: TlsVersion): Recipe {
  return {
    name,
    async prepare(site) {
      const configuration = join(site.folder, 'prosody.cfg.lua');
      await writeFile(configuration, render(site, tlsVersion(site)));
      await writeAccounts(site);
      // No other argument is safe to ask with: `prosody --version` starts a server.
      return { program, args: ['--config', configuration, '-F'] };
    },
  };
}

const modules = (
  'roster saslauth tls disco ping time version lastactivity uptime ' +
  'carbons mam smacks pep blocklist csi_simple offline vcard4 vcard_legacy'
).split(' ');

const pluginPaths = [
  join(import.meta.dirname, 'lua'),
  join(import.meta.dirname, '../../deploy/prosody'),
  programs.prosody13Modules,
];

function render(site: Site, tlsVersion: string): string {
  return `${site.include === undefined ? '' : `Include ${lua(site.include)}`}
-- Prosody refuses to start as root otherwise; the tests' container may have no other user.
run_as_root = true
daemonize = false
pidfile = ${lua(join(site.folder, 'prosody.pid'))}
data_path = ${lua(join(site.folder, 'data'))}
log = { { levels = { min = "info" }, to = "console" } }

interfaces = { ${lua(site.host)} }
c2s_ports = { ${site.ports.starttls} }
c2s_direct_tls_ports = { ${site.ports.direct} }
c2s_require_encryption = true
${httpsPorts(site).length === 0 ? '' : https(site, httpsPorts(site))}plugin_paths = { ${pluginPaths.map(lua).join(', ')} }
${endPointBinding(site)}${site.defaultMechanisms ? '' : `disable_sasl_mechanisms = { ${disabledMechanisms(site).map(lua).join(', ')} }`}

local tls = {
  certificate = ${lua(site.chainFile)},
  key = ${lua(site.keyFile)},
  protocol = ${lua(tlsVersion)},
}
ssl = tls
c2s_direct_tls_ssl = tls

${site.include === undefined ? services(site) : completed}
`;
}

/** What an included file lacks. Prosody's own file for its scripts empties the server between logins; here each script has a
 *  server for itself. */
const completed = `modules_enabled { "tls" }
modules_disabled { "debug_reset" }`;

/** What an included file decides otherwise: modules, accounts, hosts. */
function services(site: Site): string {
  return `modules_enabled = { ${modulesOf(site).map(lua).join(', ')} }
modules_disabled = { "s2s"${httpsPorts(site).length === 0 ? ', "http"' : ''} }

-- Plain storage is what lets the server offer SCRAM with SHA-1 and with SHA-256 for the same account.
${site.tokens === undefined ? 'authentication = "internal_plain"' : tokenAuthentication(site, site.tokens)}
storage = "internal"

VirtualHost ${lua(site.domain)}
  ssl = tls
Component ${lua(`conference.${site.domain}`)} "muc"
${site.uploadPort === undefined ? '' : uploads(site, site.uploadPort)}`;
}

function endPointBinding({ endPointBinding: wanted, endPoint }: Site): string {
  if (wanted === undefined) return '';
  return `tls_server_end_point_hash = ${lua(wanted === 'hash' ? endPoint : wanted)}\n`;
}

/** Each has both services. */
function httpsPorts({ uploadPort, webSocketPort }: Site): number[] {
  return [uploadPort, webSocketPort].filter((port) => port !== undefined);
}

function modulesOf({ modules: added, keepsMessages = true, webSocketPort }: Site): string[] {
  return [...modules, ...added, ...(webSocketPort === undefined ? [] : ['websocket'])].filter(
    (name) => keepsMessages || name !== 'offline',
  );
}

function disabledMechanisms({ plain, channelBinding }: Site): string[] {
  return [
    ...(plain ? [] : ['PLAIN']),
    'LOGIN',
    'DIGEST-MD5',
    ...(channelBinding ? [] : ['SCRAM-SHA-1-PLUS', 'SCRAM-SHA-256-PLUS']),
  ];
}

function https({ host, chainFile, keyFile }: Site, ports: readonly number[]): string {
  return `http_ports = {}
https_ports = { ${ports.join(', ')} }
https_interfaces = { ${lua(host)} }
https_ssl = { certificate = ${lua(chainFile)}, key = ${lua(keyFile)} }
`;
}

function uploads({ domain }: Site, port: number): string {
  return `Component ${lua(`upload.${domain}`)} "http_file_share"
  http_host = ${lua(domain)}
  http_external_url = ${lua(`https://${domain}:${port}/`)}
`;
}

function tokenAuthentication({ accounts, endPoint }: Site, tokens: Readonly<Record<string, string>>): string {
  return `authentication = "tokens"
test_tokens = ${table(tokens)}
test_passwords = ${table(accounts)}
test_end_point = ${lua(endPoint)}`;
}

function table(entries: Readonly<Record<string, string>>): string {
  return `{ ${Object.entries(entries)
    .map(([key, value]) => `[${lua(key)}] = ${lua(value)}`)
    .join(', ')} }`;
}

async function writeAccounts({ folder, domain, accounts }: Site): Promise<void> {
  const accountsFolder = join(folder, 'data', encodeName(domain), 'accounts');
  await mkdir(accountsFolder, { recursive: true });
  for (const [name, password] of Object.entries(accounts)) {
    await writeFile(
      join(accountsFolder, `${encodeName(name)}.dat`),
      `return { ["password"] = ${lua(password)} };\n`,
    );
  }
}

/** Prosody names its folders with everything but letters and digits as %xx. */
function encodeName(name: string): string {
  return name.replace(/[^A-Za-z0-9]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
}

/** A Lua string; for printable ASCII the same as JSON's. */
function lua(text: string): string {
  return JSON.stringify(text);
}
