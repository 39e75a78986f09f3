/** SNMP counters. Each group is a Float64Array indexed by the constants here, which stand in the order in which
 * /proc/net/snmp, /proc/net/netstat and /proc/net/snmp6 print them. */

export const IP_NAMES =
  'Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards InDelivers OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates OutTransmits'.split(
    ' ',
  );
export const IP_INRECEIVES = 2;
export const IP_INHDRERRORS = 3;
export const IP_INADDRERRORS = 4;
export const IP_FORWDATAGRAMS = 5;
export const IP_INUNKNOWNPROTOS = 6;
export const IP_INDISCARDS = 7;
export const IP_INDELIVERS = 8;
export const IP_OUTREQUESTS = 9;
export const IP_OUTDISCARDS = 10;
export const IP_OUTNOROUTES = 11;
export const IP_REASMTIMEOUT = 12;
export const IP_REASMREQDS = 13;
export const IP_REASMOKS = 14;
export const IP_REASMFAILS = 15;
export const IP_FRAGOKS = 16;
export const IP_FRAGFAILS = 17;
export const IP_FRAGCREATES = 18;
export const IP_OUTTRANSMITS = 19;

export const IPEXT_NAMES =
  'InNoRoutes InTruncatedPkts InMcastPkts OutMcastPkts InBcastPkts OutBcastPkts InOctets OutOctets InMcastOctets OutMcastOctets InBcastOctets OutBcastOctets InCsumErrors InNoECTPkts InECT1Pkts InECT0Pkts InCEPkts ReasmOverlaps'.split(
    ' ',
  );
export const IPEXT_INNOROUTES = 0;
export const IPEXT_INTRUNCATEDPKTS = 1;
export const IPEXT_INMCASTPKTS = 2;
export const IPEXT_OUTMCASTPKTS = 3;
export const IPEXT_INBCASTPKTS = 4;
export const IPEXT_OUTBCASTPKTS = 5;
export const IPEXT_INOCTETS = 6;
export const IPEXT_OUTOCTETS = 7;
export const IPEXT_INMCASTOCTETS = 8;
export const IPEXT_OUTMCASTOCTETS = 9;
export const IPEXT_INBCASTOCTETS = 10;
export const IPEXT_OUTBCASTOCTETS = 11;
export const IPEXT_INCSUMERRORS = 12;
/** The four ECN code points follow each other; IP's ECN bits 0, 1, 2, 3 are NoECT, ECT1, ECT0, CE. */
export const IPEXT_NOECTPKTS = 13;
export const IPEXT_REASMOVERLAPS = 17;

export const ICMP_NAMES_IN =
  'InMsgs InErrors InCsumErrors InDestUnreachs InTimeExcds InParmProbs InSrcQuenchs InRedirects InEchos InEchoReps InTimestamps InTimestampReps InAddrMasks InAddrMaskReps'.split(
    ' ',
  );
export const ICMP_NAMES_OUT =
  'OutMsgs OutErrors OutRateLimitGlobal OutRateLimitHost OutDestUnreachs OutTimeExcds OutParmProbs OutSrcQuenchs OutRedirects OutEchos OutEchoReps OutTimestamps OutTimestampReps OutAddrMasks OutAddrMaskReps'.split(
    ' ',
  );
/** ICMP types in the order of the two lists above, after their leading sums. */
export const ICMP_TYPE_ORDER = [3, 11, 12, 4, 5, 8, 0, 13, 14, 17, 18];
export const ICMP_INMSGS = 0;
export const ICMP_INERRORS = 1;
export const ICMP_CSUMERRORS = 2;
export const ICMP_OUTMSGS = 3;
export const ICMP_OUTERRORS = 4;
export const ICMP_RATELIMITGLOBAL = 5;
export const ICMP_RATELIMITHOST = 6;

export const UDP_NAMES =
  'InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors'.split(' ');
export const UDP_INDATAGRAMS = 0;
export const UDP_NOPORTS = 1;
export const UDP_INERRORS = 2;
export const UDP_OUTDATAGRAMS = 3;
export const UDP_RCVBUFERRORS = 4;
export const UDP_SNDBUFERRORS = 5;
export const UDP_CSUMERRORS = 6;
export const UDP_IGNOREDMULTI = 7;
export const UDP_MEMERRORS = 8;

export const IP6_NAMES =
  'InReceives InHdrErrors InTooBigErrors InNoRoutes InAddrErrors InUnknownProtos InTruncatedPkts InDiscards InDelivers OutForwDatagrams OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates InMcastPkts OutMcastPkts InOctets OutOctets InMcastOctets OutMcastOctets InBcastOctets OutBcastOctets InNoECTPkts InECT1Pkts InECT0Pkts InCEPkts OutTransmits'.split(
    ' ',
  );
