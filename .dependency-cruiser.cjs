// Imports point downward only. Each room of src/ names what it may import besides itself; everything else is an error.
const allowed = {
  bytes: [],
  time: [],
  frames: ['bytes'],
  uapi: ['bytes'],
  wire: ['bytes'],
  syscall: ['uapi', 'bytes'],
  dissect: ['wire', 'frames', 'bytes'],
  savefile: ['frames', 'bytes'],
  filter: ['frames', 'bytes', 'uapi', 'wire'],
  linux: ['syscall', 'uapi', 'bytes'],
  kernel: ['syscall', 'uapi', 'wire', 'filter', 'time', 'frames', 'bytes'],
  socket: ['syscall', 'uapi', 'frames', 'bytes'],
  capture: ['socket', 'savefile', 'filter', 'dissect', 'syscall', 'uapi', 'wire', 'frames', 'bytes', 'time'],
  expect: ['dissect', 'savefile', 'wire', 'frames', 'bytes'],
  inject: ['socket', 'savefile', 'syscall', 'uapi', 'wire', 'frames', 'bytes', 'time'],
  lab: [
    'kernel',
    'inject',
    'capture',
    'socket',
    'savefile',
    'filter',
    'dissect',
    'syscall',
    'uapi',
    'wire',
    'frames',
    'bytes',
    'time',
  ],
};
// The library's face binds the rooms to the host's kernel; only src/index.ts and the command line stand above it.
allowed.api = ['linux', ...Object.keys(allowed)];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...Object.entries(allowed).map(([room, below]) => ({
      name: `${room}-imports-downward`,
      severity: 'error',
      comment: `src/${room} may import ${below.length ? below.join(', ') : 'nothing'}`,
      from: { path: `^src/${room}/` },
      to: { path: '^(src|bin)/', pathNot: `^src/(${[room, ...below].join('|')})/` },
    })),
    {
      name: 'only-linux-knows-ffi',
      severity: 'error',
      from: { pathNot: '^src/linux/' },
      to: { path: 'node_modules/koffi' },
    },
    {
      name: 'only-cli-knows-the-terminal',
      severity: 'error',
      from: { pathNot: '^src/cli/' },
      to: { path: 'node_modules/(commander|chalk)' },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'bin-hands-over-to-cli',
      severity: 'error',
      from: { path: '^bin/' },
      to: { path: '^src/', pathNot: '^src/cli/' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default'] },
  },
};
