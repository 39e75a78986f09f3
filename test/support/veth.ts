/** Network namespaces and veth pairs, for tests and benches. What is made here is inside the namespace of the run. */
import { type ChildProcess, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';

/** Runs a command to its end; throws with its output where it fails. */
export function run(command: string, ...args: string[]): string {
  const done = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (done.status !== 0)
    throw new Error(`${[command, ...args].join(' ')}: ${done.error?.message ?? `exit ${done.status}: ${done.stderr}`}`);
  return done.stdout;
}

let made = 0;
/** A device name that no other test has: at most 15 characters, as IFNAMSIZ asks. */
export const deviceName = (): string => `nl${process.pid % 100000}x${made++}`;

/** Waits until the kernel has noticed that the devices have a carrier, which it does a moment after they are up: frames that
 * are sent before that are lost without a word. `shell` runs a command in the devices' namespace. */
function untilRunning(devices: readonly string[], shell: (...command: string[]) => string = run): void {
  const script = `for d in ${devices.join(' ')}; do for i in $(seq 500); do [ "$(cat /sys/class/net/$d/operstate)" = up ] && break; sleep 0.01; done; done`;
  shell('sh', '-c', script);
}

/** A veth pair in this namespace: two ends, both up, without addresses of ours, IPv6 chatter off. */
export interface Pair {
  a: string;
  b: string;
  remove(): void;
}

export function vethPair(options: { mtu?: number; quiet?: boolean } = {}): Pair {
  const a = deviceName();
  const b = deviceName();
  run('ip', 'link', 'add', a, 'type', 'veth', 'peer', 'name', b);
  for (const end of [a, b]) {
    if (options.quiet !== false) run('sh', '-c', `echo 1 > /proc/sys/net/ipv6/conf/${end}/disable_ipv6`);
    if (options.mtu) run('ip', 'link', 'set', end, 'mtu', String(options.mtu));
    run('ip', 'link', 'set', end, 'up');
  }
  untilRunning([a, b]);
  return { a, b, remove: () => void spawnSync('ip', ['link', 'del', a]) };
}

/** Another network namespace, kept by a process of its own until `remove`. */
export class Namespace {
  readonly #holder: ChildProcess;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  static async create(): Promise<Namespace> {
    const holder = spawn(
      'unshare',
      ['--net', '--mount', 'sh', '-c', 'mount -t sysfs sysfs /sys && ip link set lo up && echo up && exec sleep 3600'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await new Promise<void>((resolve, reject) => {
      holder.once('error', reject);
      holder.once('exit', (code) => reject(new Error(`unshare --net: exit ${code}`)));
      holder.stdout!.once('data', () => resolve());
    });
    return new Namespace(holder);
  }

  get pid(): number {
    return this.#holder.pid!;
  }

  /** The words that put a command into this namespace. */
  prefix(): string[] {
    return ['nsenter', `--target=${this.pid}`, '--net', '--mount', '--wd=.'];
  }

  run(...command: string[]): string {
    const [first, ...rest] = [...this.prefix(), ...command];
    return run(first!, ...rest);
  }

  trySync(...command: string[]): SpawnSyncReturns<string> {
    const [first, ...rest] = [...this.prefix(), ...command];
    return spawnSync(first!, rest, { encoding: 'utf8', maxBuffer: 1 << 28 });
  }

  spawn(...command: string[]): ChildProcess {
    const [first, ...rest] = [...this.prefix(), ...command];
    return spawn(first!, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
  }

  remove(): void {
    this.#holder.kill('SIGKILL');
  }
}

/** This namespace joined to a second one by a veth pair with addresses: `here` 10.99.N.1/24 and fd99:N::1/64, `there` .2 and
 * ::2. Files of tests run side by side in one namespace, so that each has a net of its own; fd99:0:: is fd99::. */
export async function joined(net = 0): Promise<{ here: string; there: string; far: Namespace; remove(): void }> {
  const far = await Namespace.create();
  const here = deviceName();
  const there = deviceName();
  run('ip', 'link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', String(far.pid));
  run('ip', 'address', 'add', `10.99.${net}.1/24`, 'dev', here);
  run('ip', 'address', 'add', `fd99:${net}::1/64`, 'dev', here, 'nodad');
  run('ip', 'link', 'set', here, 'up');
  far.run('ip', 'address', 'add', `10.99.${net}.2/24`, 'dev', there);
  far.run('ip', 'address', 'add', `fd99:${net}::2/64`, 'dev', there, 'nodad');
  far.run('ip', 'link', 'set', there, 'up');
  untilRunning([here]);
  untilRunning([there], (...command) => far.run(...command));
  return {
    here,
    there,
    far,
    remove() {
      spawnSync('ip', ['link', 'del', here]);
      far.remove();
    },
  };
}