export const IP6_INRECEIVES = 0;
export const IP6_INHDRERRORS = 1;
export const IP6_INTOOBIGERRORS = 2;
export const IP6_INNOROUTES = 3;
export const IP6_INADDRERRORS = 4;
export const IP6_INUNKNOWNPROTOS = 5;
export const IP6_INTRUNCATEDPKTS = 6;
export const IP6_INDISCARDS = 7;
export const IP6_INDELIVERS = 8;
export const IP6_OUTFORWDATAGRAMS = 9;
export const IP6_OUTREQUESTS = 10;
export const IP6_OUTDISCARDS = 11;
export const IP6_OUTNOROUTES = 12;
export const IP6_REASMTIMEOUT = 13;
export const IP6_REASMREQDS = 14;
export const IP6_REASMOKS = 15;
export const IP6_REASMFAILS = 16;
export const IP6_FRAGOKS = 17;
export const IP6_FRAGFAILS = 18;
export const IP6_FRAGCREATES = 19;
export const IP6_INMCASTPKTS = 20;
export const IP6_OUTMCASTPKTS = 21;
export const IP6_INOCTETS = 22;
export const IP6_OUTOCTETS = 23;
export const IP6_INMCASTOCTETS = 24;
export const IP6_OUTMCASTOCTETS = 25;
export const IP6_NOECTPKTS = 28;
export const IP6_OUTTRANSMITS = 32;

export const ICMP6_NAMES = 'InMsgs InErrors OutMsgs OutErrors InCsumErrors OutRateLimitHost'.split(' ');
export const ICMP6_INMSGS = 0;
export const ICMP6_INERRORS = 1;
export const ICMP6_OUTMSGS = 2;
export const ICMP6_OUTERRORS = 3;
export const ICMP6_CSUMERRORS = 4;
export const ICMP6_RATELIMITHOST = 5;

/** Every counter of one network namespace. */
export class NetMib {
  readonly ip = new Float64Array(20);
  readonly ipExt = new Float64Array(18);
  readonly icmp = new Float64Array(7);
  /** By ICMP type; received, then sent at 256 and above. Made when the first message passes. */
  icmpMsg: Float64Array | null = null;
  readonly udp = new Float64Array(9);
  readonly udplite = new Float64Array(9);
  readonly ip6 = new Float64Array(33);
  readonly icmp6 = new Float64Array(6);
  icmp6Msg: Float64Array | null = null;
  readonly udp6 = new Float64Array(9);
  readonly udplite6 = new Float64Array(9);
}

/** TcpExt of /proc/net/netstat: what programs expect to find there, all 0 until TCP is in. */
export const TCPEXT_NAMES =
  'SyncookiesSent SyncookiesRecv SyncookiesFailed EmbryonicRsts PruneCalled RcvPruned OfoPruned OutOfWindowIcmps LockDroppedIcmps ArpFilter TW TWRecycled TWKilled PAWSActive PAWSEstab BeyondWindow TSEcrRejected PAWSOldAck PAWSTimewait DelayedACKs DelayedACKLocked DelayedACKLost ListenOverflows ListenDrops TCPHPHits TCPPureAcks TCPHPAcks TCPRenoRecovery TCPSackRecovery TCPSACKReneging TCPSACKReorder TCPRenoReorder TCPTSReorder TCPFullUndo TCPPartialUndo TCPDSACKUndo TCPLossUndo TCPLostRetransmit TCPRenoFailures TCPSackFailures TCPLossFailures TCPFastRetrans TCPSlowStartRetrans TCPTimeouts TCPLossProbes TCPLossProbeRecovery TCPRenoRecoveryFail TCPSackRecoveryFail TCPRcvCollapsed TCPBacklogCoalesce TCPDSACKOldSent TCPDSACKOfoSent TCPDSACKRecv TCPDSACKOfoRecv TCPAbortOnData TCPAbortOnClose TCPAbortOnMemory TCPAbortOnTimeout TCPAbortOnLinger TCPAbortFailed TCPMemoryPressures TCPMemoryPressuresChrono TCPSACKDiscard TCPDSACKIgnoredOld TCPDSACKIgnoredNoUndo TCPSpuriousRTOs TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure TCPSackShifted TCPSackMerged TCPSackShiftFallback TCPBacklogDrop PFMemallocDrop TCPMinTTLDrop TCPDeferAcceptDrop IPReversePathFilter TCPTimeWaitOverflow TCPReqQFullDoCookies TCPReqQFullDrop TCPRetransFail TCPRcvCoalesce TCPOFOQueue TCPOFODrop TCPOFOMerge TCPChallengeACK TCPSYNChallenge TCPFastOpenActive TCPFastOpenActiveFail TCPFastOpenPassive TCPFastOpenPassiveFail TCPFastOpenListenOverflow TCPFastOpenCookieReqd TCPFastOpenBlackhole TCPSpuriousRtxHostQueues BusyPollRxPackets TCPAutoCorking TCPFromZeroWindowAdv TCPToZeroWindowAdv TCPWantZeroWindowAdv TCPSynRetrans TCPOrigDataSent TCPHystartTrainDetect TCPHystartTrainCwnd TCPHystartDelayDetect TCPHystartDelayCwnd TCPACKSkippedSynRecv TCPACKSkippedPAWS TCPACKSkippedSeq TCPACKSkippedFinWait2 TCPACKSkippedTimeWait TCPACKSkippedChallenge TCPWinProbe TCPKeepAlive TCPMTUPFail TCPMTUPSuccess TCPDelivered TCPDeliveredCE TCPAckCompressed TCPZeroWindowDrop TCPRcvQDrop TCPWqueueTooBig TCPFastOpenPassiveAltKey TcpTimeoutRehash TcpDuplicateDataRehash TCPDSACKRecvSegs TCPDSACKIgnoredDubious TCPMigrateReqSuccess TCPMigrateReqFailure TCPPLBRehash TCPAORequired TCPAOBad TCPAOKeyNotFound TCPAOGood TCPAODroppedIcmps'.split(
    ' ',
  );
