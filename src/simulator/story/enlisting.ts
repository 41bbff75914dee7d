/** Act one: Juliet opts in. */
import { randomUUID } from 'node:crypto';
import { ns } from '../../stanza/namespaces.ts';
import type { Verification } from '../../signals/verify.ts';
import { SimulatorError } from '../error.ts';
import { header, jsonBody, type HttpExchange } from '../http/message.ts';
import { is, type Element } from '../xml/element.ts';
import { juliet, names } from './cast.ts';
import { known } from './calls.ts';
import { matches, type Scene } from './scene.ts';
import type { StepNotes } from './telling.ts';

type Accepted = Extract<Verification, { kind: 'accepted' }>;

const isAuth = (one: Element): boolean => is(one, ns.sasl, 'auth');
const metadataPath = '/.well-known/openid-configuration';

/** Plays the act.
 *  @returns the path of the enlistment at the intermediary */
export async function playEnlisting(scene: Scene): Promise<{ readonly location: string }> {
  const { telling } = scene;
  let location = '';
  telling.act('Juliet opts in');
  await telling.step('The gatekeeper fetches the keys with which the provider signs', (notes) =>
    fetchKeys(scene, notes),
  );
  await telling.step('Juliet connects before she has opted in', (notes) => connectTooEarly(scene, notes));
  await telling.step('Juliet enlists, with a proof that she owns her name', async (notes) => {
    location = await enlist(scene, notes);
  });
  return { location };
}

async function fetchKeys(scene: Scene, notes: StepNotes): Promise<void> {
  const { gatekeeper, provider } = scene.stage.records;
  const { url, gatekeeper: name } = scene.intermediary;
  await scene.stage.gatekeeper.services.attach({ url, pushUrl: `${url}/push/${name}` });
  const published = lastExchange(provider.http, metadataPath);
  const received = lastExchange(
    gatekeeper.http.map(({ exchange }) => exchange),
    metadataPath,
  );
  notes.shows({
    kind: 'answer',
    from: 'the provider',
    to: 'the gatekeeper',
    sent: published.answer,
    received: received.answer,
  });
  const [{ kid } = { kid: undefined }] = scene.stage.provider.issuer.jwks().keys;
  const keys = jsonBody(
    lastExchange(
      gatekeeper.http.map(({ exchange }) => exchange),
      '/.well-known/jwks.json',
    ).answer,
  );
  const uses = ((keys?.['keys'] ?? []) as { kid?: string; use?: string }[]).map(
    (key) => `${key.kid} ${key.use}`,
  );
  notes.finds(
    uses.includes(`${kid} sig`),
    "the gatekeeper has the provider's key, and did not ask the provider",
  );
  notes.finds(
    uses.some((use) => use.endsWith(' attestation')),
    'and the key of Narthex, for attestations only',
  );
  notes.finds(
    !received.answer.body.includes('token_endpoint'),
    'where users log in remains between them and their provider',
  );
}

async function connectTooEarly(scene: Scene, notes: StepNotes): Promise<void> {
  const { gatekeeper } = scene.stage.records;
  const { token } = await scene.ownershipToken();
  const heard = await refusal(scene.connectJuliet(token));
  const shown = gatekeeper.tokens.at(-1);
  notes.finds(
    shown?.check.kind === 'valid' && shown.check.subject === juliet.identifier,
    'the gatekeeper checks her token itself: signed by the provider, for this gatekeeper, in time',
  );
  notes.finds(shown?.enlisted === false, `and refuses her, who has not enlisted: her app hears ${heard}`);
  showLogin(scene, notes);
}

/** Enlists Juliet, and repeats the request.
 *  @returns the path of the enlistment, '' when the answer has none */
