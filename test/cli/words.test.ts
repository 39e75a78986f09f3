import { describe, expect, it } from 'vitest';
import { captureWords, readWords } from '../../src/cli/words.ts';

const interfaces = new Set(['lo', 'eth0', 'wlan0', 'tcp']);
const onHost = (name: string): boolean => interfaces.has(name);

describe('captureWords', () => {
  it.each([
    [[], [], [], ''],
    [[], ['eth0'], ['eth0'], ''],
    [[], ['eth0', 'tcp', 'port', '80'], ['eth0'], 'tcp port 80'],
    [[], ['eth0', 'tcp port 80'], ['eth0'], 'tcp port 80'],
    [[], ['port', '80'], [], 'port 80'],
    [[], ['host 10.0.0.1 and udp'], [], 'host 10.0.0.1 and udp'],
    [[], ['(udp', 'or', 'icmp)'], [], '(udp or icmp)'],
    [[], ['!', 'arp'], [], '! arp'],
    [[], ['10.0.0.1'], [], '10.0.0.1'],
    [[], ['tcp', 'port', '80'], ['tcp'], 'port 80'],
    [[], ['eth9', 'udp'], ['eth9'], 'udp'],
    [[], ['lo,eth0', 'udp'], ['lo', 'eth0'], 'udp'],
    [['any'], ['udp'], ['any'], 'udp'],
    [['lo'], ['eth0'], ['lo'], 'eth0'],
    [['lo', 'eth0', 'lo'], [], ['lo', 'eth0'], ''],
  ])('-i %j, words %j: interfaces %j, filter %j', (given, words, names, filter) => {
    expect(captureWords(given, words, onHost)).toEqual({ interfaces: names, filter });
  });
});

describe('readWords', () => {
  const files = new Set(['a.pcap', 'b', 'tcp', 'dir/c.cap']);
  const exists = (name: string): boolean => files.has(name);
  it.each([
    [[], ['a.pcap'], ['a.pcap'], ''],
    [[], ['missing'], ['missing'], ''],
    [[], ['a.pcap', 'b', 'udp'], ['a.pcap', 'b'], 'udp'],
    [[], ['a.pcap', 'gone.pcapng', 'udp'], ['a.pcap', 'gone.pcapng'], 'udp'],
    [[], ['a.pcap', 'gone.pcap.gz'], ['a.pcap', 'gone.pcap.gz'], ''],
    [[], ['a.pcap', 'tcp', 'port', '80'], ['a.pcap'], 'tcp port 80'],
    [[], ['-', 'udp'], ['-'], 'udp'],
    [[], ['a.pcap', 'udp', 'and', 'port', '5'], ['a.pcap'], 'udp and port 5'],
    [['x'], ['udp'], ['x'], 'udp'],
    [['x'], ['b', 'udp'], ['x', 'b'], 'udp'],
    [[], [], [], ''],
  ])('-r %j, words %j: files %j, filter %j', (given, words, names, filter) => {
    expect(readWords(given, words, exists)).toEqual({ files: names, filter });
  });
});
