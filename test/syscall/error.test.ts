import { expect, test } from 'vitest';
import { check, SystemError } from '../../src/syscall/error.ts';
import { EPERM } from '../../src/uapi/errno.ts';

test('check passes a result of zero or more', () => {
  expect(check(0, 'bind')).toBe(0);
  expect(check(7, 'socket')).toBe(7);
});

test('check throws SystemError for -errno', () => {
  let caught: unknown;
  try {
    check(-EPERM, 'socket', { hint: 'Run it as root' });
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(SystemError);
  expect(caught).toMatchObject({
    name: 'SystemError',
    code: 'EPERM',
    errno: 1,
    syscall: 'socket',
    hint: 'Run it as root',
  });
  expect((caught as Error).message).toBe('EPERM: Operation not permitted, socket. Run it as root');
});

test('what the call was about stands in the message', () => {
  expect(new SystemError(19, 'bind', { dest: 'eth9' }).message).toBe("ENODEV: No such device, bind 'eth9'");
  expect(new SystemError(19, 'bind').dest).toBeUndefined();
});
