/** Major versions of Node that netlab runs on, besides the one of development. */
export const OTHER_VERSIONS: readonly string[];
/** Where the binary of a major version is, once fetched. */
export function nodeBinary(version: string): string;
/** Fetches what is missing; gives the reasons for what could not be had. */
export function fetchOtherNodes(): string[];
