/** The host's kernel. Importing this loads nothing native; `linuxSystemCalls()` does. */
export { NativeUnavailable } from './native.ts';
export { linuxSystemCalls } from './systemcalls.ts';
