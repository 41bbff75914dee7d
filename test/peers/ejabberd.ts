/**
 * ejabberd 23 or later, as a recipe. `ejabberdctl` insists on its own user and on a node name registered with epmd;
 * neither is wanted here, so the Erlang machine is started directly, undistributed: two can run side by side.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { programs } from './programs.ts';
import { startServer, type PeerServer, type Recipe, type ServerOptions, type Site } from './server.ts';

export function startEjabberd(options?: ServerOptions): Promise<PeerServer> {
  return startServer(recipe, options);
}

const recipe: Recipe = {
  name: 'ejabberd',
  async prepare(site) {
    const configuration = join(site.folder, 'ejabberd.yml');
    const spool = join(site.folder, 'spool');
    const readyFile = join(site.folder, 'registered');
    const certificate = join(site.folder, 'certificate.pem');
    await mkdir(spool);
    await writeFile(configuration, stringify(settings(site, certificate)));
    // In a file: an argument of a process holds a few hundred accounts.
    const script = join(site.folder, 'register.script');
    await writeFile(script, registrations(site, readyFile));
    await writeFile(
      certificate,
      Buffer.concat([await readFile(site.chainFile), await readFile(site.keyFile)]),
    );
    return {
      readyFile,
      program: programs.erl,
      args: [
        '-noinput',
        '-mnesia',
        'dir',
        erlangString(spool),
        '-s',
        'ejabberd',
        '-eval',
        `file:eval(${erlangString(script)}).`,
      ],
      environment: {
        ERL_LIBS: await libraries(),
        ERL_CRASH_DUMP_BYTES: '0',
        EJABBERD_CONFIG_PATH: configuration,
        EJABBERD_LOG_PATH: join(site.folder, 'ejabberd.log'),
        EJABBERD_PID_PATH: join(site.folder, 'ejabberd.pid'),
      },
    };
  },
};

function settings(site: Site, certificate: string): Record<string, unknown> {
  const listener = {
    ip: site.host,
    module: 'ejabberd_c2s',
    // The default of 5 loses connections when many clients come at once.
    backlog: 511,
    max_stanza_size: 262_144,
  };
  return {
    loglevel: 'info',
    hosts: [site.domain],
    certfiles: [certificate],
    listen: [
      { ...listener, port: site.ports.starttls, starttls: true, starttls_required: true },
      { ...listener, port: site.ports.direct, tls: true },
      ...(site.proxyProtocolPort === undefined
        ? []
        : [{ ...listener, port: site.proxyProtocolPort, tls: true, use_proxy_protocol: true }]),
      ...(site.uploadPort === undefined ? [] : [uploadListener(site.host, site.uploadPort)]),
      ...(site.webSocketPort === undefined ? [] : [webSocketListener(site.host, site.webSocketPort)]),
    ],
    auth_method: 'internal',
    auth_password_format: 'plain',
    ...(site.defaultMechanisms ? {} : { disable_sasl_mechanisms: disabledMechanisms(site) }),
    modules: {
      ...Object.fromEntries(plainModules.map((name) => [name, {}])),
      // Its Mnesia archive slows with every message stored (200 more take two seconds more); an account that wants an
      // archive asks for one (XEP-0441).
      mod_mam: { default: 'never' },
      mod_stream_mgmt: site.keepsMessages === true ? { resend_on_timeout: true, resume_timeout: 15 } : {},
      mod_muc: { host: `conference.${site.domain}` },
      mod_pubsub: { plugins: ['flat', 'pep'] },
      ...(site.uploadPort === undefined
        ? {}
        : {
            mod_http_upload: {
              access: 'all',
              docroot: join(site.folder, 'uploads'),
              put_url: `https://${site.domain}:${site.uploadPort}/upload`,
              // For web clients, whose pages are elsewhere.
              custom_headers: {
                'Access-Control-Allow-Origin': '*',
                'Access-Control-Allow-Methods': 'GET,HEAD,PUT,OPTIONS',
                'Access-Control-Allow-Headers': 'Content-Type',
              },
            },
          }),
    },
  };
}

function uploadListener(ip: string, port: number): Record<string, unknown> {
  return { ip, port, module: 'ejabberd_http', tls: true, request_handlers: { '/upload': 'mod_http_upload' } };
}

function webSocketListener(ip: string, port: number): Record<string, unknown> {
  const handlers = { '/xmpp-websocket': 'ejabberd_http_ws' };
  return { ip, port, module: 'ejabberd_http', tls: true, request_handlers: handlers };
}

function disabledMechanisms({ plain, channelBinding }: Site): string[] {
  return [
    'DIGEST-MD5',
    'X-OAUTH2',
    ...(plain ? [] : ['PLAIN']),
    ...(channelBinding ? [] : bindingMechanisms),
  ];
}

const bindingMechanisms = ['SCRAM-SHA-1-PLUS', 'SCRAM-SHA-256-PLUS', 'SCRAM-SHA-512-PLUS'];

const plainModules = (
  'mod_disco mod_caps mod_roster mod_ping mod_time mod_version mod_last mod_offline mod_carboncopy ' +
  'mod_stream_mgmt mod_client_state mod_privacy mod_blocking mod_vcard'
).split(' ');

/** Runs after ejabberd has started; a failed registration ends the machine, so that it cannot go unnoticed. */
function registrations({ accounts, domain }: Site, readyFile: string): string {
  const calls = Object.entries(accounts).map(
    ([name, password]) =>
      // An account exists already when the server is started again.
      `case ejabberd_auth:try_register(${binary(name)}, ${binary(domain)}, ${binary(password)}) of ` +
      'ok -> ok; {error, exists} -> ok end',
  );
  const done = `ok = file:write_file(${erlangString(readyFile)}, <<>>)`;
  return `try ${[...calls, done].join(', ')} catch Class:Reason -> io:format("~p ~p~n", [Class, Reason]), halt(1) end.`;
}

/** An Erlang binary, in base64 because of Erlang's quoting rules. */
function binary(text: string): string {
  return `base64:decode(<<"${Buffer.from(text).toString('base64')}">>)`;
}

function erlangString(text: string): string {
  return `"${text}"`;
}

/** Where Debian puts ejabberd's libraries depends on the processor; `ejabberdctl` knows. */
async function libraries(): Promise<string> {
  const script = await readFile(programs.ejabberdctl, 'utf8');
  const found = /^ERL_LIBS='([^']+)'$/m.exec(script)?.[1];
  if (found === undefined) throw new Error('ERL_LIBS is not where Debian’s ejabberdctl had it');
  return found;
}
