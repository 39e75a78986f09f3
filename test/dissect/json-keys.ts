/** Throws where an object of the text has a key twice, which JSON.parse would hide. */
export function checkKeys(line: string): void {
  const keys: Set<string>[] = [];
  const tokens = /"((?:[^"\\]|\\.)*)"(\s*:)?|[{}]/g;
  for (const token of line.matchAll(tokens)) {
    if (token[0] === '{') keys.push(new Set());
    else if (token[0] === '}') keys.pop();
    else if (token[2]) {
      const scope = keys.at(-1)!;
      if (scope.has(token[1]!)) throw new Error(`key ${token[1]} twice in ${line}`);
      scope.add(token[1]!);
    }
  }
}
