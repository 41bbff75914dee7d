/** Act one: Juliet opts in. Her app sends the published form; the key of her connections is added on the way. */
import { randomBytes } from 'node:crypto';
import { header, jsonBody, type HttpExchange } from '../../http/message.ts';
import { known } from '../calls.ts';
import { juliet } from '../cast.ts';
import { findSignals, lastExchange, refusal } from '../enlisting.ts';
import type { StepNotes } from '../telling.ts';
import { integrator, statedVersion } from './cast.ts';
import type { ChatScene } from './scene.ts';

const keysPath = '/.well-known/oauth/openid/jwks';

export async function playEnlisting(scene: ChatScene): Promise<void> {
  const { telling } = scene;
  telling.act('Juliet opts in');
  await telling.step('The gatekeeper fetches the keys with which the provider signs', (notes) =>
    fetchKeys(scene, notes),
  );
  await telling.step('Juliet connects before she has opted in', (notes) => connectTooEarly(scene, notes));
  await telling.step('Juliet enlists, with a proof that she owns her name', (notes) => enlist(scene, notes));
}

async function fetchKeys(scene: ChatScene, notes: StepNotes): Promise<void> {
  const { gatekeeper, provider } = scene.stage.records;
  const { url } = scene.intermediary;
  await scene.stage.gatekeeper.services.attach(url, url, { base: `${url}/media/references`, integrator });
  const received = lastExchange(
    gatekeeper.http.map(({ exchange }) => exchange),
    keysPath,
  );
  const published = known(
    provider.http.find(({ request }) => request.target === '/.well-known/jwks.json'),
    'the provider was never asked for its keys',
  );
  notes.shows({
    kind: 'answer',
    from: 'the provider',
    to: 'the gatekeeper',
    sent: published.answer,
    received: received.answer,
  });
  const [{ kid } = { kid: undefined }] = scene.stage.provider.issuer.jwks().keys;
  const keys = (jsonBody(received.answer)?.['keys'] ?? []) as { kid?: string; use?: string }[];
  notes.finds(
    keys.some((key) => key.kid === kid && key.use === 'sig'),
    "the gatekeeper has the provider's key, from the published path, and did not ask the provider",
  );
  notes.finds(
    keys.some(({ use }) => use === 'attestation'),
    'and the key of Narthex, for attestations only',
  );
}

async function connectTooEarly(scene: ChatScene, notes: StepNotes): Promise<void> {
  const { gatekeeper } = scene.stage.records;
  const { token } = await scene.ownershipToken();
  const heard = await refusal(scene.connectJuliet(token));
  const login = known(gatekeeper.logins.at(-1), 'the gatekeeper saw no login');
  notes.finds(
    login.token?.kind === 'valid' && login.token.subject === juliet.identifier,
    'Narthex has checked her token before it dialled; the gatekeeper checks it again, in the last message of the handshake',
  );
  notes.finds(
    login.reason === 415,
    `and answers failure ${login.reason ?? 'none'}, since she has not enlisted: her app hears ${heard}`,
  );
}

async function enlist(scene: ChatScene, notes: StepNotes): Promise<void> {
  const { gatekeeper } = scene.stage.records;
  const { token, nonce } = await scene.ownershipToken();
  const form = new URLSearchParams([
    ['gatekeeper', scene.intermediary.gatekeeper],
    ['e_keytype', Buffer.of(5).toString('base64url')],
    ...signalKeys().map(([name, bytes]): [string, string] => [name, bytes.toString('base64url')]),
    ['token', token],
  ]);
  const asked = await scene.callIntermediary(
    'POST',
    '/enlistments',
    [
      ['Content-Type', 'application/x-www-form-urlencoded'],
      ['Ownership-Nonce', nonce],
    ],
    form.toString(),
  );
  const seen = known(
    gatekeeper.http.findLast(({ through }) => through === 'enlistment'),
    `the gatekeeper was not asked; Narthex answered ${asked.answer.status}`,
  ).exchange;
  const [app, gate] = ["Juliet's app", 'the gatekeeper'] as const;
  notes.shows({ kind: 'request', from: app, to: gate, sent: asked.request, received: seen.request });
  notes.shows({ kind: 'answer', from: gate, to: app, sent: seen.answer, received: asked.answer });
  findForm(scene, notes, form);
  const said = juliet.httpHabits.filter(([name]) => header(seen.request, name.toLowerCase()) !== undefined);
  notes.finds(said.length === 0, 'her app, her language, her cookie and the page she came from did not pass');
  findLogin(scene, notes, asked);
}

/** Public keys of her app's encryption: name of the field, and bytes. The simulated encryption has no use for them. */
function signalKeys(): [string, Buffer][] {
  return [
    ['e_regid', randomBytes(4)],
    ['e_ident', randomBytes(32)],
    ['e_skey_id', randomBytes(3)],
    ['e_skey_val', randomBytes(32)],
    ['e_skey_sig', randomBytes(64)],
  ];
}

/** States what the gatekeeper read in the form. */
function findForm(scene: ChatScene, notes: StepNotes, sent: URLSearchParams): void {
  const record = known(scene.stage.records.gatekeeper.forms.at(-1), 'the gatekeeper read no form');
  const { token, attestation } = record;
  const fields = new Map(record.fields);
  notes.finds(
    ['e_regid', 'e_ident', 'e_skey_id', 'e_skey_val', 'e_skey_sig'].every(
      (name) => fields.get(name) === sent.get(name),
    ),
    'the keys of her encryption are untouched',
  );
  notes.finds(
    !sent.has('authkey') && fields.get('authkey')?.length === 43,
    'Narthex added the key that her connections will show, derived for her name: no other party has its secret half',
  );
  notes.finds(
    fields.get(statedVersion.field) === statedVersion.accepted[0],
    `and stated the version of the protocol, ${statedVersion.accepted[0]}`,
  );
  notes.finds(
    token?.kind === 'valid' && token.subject === juliet.identifier,
    'the gatekeeper verified her proof with the key it had fetched',
  );
  notes.finds(
    attestation?.kind === 'accepted' && attestation.bindingChecked,
    `and the attestation of Narthex, bound to the very connection it came on${attestation?.kind === 'refused' ? `: ${attestation.explanation}` : ''}`,
  );
  if (attestation?.kind === 'accepted') findSignals(notes, attestation.claims);
}

function findLogin(scene: ChatScene, notes: StepNotes, { answer }: HttpExchange): void {
  const given = jsonBody(answer);
  notes.finds(
    answer.status === 200 && given?.['status'] === 'ok' && given['login'] === scene.julietAddress,
    `she is enlisted, as ${scene.julietAddress}, and the answer says that and no more`,
  );
}
