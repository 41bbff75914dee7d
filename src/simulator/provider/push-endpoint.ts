/** The provider's endpoint for push notifications, which wakes the device of each. (A real provider would call the
 *  push service of the device's maker.) */
import { randomBytes } from 'node:crypto';
import { answer, jsonBody, type HttpAnswer } from '../http/message.ts';
import type { IncomingRequest } from '../http/server.ts';

export interface PushEndpoint {
  /** Registers a device.
   *  @param wake called with each of its notifications
   *  @param identifier the user-visible identifier of its user, by which the published shape names it
   *  @returns the node of the device */
  register(wake: (notification: Readonly<Record<string, unknown>>) => void, identifier?: string): string;
  /** Answers the next `times` notifications with 503, as a service that is down would. */
  failNext(times: number): void;
  handle(request: IncomingRequest): HttpAnswer | undefined;
}

export function createPushEndpoint(): PushEndpoint {
  const devices = new Map<string, (notification: Readonly<Record<string, unknown>>) => void>();
  let failures = 0;
  return {
    register(wake, identifier) {
      const node = randomBytes(12).toString('base64url');
      devices.set(node, wake);
      if (identifier !== undefined) devices.set(identifier, wake);
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
      const wake = devices.get(String(notification['recipient'] ?? notification['to']));
      if (wake === undefined) return answer(410);
      wake(notification);
      return answer(200);
    },
  };
}
