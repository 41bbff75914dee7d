/** The picture of act three: its storage, and its download by Romeo. */
import { randomBytes } from 'node:crypto';
import { header, jsonBody, type HttpExchange } from '../http/message.ts';
import { decryptPicture, encryptPicture, pictureKeyOf, type PictureKey } from '../picture.ts';
import type { Element } from '../xml/element.ts';
import { juliet, pictureBytes, pictureName } from './cast.ts';
import { known, type PartyCalls } from './calls.ts';
import type { Telling } from './telling.ts';

/** What the picture needs of a scene. */
export interface PictureScene {
  readonly telling: Telling;
  readonly stage: {
    readonly provider: { readonly url: string };
    readonly records: {
      readonly gatekeeper: {
        readonly http: readonly { readonly through: string; readonly exchange: HttpExchange }[];
      };
      readonly provider: { readonly http: readonly HttpExchange[] };
    };
  };
  readonly callProvider: PartyCalls['callProvider'];
  readonly callGatekeeper: PartyCalls['callGatekeeper'];
  readonly callIntermediary: PartyCalls['callIntermediary'];
}

/** A picture of Juliet's, stored encrypted at her provider. */
export interface KeptPicture {
  readonly picture: Buffer;
  readonly secret: PictureKey;
  readonly storedAt: string;
  /** The reference that her provider got for it; undefined where it asked for none. */
  readonly reference: string | undefined;
}

/** The picture as Romeo receives it. */
export interface ReceivedPicture {
  /** Its address at Narthex. */
  readonly address: string;
  /** What Romeo's app sends to the media proxy: the address or path in the message. Default: the address. */
  readonly query?: string;
  /** Content of the encrypted message. */
  readonly content: readonly Element[];
}

export async function keepPicture(scene: PictureScene): Promise<KeptPicture> {
  const { telling, stage } = scene;
  const picture = randomBytes(pictureBytes);
  const { ciphertext, secret } = encryptPicture(picture);
  let storedAt = '';
  let reference: string | undefined;
  await telling.step(
    'Her app encrypts the picture and leaves the ciphertext with her provider',
    async (notes) => {
      const { answer } = await scene.callProvider({
        method: 'PUT',
        url: `${stage.provider.url}/media/${pictureName}`,
        body: ciphertext,
      });
      storedAt = known(header(answer, 'location'), 'the provider keeps no picture');
      const given = jsonBody(answer)?.['storage_reference'];
      if (typeof given === 'string') reference = given;
      const stored = stage.records.provider.http.findLast(({ request }) => request.method === 'PUT')?.request
        .body;
      notes.finds(
        stored?.equals(ciphertext) === true && !stored.includes(picture.subarray(0, 64)),
        `${ciphertext.length} bytes of AES-256-GCM; the key goes into the encrypted message`,
      );
      notes.finds(
        storedAt.includes(juliet.username),
        `their address tells a lot: ${new URL(storedAt).pathname}`,
      );
    },
  );
  return { picture, secret, storedAt, reference };
}

export async function fetchPicture(
  scene: PictureScene,
  { picture, storedAt }: KeptPicture,
  received: ReceivedPicture | undefined,
): Promise<void> {
  const { telling, stage } = scene;
  const { gatekeeper, provider } = stage.records;
  await telling.step(
    "Romeo's app gets the picture: through the gatekeeper's media proxy, then through Narthex",
    async (notes) => {
      const { address, content, query } = known(received, 'Romeo has no address');
      const { answer } = await scene.callGatekeeper('GET', `/media-proxy?${query ?? urlQuery(address)}`);
      const downloads = gatekeeper.http
        .filter(({ through }) => through === 'media-download')
        .map(({ exchange }) => exchange);
      const { pathname } = new URL(storedAt);
      const served = provider.http.filter(({ request }) => request.target === pathname);
      const asked = known(
        downloads.findLast(isFirstPart),
        downloads.length === 0
          ? `the gatekeeper's media proxy does not fetch from that address (${answer.status})`
          : `no part was served; the media proxy got ${downloads.at(-1)!.answer.status}`,
      );
      const given = known(served.findLast(isFirstPart), 'the provider was asked for no part');
      notes.shows({
        kind: 'request',
        from: 'the gatekeeper',
        to: 'the provider',
        sent: asked.request,
        received: given.request,
      });
      notes.shows({
        kind: 'answer',
        from: 'the provider',
        to: 'the gatekeeper',
        sent: given.answer,
        received: asked.answer,
      });
      const stranger = await scene.callIntermediary('GET', new URL(address).pathname, []);
      const decrypted = decryptPicture(answer.body, pictureKeyOf(content));
      notes.finds(
        decrypted.equals(picture),
        `Romeo sees the picture: ${decrypted.length} bytes, each as Juliet's`,
      );
      notes.finds(
        downloads.map(({ request }) => request.method).join() ===
          served.map(({ request }) => request.method).join() && served.length > 2,
        `asked for in ${served.length - 1} parts after its size, as the gatekeeper wanted (Range, If-Range)`,
      );
      const tellTales = ['user-agent', 'via', 'x-forwarded-for', 'x-recipient-device', 'cookie', 'referer'];
      notes.finds(
        served.every(({ request }) => tellTales.every((name) => header(request, name) === undefined)),
        'the provider learned nothing of who asked: no agent, no address, no device, no cookie',
      );
      const identifying = ['server', 'set-cookie', 'x-request-id', 'via'];
      notes.finds(
        downloads.every(
          (one) =>
            identifying.every((name) => header(one.answer, name) === undefined) &&
            header(one.answer, 'etag')?.includes('inode') !== true,
        ),
        'the gatekeeper learned nothing of the store: no server, no cookie, no cache, its version sealed',
      );
      notes.finds(stranger.answer.status === 403, 'only the gatekeeper can use the address, not even Juliet');
    },
  );
}

function urlQuery(address: string): string {
  return `url=${encodeURIComponent(address)}`;
}

function isFirstPart({ request, answer }: HttpExchange): boolean {
  return answer.status === 206 && header(request, 'range')?.startsWith('bytes=0-') === true;
}
