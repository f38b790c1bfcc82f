/** What went wrong, and what to do next. Shown without a stack. */
export class AuditError extends Error {}

/** The command line was not understood; the message says what to give instead. */
export class UsageError extends Error {}
