import { devAddPack, devRemovePack } from '../dev.ts';
import { fanoutLink, fanoutUnlink } from './fanout.ts';
import type { PacketSock } from './packet-sock.ts';

/** Whether a packet socket is among those that hear frames. */

/** The socket hears, itself or by its fanout group. */
export function registerHook(po: PacketSock): void {
  if (po.running) return;
  po.running = true;
  if (po.fanout !== null) fanoutLink(po);
  else devAddPack(po.net, po.hook);
}
export function unregisterHook(po: PacketSock): void {
  if (!po.running) return;
  po.running = false;
  if (po.fanout !== null) fanoutUnlink(po);
  else devRemovePack(po.net, po.hook);
}
