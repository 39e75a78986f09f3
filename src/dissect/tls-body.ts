import * as wire from '../wire/tls.ts';
import type { Fields } from './fields.ts';
import type { HandshakeFields } from './tls-fields.ts';
import { type Transport, walkHello } from './tls-hello.ts';
import {
  walkCertificateRequest,
  walkCertificateStatus,
  walkCertificates,
  walkCertificateVerify,
  walkClientKeyExchange,
  walkServerKeyExchange,
  walkTicket,
} from './tls-messages.ts';
import { isVersion13, type TlsSession } from './tls-session.ts';

/** Walks the body of a message of `type` from `body`, which should end at `whole`, as far as it is there: up to `stop`. */
export function walkBody(
  f: Fields,
  H: HandshakeFields,
  session: TlsSession,
  type: number,
  body: number,
  stop: number,
  whole: number,
  transport: Transport,
): void {
  if (type === wire.CLIENT_HELLO || type === wire.SERVER_HELLO) {
    walkHello(f, H, session, body, stop, type === wire.CLIENT_HELLO, whole === stop, transport);
    return;
  }
  if (type === wire.CERTIFICATE) {
    if (!isVersion13(session.version)) walkCertificates(f, H, body, stop);
    return;
  }
  if (stop < whole) return;
  switch (type) {
    case wire.NEW_SESSION_TICKET:
      walkTicket(f, H, session, body, stop);
      break;
    case wire.SERVER_KEY_EXCHANGE:
      walkServerKeyExchange(f, H, session, body, stop);
      break;
    case wire.CERTIFICATE_REQUEST:
      walkCertificateRequest(f, H, session, body, stop);
      break;
    case wire.CERTIFICATE_VERIFY:
      walkCertificateVerify(f, H, session, body, stop);
      break;
    case wire.CLIENT_KEY_EXCHANGE:
      walkClientKeyExchange(f, H, session, body, stop);
      break;
    case wire.FINISHED:
      f.raw(H.verify_data, body, stop - body);
      break;
    case wire.CERTIFICATE_STATUS:
      walkCertificateStatus(f, H, body, stop);
      break;
  }
}
