import * as wire from '../wire/lldp.ts';
import { type Bits, printBits } from './flags.ts';
import { AGGREGATION, printBridging } from './lldp-bridging.ts';
import { printPlace, printPolicy, printPower } from './lldp-media.ts';
import { ouiName } from './oui.ts';
import type { Text } from './text.ts';
import { visibleUntilZero } from './visible.ts';

/** What organizations put into LLDP: IEEE 802.1 and 802.3 (annexes of IEEE 802.1AB and 802.3), and the media endpoint
 * extensions of ANSI/TIA-1057. */

const NAMES_8021: Readonly<Record<number, string>> = {
  1: 'Port VLAN Id',
  2: 'Port and Protocol VLAN ID',
  3: 'VLAN name',
  4: 'Protocol Identity',
  7: 'Link aggregation',
  8: 'Congestion Notification',
  9: 'ETS Configuration',
  10: 'ETS Recommendation',
  11: 'Priority Flow Control Configuration',
  12: 'Application Priority',
};
const NAMES_8023: Readonly<Record<number, string>> = {
  1: 'MAC/PHY configuration/status',
  2: 'Power via MDI',
  3: 'Link aggregation',
  4: 'Max frame size',
};
const NAMES_TIA: Readonly<Record<number, string>> = {
  1: 'LLDP-MED Capabilities',
  2: 'Network policy',
  3: 'Location identification',
  4: 'Extended power-via-MDI',
  5: 'Inventory - hardware revision',
  6: 'Inventory - firmware revision',
  7: 'Inventory - software revision',
  8: 'Inventory - serial number',
  9: 'Inventory - manufacturer name',
  10: 'Inventory - model name',
  11: 'Inventory - asset ID',
};
const SUPPORT: Bits = [
  [2, 'supported'],
  [4, 'enabled'],
];
const INVENTORY: Readonly<Record<number, string>> = {
  5: 'Hardware revision',
  6: 'Firmware revision',
  7: 'Software revision',
  8: 'Serial number',
  9: 'Manufacturer name',
  10: 'Model name',
  11: 'Asset ID',
};

/** Prints the value at `at`, which begins with the organization. False where nothing knows what it holds. */
export function printOrganization(t: Text, at: number, size: number): boolean {
  const { out } = t;
  const oui = t.be24(at);
  out.ascii(`: OUI ${ouiName(oui)} (0x${oui.toString(16).padStart(6, '0')})`);
  if (oui === wire.OUI_8021) return print8021(t, at, size);
  if (oui === wire.OUI_8023) return print8023(t, at, size);
  return oui === wire.OUI_TIA ? printTia(t, at, size) : false;
}

function printSubtype(t: Text, at: number, names: Readonly<Record<number, string>>): number {
  const subtype = t.u8(at + 3);
  t.out.ascii(`\n\t  ${names[subtype] ?? 'unknown'} Subtype (${subtype})`);
  return subtype;
}

function print8021(t: Text, at: number, size: number): boolean {
  const { out } = t;
  if (size < 4) return false;
  switch (printSubtype(t, at, NAMES_8021)) {
    case 1:
      if (size < 6) return true;
      out.ascii(`\n\t    port vlan id (PVID): ${t.be16(at + 4)}`);
      return true;
    case 2:
      if (size < 7) return true;
      out.ascii(`\n\t    port and protocol vlan id (PPVID): ${t.be16(at + 5)}, flags [`);
      printBits(t, SUPPORT, t.u8(at + 4), 'none');
      out.ascii(
        `] (0x${t
          .u8(at + 4)
          .toString(16)
          .padStart(2, '0')})`,
      );
      return true;
    case 3: {
      if (size < 6) return true;
      out.ascii(`\n\t    vlan id (VID): ${t.be16(at + 4)}`);
      if (size < 7) return true;
      const length = t.u8(at + 6);
      if (size < 7 + length) return true;
      out.ascii('\n\t    vlan name: ');
      visibleUntilZero(t, at + 7, at + 7 + length);
      return true;
    }
    case 4: {
      if (size < 5) return true;
      const length = t.u8(at + 4);
      if (size < 5 + length) return true;
      out.ascii('\n\t    protocol identity: ');
      visibleUntilZero(t, at + 5, at + 5 + length);
      return true;
    }
    default:
      printBridging(t, t.u8(at + 3), at, size);
      return NAMES_8021[t.u8(at + 3)] !== undefined;
  }
}

const AUTONEG: Bits = [
  [0x01, 'supported'],
  [0x02, 'enabled'],
];
const PMD: Bits = [
  [0x4000, '10BASE-T hdx'],
  [0x2000, '10BASE-T fdx'],
  [0x1000, '100BASE-T4'],
  [0x0800, '100BASE-TX hdx'],
  [0x0400, '100BASE-TX fdx'],
  [0x0200, '100BASE-T2 hdx'],
  [0x0100, '100BASE-T2 fdx'],
  [0x0080, 'Pause for fdx links'],
  [0x0040, 'Asym PAUSE for fdx'],
  [0x0020, 'Sym PAUSE for fdx'],
  [0x0010, 'Asym and Sym PAUSE for fdx'],
  [0x0008, '1000BASE-{X LX SX CX} hdx'],
  [0x0004, '1000BASE-{X LX SX CX} fdx'],
  [0x0002, '1000BASE-T hdx'],
  [0x0001, '1000BASE-T fdx'],
];
const POWER: Bits = [
  [0x01, 'PSE'],
  [0x02, 'supported'],
  [0x04, 'enabled'],
  [0x08, 'can be controlled'],
];
const PAIRS: Readonly<Record<number, string>> = { 1: 'signal', 2: 'spare' };
const POWER_CLASSES: Readonly<Record<number, string>> = {
  1: 'class0',
  2: 'class1',
  3: 'class2',
  4: 'class3',
  5: 'class4',
};

