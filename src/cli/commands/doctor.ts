import type { Command } from 'commander';
import { addBackendOptions, type BackendOptions } from '../backend.ts';
import { useColour } from '../colour.ts';
import type { Finding } from '../doctor.ts';

export function define(program: Command): void {
  const command = program
    .command('doctor')
    .description('Says what of netlab works on this machine, and what to do about what does not.')
    .option('--json', 'print the findings as JSON');
  addBackendOptions(command).action(async (options: BackendOptions & { json?: true }) => {
    const { chooseSystem } = await import('../backend.ts');
    const { examine } = await import('../doctor.ts');
    const findings = examine(await chooseSystem(options, { fallBack: false }));
    process.stdout.write(options.json ? `${JSON.stringify(findings, null, 2)}\n` : text(findings));
  });
}

const MARK: Record<Finding['state'], string> = { ok: 'ok', limited: 'limited', missing: 'MISSING', unknown: '?' };
const COLOUR: Record<Finding['state'], string> = { ok: '32', limited: '33', missing: '31', unknown: '33' };

function text(findings: Finding[]): string {
  const colour = useColour('auto', process.stdout.isTTY === true);
  const width = Math.max(...findings.map(({ name }) => name.length));
  let area = '';
  let out = '';
  for (const finding of findings) {
    if (finding.area !== area) {
      area = finding.area;
      out += `${out === '' ? '' : '\n'}${area}\n`;
    }
    const mark = MARK[finding.state].padEnd(7);
    out += `  ${colour ? `\x1b[${COLOUR[finding.state]}m${mark}\x1b[0m` : mark}  ${finding.name.padEnd(width)}  ${finding.detail}\n`;
    if (finding.advice !== '') out += `  ${' '.repeat(7)}  ${' '.repeat(width)}  -> ${finding.advice}\n`;
  }
  return out;
}
