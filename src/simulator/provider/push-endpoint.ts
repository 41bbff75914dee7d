/** Where the provider takes push notifications and wakes the device they are for (in life: through the push service of
 *  the device's maker). */
import { randomBytes } from 'node:crypto';
import { answer, jsonBody, type HttpAnswer } from '../http/message.ts';
import type { IncomingRequest } from '../http/server.ts';

export interface PushEndpoint {
  /** A node for a device, and what wakes it. */
  register(wake: (notification: Readonly<Record<string, unknown>>) => void): string;
  /** The next so many notifications are answered 503, as by a service that is down. */
  failNext(times: number): void;
  handle(request: IncomingRequest): HttpAnswer | undefined;
}

export function createPushEndpoint(): PushEndpoint {
  const devices = new Map<string, (notification: Readonly<Record<string, unknown>>) => void>();
  let failures = 0;
  return {
    register(wake) {
      const node = randomBytes(12).toString('base64url');
      devices.set(node, wake);
      return node;
    },
    failNext(times) {
      failures = times;
    },
    handle(request) {
      if (request.method !== 'POST' || request.target !== '/push') return undefined;
      if (failures > 0) {
        failures -= 1;
        return answer(503);
      }
      const notification = jsonBody(request);
      if (notification === undefined) return answer(400);
      const wake = devices.get(String(notification['recipient']));
      if (wake === undefined) return answer(410);
      wake(notification);
      return answer(200);
    },
  };
}
