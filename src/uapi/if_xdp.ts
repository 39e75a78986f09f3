/** linux/if_xdp.h: AF_XDP sockets. */

export const XDP_SHARED_UMEM = 0x1;
export const XDP_COPY = 0x2;
export const XDP_ZEROCOPY = 0x4;
export const XDP_USE_NEED_WAKEUP = 0x8;
export const XDP_MMAP_OFFSETS = 1;
export const XDP_RX_RING = 2;
export const XDP_TX_RING = 3;
export const XDP_UMEM_REG = 4;
export const XDP_UMEM_FILL_RING = 5;
export const XDP_UMEM_COMPLETION_RING = 6;
export const XDP_STATISTICS = 7;
export const XDP_OPTIONS = 8;
export const XDP_PGOFF_RX_RING = 0;
export const XDP_PGOFF_TX_RING = 2147483648;
export const XDP_UMEM_PGOFF_FILL_RING = 4294967296;
export const XDP_UMEM_PGOFF_COMPLETION_RING = 6442450944;

export const sockaddr_xdp = {
  sizeof: 16,
  sxdp_family: 0,
  sxdp_flags: 2,
  sxdp_ifindex: 4,
  sxdp_queue_id: 8,
  sxdp_shared_umem_fd: 12,
} as const;
export const xdp_umem_reg = { sizeof: 32, addr: 0, len: 8, chunk_size: 16, headroom: 20, flags: 24 } as const;
export const xdp_mmap_offsets = {
  sizeof: 128,
  'rx.producer': 0,
  'rx.consumer': 8,
  'rx.desc': 16,
  'rx.flags': 24,
  'tx.producer': 32,
  'tx.consumer': 40,
  'tx.desc': 48,
  'tx.flags': 56,
  'fr.producer': 64,
  'fr.consumer': 72,
  'fr.desc': 80,
  'fr.flags': 88,
  'cr.producer': 96,
  'cr.consumer': 104,
  'cr.desc': 112,
  'cr.flags': 120,
} as const;
export const xdp_desc = { sizeof: 16, addr: 0, len: 8, options: 12 } as const;
