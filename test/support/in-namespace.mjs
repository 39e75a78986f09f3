#!/usr/bin/env node
// Runs a command in a network namespace of its own, so that tests can make devices, capture and inject as they like and
// never touch the machine's network: as root by unshare(1), else through an unprivileged user namespace. Where neither
// is to be had the command runs all the same, and what needs the namespace skips, saying why.
import { spawn, spawnSync } from 'node:child_process';
import { fetchOtherNodes } from './other-nodes.mjs';

const [command, ...args] = process.argv.slice(2);
// In the namespace there is no network.
if (process.env.CI) for (const failure of fetchOtherNodes()) console.error(`NOT FETCHED: ${failure}`);
// sysfs shows the devices of the namespace that it was mounted in, so it is mounted anew; tests may write to /run/netns.
const prepare = 'mount -t sysfs sysfs /sys && mount -t tmpfs tmpfs /run && ip link set lo up';
const ways = process.getuid() === 0 ? [['--net', '--mount']] : [['--user', '--map-root-user', '--net', '--mount']];

const env = { ...process.env };
delete env.NETLAB_NETNS;
delete env.NETLAB_NO_NETNS;
let wrapped = [command, ...args];
const reasons = [];
for (const way of ways) {
  const trial = spawnSync('unshare', [...way, 'sh', '-c', prepare], { encoding: 'utf8' });
  if (trial.status === 0) {
    env.NETLAB_NETNS = process.getuid() === 0 ? 'root' : 'user';
    wrapped = ['unshare', ...way, 'sh', '-c', `${prepare} && exec "$@"`, 'sh', command, ...args];
    break;
  }
  reasons.push(`unshare ${way.join(' ')}: ${(trial.error?.message ?? trial.stderr).trim()}`);
}
if (!env.NETLAB_NETNS) env.NETLAB_NO_NETNS = reasons.join('; ');

const child = spawn(wrapped[0], wrapped.slice(1), { stdio: 'inherit', env });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  console.error(error.message);
  process.exitCode = 127;
});
child.on('exit', (code, signal) => {
  process.exitCode = signal ? 1 : code;
});
