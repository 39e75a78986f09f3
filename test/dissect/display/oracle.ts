/** The installed tshark as the judge of display filters: many filters over one capture in one run.
 *
 * A run of tshark takes a third of a second, whatever the filter. Its Lua listeners (`Listener.new('frame', filter)`) are
 * compiled by the same dfilter_compile() as -Y, each is called with the frames that match, and a filter that is wrong
 * throws the message that -Y prints: a thousand filters cost one run. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileDisplayFilter, type DisplayFilter } from '../../../src/dissect/display/compile.ts';
import { DisplayFilterError } from '../../../src/dissect/display/error.ts';
import { PacketWalker } from '../../../src/dissect/packets.ts';
import { openSavefile } from '../../../src/savefile/index.ts';

/** Numbers of the frames that match, joined by commas; or why the filter is wrong. */
export interface Verdict {
  frames: string;
  error: string | null;
}

const SCRIPT = `
local function file(name) return os.getenv("NETLAB_FILTERS") .. "/" .. name end
local found, rows = {}, {}
local progress = io.open(file("progress"), "w")
progress:setvbuf("no")
for line in io.lines(file("filters")) do
  local expression = line:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  local i = #rows + 1
  progress:write("x")
  local ok, listener = pcall(Listener.new, "frame", expression)
  rows[i] = ok and "" or "!" .. tostring(listener):gsub("%s+", " ")
  if ok then
    found[i] = {}
    listener.packet = function(info) table.insert(found[i], info.number) end
  end
end
local last = Listener.new("frame")
last.draw = function()
  local out = io.open(file("found"), "w")
  for i, row in ipairs(rows) do out:write(found[i] and table.concat(found[i], ",") or row, "\\n") end
  out:close()
end
`;

/** What tshark says of each. Some wrong filters crash it: those count as refused. */
export function theirs(capture: string, expressions: readonly string[]): Verdict[] {
  const crashing = new Set<number>();
  for (let attempt = 0; attempt <= 20; attempt++) {
    const asked = expressions.filter((_, index) => !crashing.has(index));
    const result = ask(capture, asked);
    if (typeof result !== 'number') {
      const verdicts = result.values();
      return expressions.map((_, index) =>
        crashing.has(index) ? { frames: '', error: 'tshark crashed' } : verdicts.next().value!,
      );
    }
    // The n-th of those asked is the one that it died of.
    const places = expressions.flatMap((_, index) => (crashing.has(index) ? [] : [index]));
    crashing.add(places[result - 1]!);
  }
  throw new Error('more than 20 filters crash tshark');
}

/** One run; the number of the filter, from 1, that it crashed with. */
function ask(capture: string, expressions: readonly string[]): Verdict[] | number {
  const folder = mkdtempSync(join(tmpdir(), 'netlab-filters-'));
  try {
    const coded = expressions.map((text) =>
      Array.from(Buffer.from(text), (byte) =>
        byte < 32 || byte > 126 || byte === 37 ? `%${byte.toString(16).padStart(2, '0')}` : String.fromCharCode(byte),
      ).join(''),
    );
    writeFileSync(join(folder, 'filters'), `${coded.join('\n')}\n`);
    writeFileSync(join(folder, 'ask.lua'), SCRIPT);
    const done = spawnSync('tshark', ['-q', '-X', `lua_script:${join(folder, 'ask.lua')}`, '-r', capture], {
      env: { ...process.env, NETLAB_FILTERS: folder, TZ: 'UTC' },
      encoding: 'utf8',
    });
    if (done.signal !== null) {
      const at = readFileSync(join(folder, 'progress'), 'utf8').length;
      if (at > 0 && !existsSync(join(folder, 'found'))) return at;
    }
    if (done.status !== 0) throw new Error(`tshark: ${done.error ?? done.signal ?? done.stderr}`);
    const lines = readFileSync(join(folder, 'found'), 'utf8').split('\n').slice(0, expressions.length);
    return lines.map((line) =>
      line.startsWith('!') ? { frames: '', error: line.slice(1) } : { frames: line, error: null },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What we say: each filter reads the capture by itself, as `read -Y` does. */
export async function ours(capture: string, expressions: readonly string[]): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  const asked: { walker: PacketWalker; frames: number[]; verdict: Verdict }[] = [];
  for (const expression of expressions) {
    const verdict: Verdict = { frames: '', error: null };
    verdicts.push(verdict);
    let filter: DisplayFilter;
    try {
      filter = compileDisplayFilter(expression);
    } catch (error) {
      if (!(error instanceof DisplayFilterError)) throw error;
      verdict.error = error.render();
      continue;
    }
    asked.push({
      walker: new PacketWalker({ wanted: filter.wanted, filter, fieldsOnly: true }),
      frames: [],
      verdict,
    });
  }
  let number = 0;
  const source = await openSavefile(capture);
  for await (const block of source)
    for (let row = 0; row < block.count; row++) {
      number++;
      for (const { walker, frames } of asked) if (walker.walk(block, row, source.interfaces)) frames.push(number);
    }
  for (const { frames, verdict } of asked) verdict.frames = frames.join(',');
  return verdicts;
}
