/** Takes every step of a client at a server, through a proxy or without one, and explains what failed. */
import { loginTo } from '../../peers/client.ts';
import { pageOrigin } from '../../peers/table/browser.ts';
import { steps, type Step, type TableClient, type Transport } from '../../peers/table-client.ts';
import type { ServerKind } from '../../peers/servers.ts';
import { openLink } from '../../support/link.ts';
import { inFrontOf } from '../../peers/in-front-of.ts';
import { startTestProxy, type TestProxy } from '../../support/proxy.ts';
import { within } from '../../support/wait.ts';
import { watchReasons, type Policy } from '../what-works/reasons.ts';
import { meet, type Place } from './place.ts';
import { takeStep, type Scene, type Success } from './steps.ts';

/** One client, once, at one server. */
export interface Cell {
  readonly server: ServerKind;
  readonly client: TableClient;
  readonly transport: Transport;
  readonly policy: Policy;
}

/** How a step went, and why not better. */
export interface Finding {
  readonly step: Step;
  readonly outcome: Success | 'fails';
  /** What was thrown; for people who look for the cause. */
  readonly error?: string;
  /** `field: treatment` of what the policy has done to the fields of the step. */
  readonly rules: readonly string[];
  /** Set where it was so only when the cell was run again. */
  readonly again?: true;
}

/** A finding with its explanation. Not being able to explain a failure fails the run. */
export interface Explained extends Finding {
  readonly because: 'nothing to explain' | 'a rule' | 'the same without the proxy' | 'unexplained';
}

/** Fields without which a step fails: names, or the beginnings of names. What rules do to others is no reason. */
const fieldsOf: Readonly<Record<Step, readonly string[]>> = {
  'log in': ['bind.resource', 'sasl.exchange', 'sasl.mechanism'],
  'message out': ['content.body', 'message.delivery'],
  'message in': ['content.body', 'message.delivery'],
  'encrypted message': ['content.encrypted', 'keys.devices', 'keys.fetch', 'omemo.header', 'pep.omemo'],
  room: ['content.body', 'disco.features', 'presence.muc'],
  upload: ['disco.features', 'disco.items', 'upload.'],
  archive: ['disco.features', 'mam.query', 'nested.forwarded'],
  resume: ['sm.count', 'sm.id'],
};

/** @xmpp/client computes the key of SCRAM for seconds, and with the processor shared for longer than a proxy waits. */
const patientMs = 120_000;

/** A step that never ends says so. */
const stepTimeoutMs = 240_000;

/** Explains what did not work. Where no rule is the reason, takes the steps straight at the server; where they work there,
 *  through a proxy again: a machine under load may miss a wait, and a defect is there twice. */
export async function explain(
  place: Place,
  cell: Cell,
  found: readonly Finding[],
): Promise<readonly Explained[]> {
  if (!found.some(open)) return found.map(explained);
  const straight = await withoutProxy(place, cell);
  const alike = ({ outcome }: Finding, at: number): boolean => straight[at]!.outcome === outcome;
  const again = found.some((one, at) => open(one) && !alike(one, at))
    ? await throughProxy(place, cell)
    : found;
  return found.map((one, at) => {
    if (!open(one)) return explained(one);
    if (alike(one, at)) return { ...one, because: 'the same without the proxy' };
    return again[at]!.outcome === 'works' ? { ...explained(again[at]!), again: true } : explained(one);
  });
}

/** Whether it needs an explanation other than a rule. */
function open({ outcome, rules }: Finding): boolean {
  return outcome !== 'works' && rules.length === 0;
}

function explained(finding: Finding): Explained {
  if (finding.outcome === 'works') return { ...finding, because: 'nothing to explain' };
  return { ...finding, because: finding.rules.length > 0 ? 'a rule' : 'unexplained' };
}

/** Takes every step through a proxy of its own. */
export async function throughProxy(place: Place, cell: Cell): Promise<Finding[]> {
  const { domain } = place.server;
  const proxy = await startTestProxy({
    ...inFrontOf(place.server),
    policy: cell.policy,
    timeouts: { handshakeMs: patientMs, preAuthMs: patientMs, dialMs: patientMs },
    http: { publicUrl: `https://${domain}`, websocket: { origins: [pageOrigin] } },
  });
  try {
    const port = cell.transport === 'websocket' ? proxy.proxy.httpPort! : proxy[cell.transport];
    return await takeSteps(place, cell, port, proxy);
  } finally {
    await proxy.close();
  }
}

/** Once for each client and transport: policies make no difference. */
function withoutProxy(place: Place, cell: Cell): Promise<readonly Finding[]> {
  const { ports, webSocketPort } = place.server;
  const key = `${cell.client.name} over ${cell.transport}`;
  const port = cell.transport === 'websocket' ? webSocketPort! : ports[cell.transport];
  const found = place.straight.get(key) ?? takeSteps(place, cell, port);
  place.straight.set(key, found);
  return found;
}

/** @param port where the client connects to */
async function takeSteps(
  place: Place,
  { client, transport }: Cell,
  port: number,
  proxy?: TestProxy,
): Promise<Finding[]> {
  const { server } = place;
  const parties: { close(): Promise<void> }[] = [];
  const findings: Finding[] = [];
  let scene: Scene | undefined;
  const attempt = async (step: Step, take: () => Promise<Success>): Promise<void> => {
    const reasons = proxy && watchReasons(proxy.decisions, (field) => concerns(step, field));
    const found: Pick<Finding, 'outcome' | 'error'> = await within(stepTimeoutMs, step, take()).then(
      (outcome) => ({ outcome }),
      (error: unknown) => ({ outcome: 'fails', error: String(error) }),
    );
    findings.push({ step, ...found, rules: reasons?.() ?? [] });
  };
  try {
    const { user, contact } = await meet(place);
    parties.push(contact);
    const login = { ...loginTo(server, user, 'direct'), mode: transport, reconnects: true };
    const network = await openLink(port);
    parties.push(network);
    await attempt('log in', async () => {
      const session = await client.logIn({ ...login, port: network.port });
      parties.push(session);
      const { domain, certificates } = server;
      scene = { session, contact, network, domain, authority: certificates.authority, exchanged: [] };
      return 'works';
    });
    for (const step of steps)
      if (step !== 'log in' && client.cannot[step] === undefined)
        await attempt(step, async () => {
          if (scene === undefined) throw new Error('did not log in');
          return takeStep[step](scene);
        });
  } finally {
    for (const each of parties.toReversed()) await each.close().catch(() => {});
  }
  return findings;
}

function concerns(step: Step, field: string): boolean {
  return fieldsOf[step].some((name) => field === name || field.startsWith(name));
}
