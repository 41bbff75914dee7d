/** What is checked before anything is sent to a gatekeeper: the gatekeeper's name, where the request comes from, the
 *  proof of ownership, and that its nonce is used for one request. */
import { createHash } from 'node:crypto';
import type { KnownRegion } from '../../policy/condition.ts';
import type { HttpContext } from '../env.ts';
import { HttpProblem, type ProblemCode } from '../problem.ts';
import type { OwnershipProof } from '../tokens/ownership-proof.ts';
import type { EnlistmentGatekeeper, EnlistmentOptions } from './gatekeeper.ts';

/** Returns a gatekeeper that takes enlistments.
 *  @throws HttpProblem with `code` for any other name */
export function findGatekeeper(
  { gatekeepers }: EnlistmentOptions,
  name: string,
  code: ProblemCode = 'ERR_GATEKEEPER_UNKNOWN',
): EnlistmentGatekeeper {
  const gatekeeper = gatekeepers.get(name);
  if (gatekeeper === undefined) throw new HttpProblem(code);
  return gatekeeper;
}

/** Refuses an address outside the gatekeeper's regions; one that is not in the table is nowhere.
 *  @throws HttpProblem ERR_ENLISTMENT_REGION */
export function refuseElsewhere(
  { regions }: EnlistmentGatekeeper,
  context: HttpContext,
  { regionOf }: EnlistmentOptions,
): void {
  if (regions === undefined) return;
  const { country, subdivision } = regionOf?.(context.env.connection)?.reveal() ?? nowhere;
  if (!regions.includes(country) && !regions.includes(subdivision))
    throw new HttpProblem('ERR_ENLISTMENT_REGION');
}

const nowhere: KnownRegion = { country: '', subdivision: '' };

/** Verifies a proof of ownership, and reports claims beyond those allowed.
 *  @throws HttpProblem with an ERR_TOKEN_ code, or ERR_KEYS_UNAVAILABLE */
export async function prove(
  token: string,
  { req }: HttpContext,
  { ownership, report }: EnlistmentOptions,
): Promise<OwnershipProof> {
  const proof = await ownership.verify(token, req.raw.headers.get('ownership-nonce') ?? undefined);
  if (proof.unlisted.length > 0) report({ event: 'claims-unlisted', claims: proof.unlisted });
  return proof;
}

/** Takes each nonce for one request only. The same request sent again is no replay.
 *  @param request what distinguishes the request from others
 *  @throws HttpProblem ERR_TOKEN_REPLAYED; StateUnavailable */
export async function refuseReplay(
  { subject, nonce, acceptedUntil }: OwnershipProof,
  request: string,
  { state, now }: EnlistmentOptions,
): Promise<void> {
  if (nonce === undefined) return;
  const id = digest(`nonce\n${subject.reveal()}\n${nonce.reveal()}`);
  const asked = Buffer.from(digest(`request\n${subject.reveal()}\n${request}`));
  const earlier = await state.claim('nonce', id, asked, acceptedUntil - now());
  if (earlier !== undefined && !asked.equals(earlier)) throw new HttpProblem('ERR_TOKEN_REPLAYED');
}

/** Returns SHA-256 of a text in base64url. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
