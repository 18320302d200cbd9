/**
 * What main puts into a worker's mailbox. A message starts with eight bytes: the kind, three unused, the task's number.
 * A worker is told a task's module and name once; from then on the number stands for it.
 */
export const RESOLVE = 1
/** The arguments follow, or nothing where there are none. */
export const RUN = 2

/** What a worker needs to find a task. */
export interface TaskSpec {
  /** The module's URL. */
  module: string
  /** The export's name. */
  name: string
  /** The function's source text, where main has the function: then the export must have the same. */
  source?: string
  /** Whether the module is the program's entry, and only a guess of ours. */
  guessed: boolean
}

/** The first eight bytes of a message. */
export function header(kind: number, task: number): Uint8Array {
  const bytes = new Uint8Array(8)
  bytes[0] = kind
  new DataView(bytes.buffer).setUint32(4, task, true)
  return bytes
}

/** What {@link header} wrote. */
export function readHeader(message: Buffer): { kind: number; task: number } {
  return { kind: message[0], task: message.readUInt32LE(4) }
}

/** The message that tells a worker where to find task number `task`. */
export function resolveMessage(task: number, spec: TaskSpec): Buffer {
  return Buffer.concat([header(RESOLVE, task), Buffer.from(JSON.stringify(spec))])
}

/** What {@link resolveMessage} wrote. */
export function readSpec(message: Buffer): TaskSpec {
  return JSON.parse(message.toString('utf8', 8))
}
