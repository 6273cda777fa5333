/** What the command tells the shell: 0 all is well, 1 an operation failed, 2 bad input or configuration. */
export type ExitCode = 0 | 1 | 2