function print8023(t: Text, at: number, size: number): boolean {
  const { out } = t;
  if (size < 4) return false;
  const hex = (value: number, digits: number): string => `(0x${value.toString(16).padStart(digits, '0')})`;
  switch (printSubtype(t, at, NAMES_8023)) {
    case 1: {
      if (size < 9) return true;
      out.ascii('\n\t    autonegotiation [');
      printBits(t, AUTONEG, t.u8(at + 4), 'none');
      out.ascii(`] ${hex(t.u8(at + 4), 2)}\n\t    PMD autoneg capability [`);
      printBits(t, PMD, t.be16(at + 5), 'unknown');
      out.ascii(`] ${hex(t.be16(at + 5), 4)}`);
      const type = t.be16(at + 7);
      out.ascii(`\n\t    MAU type ${MAU[type] ?? 'unknown'} ${hex(type, 4)}`);
      return true;
    }
    case 2:
      if (size < 7) return true;
      out.ascii('\n\t    MDI power support [');
      printBits(t, POWER, t.u8(at + 4), 'none');
      out.ascii(`], power pair ${PAIRS[t.u8(at + 5)] ?? 'unknown'}`);
      out.ascii(`, power class ${POWER_CLASSES[t.u8(at + 6)] ?? 'unknown'}`);
      return true;
    case 3:
      if (size < 9) return true;
      out.ascii('\n\t    aggregation status [');
      printBits(t, AGGREGATION, t.u8(at + 4), 'none');
      out.ascii(`], aggregation port ID ${t.be32(at + 5)}`);
      return true;
    case 4:
      if (size >= 6) out.ascii(`\n\t    MTU size ${t.be16(at + 4)}`);
      return true;
    default:
      return false;
  }
}

/** MAU types of RFC 4836 by number. */
const MAU: readonly string[] = [
  'Unknown',
  'AUI',
  '10BASE_5',
  'FOIRL',
  '10BASE2',
  '10BASET duplex mode unknown',
  '10BASEFP',
  '10BASEFB',
  '10BASEFL duplex mode unknown',
  '10BROAD36',
  '10BASET hdx',
  '10BASET fdx',
  '10BASEFL hdx',
  '10BASEFL fdx',
  '100BASET4',
  '100BASETX hdx',
  '100BASETX fdx',
  '100BASEFX hdx',
  '100BASEFX fdx',
  '100BASET2 hdx',
  '100BASET2 fdx',
  '1000BASEX hdx',
  '1000BASEX fdx',
  '1000BASELX hdx',
  '1000BASELX fdx',
  '1000BASESX hdx',
  '1000BASESX fdx',
  '1000BASECX hdx',
  '1000BASECX fdx',
  '1000BASET hdx',
  '1000BASET fdx',
  '10GBASEX',
  '10GBASELX4',
  '10GBASER',
  '10GBASEER',
  '10GBASELR',
  '10GBASESR',
  '10GBASEW',
  '10GBASEEW',
  '10GBASELW',
  '10GBASESW',
];

const MED_CAPABILITIES: Bits = [
  [0x01, 'LLDP-MED capabilities'],
  [0x02, 'network policy'],
  [0x04, 'location identification'],
  [0x08, 'extended power via MDI-PSE'],
  [0x10, 'extended power via MDI-PD'],
  [0x20, 'Inventory'],
];
const DEVICES: Readonly<Record<number, string>> = {
  1: 'endpoint class 1',
  2: 'endpoint class 2',
  3: 'endpoint class 3',
  4: 'network connectivity',
};

function printTia(t: Text, at: number, size: number): boolean {
  const { out } = t;
  if (size < 4) return false;
  const subtype = printSubtype(t, at, NAMES_TIA);
  const hex = (value: number, digits: number): string => `(0x${value.toString(16).padStart(digits, '0')})`;
  if (subtype === 1) {
    if (size < 7) return true;
    out.ascii('\n\t    Media capabilities [');
    printBits(t, MED_CAPABILITIES, t.be16(at + 4), 'none');
    out.ascii(`] ${hex(t.be16(at + 4), 4)}`);
    const device = t.u8(at + 6);
    out.ascii(`\n\t    Device type [${DEVICES[device] ?? 'unknown'}] ${hex(device, 2)}`);
  } else if (subtype === 2) printPolicy(t, at, size);
  else if (subtype === 3) printPlace(t, at, size);
  else if (subtype === 4) printPower(t, at, size);
  else if (INVENTORY[subtype] !== undefined) {
    out.ascii(`\n\t  ${INVENTORY[subtype]} `);
    visibleUntilZero(t, at + 4, at + size);
  } else return false;
  return true;
}
