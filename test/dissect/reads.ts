/** Counts what a decoder does, where time would say little: how often it reads a byte. */

/** Reads of bytes since the last `counted`. */
let reads = 0;

const counted = new WeakMap<object, Uint8Array>();

/** Gives what takes no stand-in for bytes the bytes themselves. */
const decode = TextDecoder.prototype.decode;
TextDecoder.prototype.decode = function (bytes, options) {
  const target = bytes == null ? undefined : counted.get(bytes as object);
  reads += target?.length ?? 0;
  return decode.call(this, target ?? bytes, options);
};

/** Bytes that count how often they are read, by index and by the methods of typed arrays. */
function counting(bytes: Uint8Array): Uint8Array {
  const proxy = new Proxy(bytes, {
    get(target, key) {
      if (typeof key === 'string') {
        const index = Number(key);
        if (Number.isInteger(index)) {
          reads++;
          return target[index];
        }
      }
      const value = Reflect.get(target, key, target) as unknown;
      if (typeof value !== 'function') return value;
      if (key === 'subarray') return (from?: number, to?: number) => counting(target.subarray(from, to));
      return (...args: unknown[]): unknown => {
        reads += cost(target, key, args);
        return (value as (...args: unknown[]) => unknown).apply(target, args);
      };
    },
  });
  counted.set(proxy, bytes);
  return proxy;
}

/** Bytes that a method looks at, at most. */
function cost(target: Uint8Array, key: string | symbol, args: readonly unknown[]): number {
  const numbers = args.filter((arg): arg is number => typeof arg === 'number');
  if (key === 'set') return 0;
  if (key === 'indexOf' || key === 'includes') {
    const from = typeof args[1] === 'number' ? args[1] : 0;
    const found = target.indexOf(args[0] as number, from);
    return (found < 0 ? target.length : found) - from + 1;
  }
  if (numbers.length === 2) return Math.max(0, Math.min(numbers[1]!, target.length) - numbers[0]!);
  return target.length - (numbers[0] ?? 0);
}

/** How many bytes `work` reads of `bytes`. */
export function readsOf(bytes: Uint8Array, work: (bytes: Uint8Array) => void): number {
  reads = 0;
  work(counting(bytes));
  return reads;
}