async function enlist(scene: Scene, notes: StepNotes): Promise<string> {
  const { gatekeeper } = scene.stage.records;
  const { token, nonce } = await scene.ownershipToken();
  const key = randomUUID();
  const ask = () =>
    scene.callIntermediary(
      'POST',
      '/enlistments',
      [
        ['Authorization', `Bearer ${token}`],
        ['Ownership-Nonce', nonce],
        ['Idempotency-Key', key],
        ['Content-Type', 'application/json'],
      ],
      { gatekeeper: scene.intermediary.gatekeeper },
    );
  const asked = await ask();
  const seen = known(
    gatekeeper.http.findLast(({ through }) => through === 'enlistment'),
    refusedWith(asked),
  ).exchange;
  const passage = { from: "Juliet's app", to: 'the gatekeeper' } as const;
  notes.shows({ ...passage, kind: 'request', sent: asked.request, received: seen.request });
  notes.shows({
    from: 'the gatekeeper',
    to: "Juliet's app",
    kind: 'answer',
    sent: seen.answer,
    received: asked.answer,
  });
  findProofs(scene, notes);
  const said = juliet.httpHabits.filter(([name]) => header(seen.request, name.toLowerCase()) !== undefined);
  notes.finds(said.length === 0, 'her app, her language, her cookie and the page she came from did not pass');
  const given = jsonBody(asked.answer);
  notes.finds(
    asked.answer.status === 201 && given?.['status'] === 'active' && given['riskScore'] === undefined,
    'she is enlisted, and the answer says that and no more',
  );
  const before = gatekeeper.enlistments.length;
  const again = await ask();
  notes.finds(
    again.answer.body.equals(asked.answer.body) && gatekeeper.enlistments.length === before,
    'the same request again gets the same answer, and the gatekeeper is not asked twice',
  );
  return header(asked.answer, 'location') ?? '';
}

/** States how the gatekeeper verified the token and the attestation of an enlistment. */
function findProofs(scene: Scene, notes: StepNotes): void {
  const { gatekeeper } = scene.stage.records;
  const record = gatekeeper.enlistments.at(-1);
  notes.finds(
    record?.token.kind === 'valid' && record.token.subject === juliet.identifier,
    'the gatekeeper verified her proof with the key it had fetched',
  );
  const { attestation } = record ?? {};
  notes.finds(
    attestation?.kind === 'accepted' && attestation.bindingChecked,
    `and the attestation of Narthex, bound to the very connection it came on${attestation?.kind === 'refused' ? `: ${attestation.explanation}` : ''}`,
  );
  if (attestation?.kind === 'accepted') findSignals(notes, attestation.claims);
}

/** States what the attestation has of Juliet's connection. */
export function findSignals(notes: StepNotes, { signals }: Accepted['claims']): void {
  const { client_ip: address, tls, tcp } = signals;
  const ja4 = tls !== undefined && 'ja4' in tls ? String(tls['ja4']) : undefined;
  notes.finds(
    address !== undefined && 'address' in address && address['address'] === '127.0.0.1',
    'it has her address, 127.0.0.1, as the rules for intermediaries ask',
  );
  notes.finds(/^t1[23][di]/.test(ja4 ?? ''), `the fingerprint of her TLS: JA4 ${ja4 ?? 'missing'}`);
  const p0f =
    tcp === undefined ? 'missing' : 'p0f' in tcp ? String(tcp['p0f']) : `absent, ${String(tcp['absent'])}`;
  notes.finds(tcp !== undefined, `and of her TCP: ${p0f}`);
}

/** Shows the authentication of her app, and what the gatekeeper received of it. */
export function showLogin(scene: Scene, notes: StepNotes): void {
  const sent = scene.wire.findLast(({ direction, xml }) => direction === 'sent' && matches(xml, isAuth));
  const received = scene.stage.records.gatekeeper.stream.findLast(
    ({ direction, xml }) => direction === 'received' && matches(xml, isAuth),
  );
  if (sent !== undefined)
    notes.shows({
      kind: 'stanza',
      from: "Juliet's app",
      to: 'the gatekeeper',
      sent: sent.xml,
      received: received?.xml,
    });
}

/** Returns the condition with which a login fails.
 *  @throws SimulatorError when it succeeds, or fails otherwise */
export async function refusal(login: Promise<unknown>): Promise<string> {
  try {
    await login;
  } catch (error) {
    if (error instanceof SimulatorError && error.code === 'ERR_SIMULATOR_AUTHENTICATION')
      return error.message.replace(/^.* /, '');
    throw error;
  }
  throw new SimulatorError('ERR_SIMULATOR_EXPECTATION', 'the login succeeds, and must not');
}

export function lastExchange(exchanges: readonly HttpExchange[], target: string): HttpExchange {
  return known(
    exchanges.findLast(({ request }) => request.target === target),
    `${target} was never requested`,
  );
}

function refusedWith({ answer }: HttpExchange): string {
  const { code } = jsonBody(answer) ?? {};
  return `the gatekeeper was not asked; ${names.intermediary} answered ${typeof code === 'string' ? code : answer.status}`;
}
