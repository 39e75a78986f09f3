import { describe, expect, it } from 'vitest';
import { ExpectationError } from '../../src/expect/error.ts';
import { parseExpectations } from '../../src/expect/parse.ts';

describe('expectations', () => {
  it.each([
    ['exactly 3 tcp.flags.syn == 1', 'count'],
    ['no tcp.analysis.retransmission', 'count'],
    ['some arp', 'count'],
    ['at least 2 frames', 'count'],
    ['at most 900 bytes of udp', 'count'],
    ['between 1 and 4 frames with ip.ttl > 3', 'count'],
    ['every ip has ip.ttl > 3', 'every'],
    ['all frames have eth', 'every'],
    ['each udp is ip', 'every'],
    ['tcp then udp then icmp', 'sequence'],
    ['arp before icmp', 'before'],
    ['dns.response within 50ms of its query', 'answers'],
    ['dns.flags.response == 1 within 1.5 s of its query', 'answers'],
    ['dns.query answered', 'answered'],
    ['icmp.type == 8 answered within 100us', 'answered'],
    ['tcp followed by udp within 3s', 'near'],
    ['tcp followed by udp within 3s with the same ip.src and ip.dst', 'near'],
    ['tcp within 2m after udp', 'near'],
    ['tcp within 5ns before udp with same tcp.stream', 'near'],
    ['tcp within 1h of udp', 'near'],
    ['gap at most 10ms in rtp', 'gap'],
    ['gap at least 1us', 'gap'],
    ['duration at most 5s', 'duration'],
    ['duration at least 5s of tcp', 'duration'],
    ['no http.request.uri contains " then # within 3s of its "', 'count'],
  ])('%s', (text, kind) => {
    const [one, ...more] = parseExpectations(text);
    expect(more).toEqual([]);
    expect(one!.rule.kind).toBe(kind);
    expect(one!.text).toBe(text);
  });

  it('lines, comments, continued lines', () => {
    const all = parseExpectations(
      '# nothing\n\nsome arp # why\ntcp.syn\n  then tcp.synack # here\n  then http\r\nno icmp\n',
    );
    expect(all.map(({ line, text }) => [line, text])).toEqual([
      [3, 'some arp'],
      [4, 'tcp.syn then tcp.synack then http'],
      [7, 'no icmp'],
    ]);
  });

  it.each([
    ['exactly three tcp', 1, 9, 'a number is expected, not three'],
    ['some tcp\nexactly 3 tcp.flgs.syn == 1', 2, 11, 'tcp.flags.syn'],
    ['exacly 3 tcp', 1, 1, 'near to exacly: exactly'],
    ['between 4 and 2 tcp', 1, 1, 'the first number is the larger one'],
    ['no ', 1, 3, 'a display filter is expected'],
    ['every ip ip.ttl > 3', 1, 7, 'the word has is missing'],
    ['dns within soon of its query', 1, 5, 'within 50ms of its query'],
    ['tcp followed by udp', 1, 17, 'the time is missing'],
    ['tcp within 3s of udp with the same tcp.strem', 1, 36, 'tcp.strem is no field'],
    ['gap below 3s', 1, 5, 'at most or at least'],
    ['tcp then ip.ttl >', 1, 18, ''],
  ])('%j is wrong at line %i, column %i', (text, line, column, message) => {
    let error: unknown;
    try {
      parseExpectations(text, 'x.expect');
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ExpectationError);
    const { render, ...rest } = error as ExpectationError;
    expect((error as ExpectationError).message).toContain(message);
    expect([rest.line, rest.column]).toEqual([line, column]);
    expect((error as ExpectationError).render()).toContain(`x.expect:${line}:${column}: `);
  });
});
